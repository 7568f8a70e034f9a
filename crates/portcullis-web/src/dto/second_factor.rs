//! Authenticator apps and recovery codes.

use portcullis_control::{SecondFactors, TotpSetUp};
use portcullis_domain::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The second factors of the person who asks.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactors)]
pub(crate) struct SecondFactorsOut {
    /// Whether an authenticator app is set up.
    totp: bool,
    /// How many passkeys there are.
    passkeys: usize,
    /// How many recovery codes are left.
    recovery_codes: u32,
    /// Whether the site asks this person for a second factor.
    asked: bool,
}

impl From<SecondFactors> for SecondFactorsOut {
    fn from(factors: SecondFactors) -> Self {
        let SecondFactors { totp, recovery_codes, passkeys, asked } = factors;
        Self { totp, passkeys: passkeys.len(), recovery_codes, asked }
    }
}

/// An authenticator app that is being set up. Nothing is kept of it before it is confirmed.
#[derive(Serialize, ToSchema)]
#[schema(as = TotpSetUp)]
pub(crate) struct TotpSetUpOut {
    /// The seed, for apps into which it is typed: base32.
    secret: String,
    /// The address for a QR code, which holds the seed.
    uri: String,
    /// Has to come back with the first code, within 15 minutes.
    state: String,
}

impl From<TotpSetUp> for TotpSetUpOut {
    fn from(set_up: TotpSetUp) -> Self {
        let text = |secret: &Secret| secret.reveal().to_owned();
        Self { secret: text(&set_up.seed), uri: text(&set_up.uri), state: text(&set_up.state) }
    }
}

/// The first code of an app that is being set up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstCode)]
pub(crate) struct FirstCodeIn {
    /// The state of the set-up.
    #[schema(write_only)]
    pub(crate) state: String,
    /// What the app shows: six digits.
    #[schema(write_only, example = "123456")]
    pub(crate) code: String,
}

/// Recovery codes: in this answer and no other.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesOut {
    /// Ten of them; each stands in for a code of the app once.
    #[schema(example = json!(["7hq2-k4vd-m9xe-3tzw"]))]
    recovery_codes: Vec<String>,
}

impl From<Vec<Secret>> for RecoveryCodesOut {
    fn from(codes: Vec<Secret>) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.reveal().to_owned()).collect() }
    }
}
