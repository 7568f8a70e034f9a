//! Networks that are tried out before they are put in force: what begins and ends that, and what came of it.

use portcullis_domain::{Networks, Timestamp, Trial};

use super::clients::{Client, together};
use super::cover::{is_all, within};
use crate::check::Check;
use crate::{ControlError, NetworkDraft, Result};

/// What to do about a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialChange {
    /// Tries these networks out from now on, in place of any that are tried now.
    Begin(Vec<NetworkDraft>),
    /// Ends it; the networks in force stay as they are.
    End,
    /// Puts the networks that are tried in force, and ends the trial.
    Enforce,
}

/// How a trial goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialView {
    /// What is tried, and since when.
    pub trial: Trial,
    /// Whom it would have refused, the latest first. Requests are counted by the hour: those of the first hour may have come
    /// before the trial began.
    pub refused: Vec<Client>,
    /// Whom it would have let in all the same, counted alike.
    pub admitted: Vec<Client>,
    /// Whether there were more clients than are looked at.
    pub has_more: bool,
}

/// What is counted of a client during a trial.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) client: Client,
    /// What kind of count this is.
    pub(super) of: CountedOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedOf {
    /// Deeds that were admitted.
    Deeds,
    /// Times that somebody came in, whatever they did then.
    Entries,
    /// Deeds that were admitted, and that the trial would have refused.
    Shadow,
}

impl TrialChange {
    /// The word for it in the audit trail.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Begin(_) => "begin_trial",
            Self::End => "end_trial",
            Self::Enforce => "enforce_trial",
        }
    }

    /// Does it to a record's two settings.
    pub(crate) fn apply(
        &self,
        networks: &mut Networks,
        trial: &mut Option<Trial>,
        now: Timestamp,
    ) -> Result<()> {
        match self {
            Self::Begin(drafts) => {
                let tried = read(drafts)?;
                if tried.is_anywhere() {
                    let message =
                        "an empty list lets everybody in, and a trial of it refuses nobody; list a network";
                    return Err(ControlError::invalid("networks", message));
                }
                *trial = Some(Trial { networks: tried, since: now });
            }
            Self::End => *trial = None,
            Self::Enforce => match trial.take() {
                Some(tried) => *networks = tried.networks,
                None => {
                    return Err(ControlError::invalid("trial", "nothing is tried out; begin a trial first"));
                }
            },
        }
        Ok(())
    }
}

/// The list that drafts stand for; empty means anywhere.
///
/// # Errors
/// [`ControlError::Invalid`], with what was probably meant.
pub fn read(drafts: &[NetworkDraft]) -> Result<Networks> {
    let mut check = Check::default();
    let read = check.networks(drafts);
    check.finish(read)
}

/// Puts together what was counted since a trial began. Whom the trial would refuse follows from its list, not from the counts: who only
/// asked whether a storage is there was seen as well.
pub(super) fn result(trial: Trial, counted: &[Counted], has_more: bool) -> TrialView {
    let (mut refused, mut admitted) = (Vec::new(), Vec::new());
    let shadow_of = |client: &Client| -> u64 {
        let same = |other: &&Counted| {
            other.of == CountedOf::Shadow
                && (other.client.key, other.client.network, &other.client.tool)
                    == (client.key, client.network, &client.tool)
        };
        counted.iter().filter(same).map(|other| other.client.requests).sum()
    };
    for Counted { client, of } in counted {
        let inside = within(&trial.networks, vec![client.network]);
        let (some, all) = (!inside.is_empty(), is_all(&inside, &client.network));
        let counts = |requests| Client { requests, in_part: some && !all, ..client.clone() };
        match of {
            CountedOf::Shadow if !all => refused.push(counts(client.requests)),
            // It was tried before with another list.
            CountedOf::Shadow => {}
            CountedOf::Entries if all => admitted.push(counts(0)),
            CountedOf::Entries if !some => refused.push(counts(0)),
            CountedOf::Deeds if all => admitted.push(counts(client.requests)),
            CountedOf::Deeds if !some => refused.push(counts(0)),
            CountedOf::Entries | CountedOf::Deeds => {
                let left = client.requests.saturating_sub(shadow_of(client));
                if left > 0 {
                    admitted.push(counts(if *of == CountedOf::Deeds { left } else { 0 }));
                }
            }
        }
    }
    TrialView { trial, refused: together(refused), admitted: together(admitted), has_more }
}
