//! The fields with which credentials are changed: why, how long the old pair goes on, and whether the access key stays.

use portcullis_control::{ControlError, KeyView, Mover, Result, Rotation};
use portcullis_domain::{Key, KeyId, Timestamp};

use super::super::channel_key::OwnForm;
use super::super::fields::{Faults, Fields};
use super::super::{format, words};
use crate::app::App;
use crate::extract::Keeper;

/// For how many seconds the old pair may go on, with the name of the text that says so; the first is the rule.
const SPANS: [(u64, &str); 5] = [
    (0, "rotation.keep.none"),
    (3_600, "rotation.keep.hour"),
    (86_400, "rotation.keep.day"),
    (604_800, "rotation.keep.week"),
    (2_592_000, "rotation.keep.month"),
];
const REASONS: [(&str, &str); 3] = [
    ("routine", "rotation.reason.routine"),
    ("security_incident", "rotation.reason.incident"),
    ("lost", "rotation.reason.lost"),
];
const INCIDENT: &str = "security_incident";

/// One of several things to choose.
#[derive(Debug)]
pub(in super::super) struct Choice {
    pub(in super::super) value: String,
    pub(in super::super) text: &'static str,
    pub(in super::super) detail: Option<&'static str>,
    pub(in super::super) is_chosen: bool,
}

/// The fields as they are shown.
#[derive(Debug)]
pub(in super::super) struct RotationForm {
    pub(in super::super) reasons: Vec<Choice>,
    pub(in super::super) spans: Vec<Choice>,
    pub(in super::super) access: Vec<Choice>,
    /// Until when the pair before this one still works, if it does: then there is no further overlap.
    pub(in super::super) running: Option<Timestamp>,
    /// Who came with the pair in the last 30 days.
    pub(in super::super) users: Vec<Mover>,
    /// A user name and a secret of somebody's own, for a channel that has them.
    pub(in super::super) own: Option<OwnForm>,
    pub(in super::super) faults: Faults,
    /// Which credentials the page shows.
    pub(in super::super) seen: String,
}

impl RotationForm {
    /// The fields as whoever comes to the page finds them: the old pair stops at once.
    pub(in super::super) async fn load(app: &App, keeper: &Keeper, view: &KeyView) -> Result<Self> {
        let users = keeper.users_of_pair(&app.control, view.key.id).await?;
        Ok(Self::filled(view, users, &Fields::default()))
    }

    fn filled(view: &KeyView, users: Vec<Mover>, given: &Fields) -> Self {
        let choice = |value: &str, text, detail: Option<&'static str>, field, rule: &str| {
            let chosen = Some(given.get(field)).filter(|given| !given.is_empty()).unwrap_or(rule);
            Choice {
                value: value.to_owned(),
                text: words::text(text),
                detail: detail.map(words::text),
                is_chosen: chosen == value,
            }
        };
        let running = view.overlap.as_ref().map(|overlap| overlap.until);
        let spans = SPANS.iter().filter(|(seconds, _)| *seconds == 0 || running.is_none());
        let own = view.key.channel.takes_chosen();
        let names = if own {
            [
                "rotation.login.new",
                "rotation.login.new.detail",
                "rotation.login.same",
                "rotation.login.same.detail",
            ]
        } else {
            [
                "rotation.access.new",
                "rotation.access.new.detail",
                "rotation.access.same",
                "rotation.access.same.detail",
            ]
        };
        let [new, new_detail, same, same_detail] = names;
        // Whoever chose a name keeps it, unless they say otherwise.
        let rule = if view.key.login.is_some() { "same" } else { "new" };
        Self {
            reasons: REASONS
                .iter()
                .map(|(value, text)| choice(value, text, None, "reason", "routine"))
                .collect(),
            spans: spans
                .map(|(seconds, text)| choice(&seconds.to_string(), text, None, "overlap", "0"))
                .collect(),
            access: vec![
                choice("new", new, Some(new_detail), "access", rule),
                choice("same", same, Some(same_detail), "access", rule),
            ],
            own: own.then(|| OwnForm { with_login: true, with_public_keys: false, ..OwnForm::of(given) }),
            running,
            users,
            faults: Faults::default(),
            seen: seen(view.key.id, view.key.generation),
        }
    }

    /// The fields with what was filled in, and why that was not done.
    pub(in super::super) async fn after(
        app: &App,
        keeper: &Keeper,
        view: &KeyView,
        given: &Fields,
        faults: Faults,
    ) -> Result<Self> {
        let users = keeper.users_of_pair(&app.control, view.key.id).await?;
        Ok(Self { faults, ..Self::filled(view, users, given) })
    }

    /// Whether the form was made from the credentials that the key has now: a pair that somebody else made since is not to be stopped
    /// unseen.
    pub(in super::super) fn is_of(given: &Fields, key: &Key) -> bool {
        given.get("seen") == seen(key.id, key.generation)
    }

    /// What is wanted.
    pub(in super::super) fn read(given: &Fields, key: &Key) -> Result<Rotation, Faults> {
        let mut faults = Faults::default();
        let own = OwnForm::of(given).read(given, key.channel, &mut faults);
        let keep_access_key = given.get("access") == "same";
        let overlap = match given.get("overlap") {
            "" => 0,
            text => SPANS
                .iter()
                .map(|(seconds, _)| *seconds)
                .find(|seconds| seconds.to_string() == text)
                .unwrap_or_else(|| {
                    faults.add("overlap", words::text("rotation.keep.wrong"));
                    0
                }),
        };
        let reason = Some(given.get("reason")).filter(|reason| !reason.is_empty());
        if reason == Some(INCIDENT) && overlap > 0 {
            faults.add("overlap", words::text("rotation.keep.incident"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        // Where another name is wanted and none is chosen, the one that was chosen before goes too.
        let other = || own.login.clone().or_else(|| key.login.as_ref().map(|_| String::new()));
        Ok(Rotation {
            overlap_seconds: Some(overlap),
            keep_access_key,
            reason: reason.map(str::to_owned),
            login: if keep_access_key { None } else { other() },
            secret: own.secret,
        })
    }

    /// What was wrong with what was wanted, if it was that.
    pub(in super::super) fn faults_of(error: ControlError) -> Result<Faults> {
        let mut faults = Faults::default();
        match error {
            ControlError::OverlapRuns { until } => {
                faults.add("overlap", words::fill("rotation.runs", &[&format::moment(until)]));
            }
            ControlError::Invalid(problems) => {
                for problem in problems {
                    let field =
                        if problem.field == "overlap_seconds" { "overlap".to_owned() } else { problem.field };
                    faults.add(field, problem.message);
                }
            }
            other @ (ControlError::NotFound
            | ControlError::Conflict { .. }
            | ControlError::InUse(_)
            | ControlError::Stale
            | ControlError::ConfirmationNeeded
            | ControlError::KeysByAdminsOnly
            | ControlError::NotNow(_)
            | ControlError::Access(_)
            | ControlError::Metadata(_)) => return Err(other),
        }
        Ok(faults)
    }
}

fn seen(key: KeyId, generation: u32) -> String {
    format!("{key}:{generation}")
}
