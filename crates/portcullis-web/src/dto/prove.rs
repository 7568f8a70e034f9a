//! Keys that are proved.

use portcullis_control::{KeyProof, ProofDraft, ProofStep};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From where, and where, to prove a key.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProofRequest)]
pub(crate) struct ProofIn {
    /// The address from which it is to be as if the key was used; your own if left out.
    #[schema(example = "203.0.113.7")]
    from: Option<String>,
    /// The id of the storage, for a key that is not for one; the first that it opens if left out.
    storage: Option<String>,
}

impl From<ProofIn> for ProofDraft {
    fn from(given: ProofIn) -> Self {
        Self { from: given.from, storage: given.storage }
    }
}

/// What a tool with the key would see.
#[derive(Serialize, ToSchema)]
#[schema(as = Proof)]
pub(crate) struct ProofOut {
    /// Whether every step was as the settings of key and storage promise.
    as_promised: bool,
    /// Why nothing at all is to be allowed; null if something is.
    closed: Option<&'static str>,
    /// From where.
    from: String,
    /// The id of the storage.
    storage: String,
    /// Whether requests were signed with the key's secret. Of a REST key only the hash is stored, so that only the policy was asked.
    secret_tested: bool,
    /// The object that was written and stays, since the key may not delete; null if there is none.
    left_behind: Option<String>,
    /// The steps.
    steps: Vec<ProofStepOut>,
}

/// One step of a proof.
#[derive(Serialize, ToSchema)]
#[schema(as = ProofStep)]
pub(crate) struct ProofStepOut {
    /// `list`, `read`, `write`, `delete`, `other_bucket` or `outside_prefix`.
    name: &'static str,
    /// `allowed` or `refused`; null if nothing is expected.
    expected: Option<&'static str>,
    /// `allowed`, `refused` or `unclear`.
    seen: &'static str,
    /// Whether the two agree.
    ok: bool,
    /// The status of the protocol's answer; null where only the policy was asked.
    status: Option<u16>,
    /// The protocol's own word for it, or the policy's; empty if there is none.
    code: String,
    /// What else was found; empty if nothing.
    detail: &'static str,
}

impl From<KeyProof> for ProofOut {
    fn from(found: KeyProof) -> Self {
        Self {
            as_promised: found.proof.is_as_promised(),
            closed: found.closed,
            from: found.from.to_string(),
            storage: found.storage.id.to_string(),
            secret_tested: found.secret_tested,
            left_behind: found.proof.left_behind,
            steps: found.proof.steps.into_iter().map(ProofStepOut::from).collect(),
        }
    }
}

impl From<ProofStep> for ProofStepOut {
    fn from(step: ProofStep) -> Self {
        let word = |allowed: bool| if allowed { "allowed" } else { "refused" };
        Self {
            name: step.act.as_str(),
            expected: step.expected.map(word),
            seen: step.seen.as_str(),
            ok: step.is_as_expected(),
            status: step.status,
            code: step.code,
            detail: step.detail,
        }
    }
}
