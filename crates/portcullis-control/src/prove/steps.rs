//! The steps of a proof, in their order. They leave nothing behind but what the key itself cannot take away.

use async_trait::async_trait;

use super::act::{Act, Answer, Ask, ProofStep, Seen};
use super::promise::Promise;

/// The one name under which a proof writes: whatever cannot be deleted again is there and nowhere else.
pub const LEFT_BEHIND: &str = ".portcullis-proof";
/// What a proof writes begins with this: a file of that name that does not is somebody's.
const MARK: &[u8] = b"portcullis proof ";
/// A name that is asked for where a key must not reach.
const OUTSIDE: &str = ".portcullis-proof-outside";
/// A bucket that is asked for where no other one is known.
const NO_BUCKET: &str = "portcullis-proof-no-such-bucket";

/// What a proof goes through: a client of the protocol with the key's credentials, or the policy.
#[async_trait]
pub trait ProofDoor: Send + Sync {
    /// Asks, and says what came of it.
    async fn ask(&self, ask: &Ask<'_>) -> Answer;
    /// Whether what is written is really written.
    fn writes(&self) -> bool {
        true
    }
}

/// What is to be proved, and where.
#[derive(Clone, Debug)]
pub struct ProofPlan {
    /// The bucket.
    pub bucket: String,
    /// The only part of it that the key reaches; empty for all of it.
    pub prefix: String,
    /// A bucket that the key must not open; a name that is none if left out.
    pub other_bucket: Option<String>,
    /// What the key is to be allowed; what is seen is only shown if left out.
    pub promise: Option<Promise>,
    /// Something that no other proof has.
    pub token: String,
}

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The steps.
    pub steps: Vec<ProofStep>,
    /// The object that was written and that the key may not delete.
    pub left_behind: Option<String>,
}

impl Proof {
    /// Whether every step was as it was to be.
    #[must_use]
    pub fn is_as_promised(&self) -> bool {
        self.steps.iter().all(ProofStep::is_as_expected)
    }
}

/// Runs all steps.
pub async fn prove(door: &dyn ProofDoor, plan: &ProofPlan) -> Proof {
    Prover { door, plan, key: format!("{}{LEFT_BEHIND}", plan.prefix), steps: Vec::new() }.run().await
}

struct Prover<'a> {
    door: &'a dyn ProofDoor,
    plan: &'a ProofPlan,
    key: String,
    steps: Vec<ProofStep>,
}

impl Prover<'_> {
    async fn run(mut self) -> Proof {
        let listed = self.list(&self.plan.bucket, &self.plan.prefix, Act::List).await;
        self.note(Act::List, &listed, "");
        let left_behind = self.file().await;
        let other = self.plan.other_bucket.as_deref();
        let answer = self.list(other.unwrap_or(NO_BUCKET), "", Act::OtherBucket).await;
        self.note(Act::OtherBucket, &answer, if other.is_some() { "" } else { "a bucket that is not there" });
        if !self.plan.prefix.is_empty() && !OUTSIDE.starts_with(&self.plan.prefix) {
            let ask = Ask { key: OUTSIDE, ..self.ask(Act::OutsidePrefix) };
            let answer = self.door.ask(&ask).await;
            self.note(Act::OutsidePrefix, &answer, "");
        }
        Proof { steps: self.steps, left_behind }
    }

    /// Writes a file, reads it and deletes it, as far as the key may; what cannot be deleted is given.
    async fn file(&mut self) -> Option<String> {
        let before = self.door.ask(&self.ask(Act::Read)).await;
        if before.status == Some(200) && !before.body.starts_with(MARK) {
            const FOREIGN: &str =
                "not tried: somebody has a file of the name that is reserved for this, .portcullis-proof";
            self.note(Act::Read, &before, "");
            for act in [Act::Write, Act::Delete] {
                self.note(act, &Answer::none(""), FOREIGN);
            }
            return None;
        }
        let body = [MARK, self.plan.token.as_bytes(), b"\n"].concat();
        let written = self.door.ask(&Ask { body: &body, ..self.ask(Act::Write) }).await;
        let is_written = written.seen == Seen::Allowed;
        if is_written && before.seen == Seen::Allowed {
            let read = self.door.ask(&self.ask(Act::Read)).await;
            let detail = match (read.seen, read.body == body) {
                (Seen::Allowed, true) => "what was written came back",
                (Seen::Allowed, false) if self.door.writes() => "what came back is not what was written",
                (_, _) => "",
            };
            self.note(Act::Read, &read, detail);
        } else {
            let detail = if before.status == Some(404) { "there is no such file to be read" } else { "" };
            self.note(Act::Read, &before, if before.seen == Seen::Allowed { detail } else { "" });
        }
        self.note(Act::Write, &written, "");
        let deleted = self.delete(written.version.as_deref()).await;
        let stays = is_written && self.door.writes() && deleted.seen != Seen::Allowed;
        let detail = if stays { "the file that was written stays" } else { "" };
        self.note(Act::Delete, &deleted, detail);
        stays.then(|| self.key.clone())
    }

    /// Deletes the very version that was written, where there are versions and the key may.
    async fn delete(&self, version: Option<&str>) -> Answer {
        if version.is_some() {
            let answer = self.door.ask(&Ask { version, ..self.ask(Act::Delete) }).await;
            if answer.seen == Seen::Allowed {
                return answer;
            }
        }
        self.door.ask(&self.ask(Act::Delete)).await
    }

    async fn list(&self, bucket: &str, prefix: &str, act: Act) -> Answer {
        self.door.ask(&Ask { act, bucket, key: prefix, body: b"", version: None }).await
    }

    fn ask(&self, act: Act) -> Ask<'_> {
        Ask { act, bucket: &self.plan.bucket, key: &self.key, body: b"", version: None }
    }

    fn note(&mut self, act: Act, answer: &Answer, detail: &'static str) {
        let expected = self.plan.promise.map(|promise| promise.allows(act));
        let expected = match act {
            Act::OtherBucket | Act::OutsidePrefix => Some(false),
            Act::List | Act::Read | Act::Write | Act::Delete => expected,
        };
        let Answer { seen, status, ref code, .. } = *answer;
        self.steps.push(ProofStep { act, expected, seen, status, code: code.clone(), detail });
    }
}
