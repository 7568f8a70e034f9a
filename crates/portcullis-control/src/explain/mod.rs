//! Explains a refusal to an admin: the rule, what it saw, whether the same request would be admitted now, and what to change for that.
//!
//! Everything is looked up again in the records as they are: an explanation is never older than its page. A change that it
//! offers is made by the verb that anybody would use for it, with the same questions asked, and only while its reason stands.

mod fix;
mod names;
mod near;
mod reason;
mod scene;
mod seen;

use portcullis_access::SiteAdmin;
use portcullis_domain::{DenyReason, KeyState, Scope, Timestamp};
use portcullis_metadata::{AuditEvent, PageRequest};

use crate::audit::AuditQuery;
use crate::{Control, ControlError, Result};

pub use fix::{Fix, FixDraft, FixOn};
pub use names::{NamedKey, TrailNames};
use near::nearest;
use reason::{Reason, policy_of};
use scene::Scene;
pub use seen::{Seen, SeenKey, SeenStorage};
use seen::{action_of, detail};

/// Entries of one request that are looked through for its first refusal.
const LOOKED_THROUGH: u32 = 1_000;

/// Whether the same request would be admitted at this moment, with the credentials as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now {
    /// It would.
    Allowed,
    /// It would not, for this reason.
    Refused(DenyReason),
    /// That depends on what the client shows.
    Unknown,
}

impl Now {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a request was refused.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The entry of the audit trail: the first refusal of the request.
    pub event: AuditEvent,
    /// How many more refusals the request had, such as one for each of several files.
    pub others: u64,
    /// The rule in words.
    pub rule: &'static str,
    /// What helps besides a change here, in words.
    pub advice: &'static str,
    /// The values that the rule looked at.
    pub seen: Seen,
    /// Whether it would be admitted now.
    pub now: Now,
    /// The change that takes away what stands against it now.
    pub fix: Option<Fix>,
}

impl Control {
    /// Explains why the request with this id was refused. Refusals of the admin's site, and for the admins of the topmost one those
    /// that belong to no site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if nothing was refused under this id, [`ControlError::Metadata`].
    pub async fn explain_refusal(&self, admin: &SiteAdmin, request_id: &str) -> Result<Explanation> {
        let (event, others) = self.first_refusal(admin, request_id).await?;
        let scene = self.scene(admin, &event).await?;
        self.explained(event, others, &scene).await
    }

    /// Makes the change that the explanation of this request offers, if it still does, and explains anew.
    ///
    /// # Errors
    /// [`ControlError::Stale`] if what is meant is not what is offered now: somebody changed something meanwhile, or the reason stands no
    /// longer; what the verb gives that makes the change: [`ControlError::Invalid`], [`ControlError::ConfirmationNeeded`],
    /// [`ControlError::Access`]; otherwise as [`Control::explain_refusal`].
    pub async fn fix_refusal(
        &self,
        admin: &SiteAdmin,
        request_id: &str,
        wanted: &FixDraft,
    ) -> Result<Explanation> {
        let (event, others) = self.first_refusal(admin, request_id).await?;
        let scene = self.scene(admin, &event).await?;
        let before = self.explained(event, others, &scene).await?;
        let fix = wanted.of(before.fix.ok_or(ControlError::Stale)?)?;
        self.make_fix(admin, &fix, &scene, request_id).await?;
        let scene = self.scene(admin, &before.event).await?;
        self.explained(before.event, others, &scene).await
    }

    /// The oldest refusal of a request: what came after it follows from it.
    async fn first_refusal(&self, admin: &SiteAdmin, request_id: &str) -> Result<(AuditEvent, u64)> {
        let query = AuditQuery {
            request_id: Some(request_id.to_owned()),
            verdict: Some(false),
            ..AuditQuery::default()
        };
        let found = self.audit_events(admin, query, &PageRequest::first(LOOKED_THROUGH)).await?.items;
        let others = u64::try_from(found.len().saturating_sub(1)).unwrap_or(u64::MAX);
        Ok((found.into_iter().last().ok_or(ControlError::NotFound)?, others))
    }

    async fn explained(&self, event: AuditEvent, others: u64, scene: &Scene) -> Result<Explanation> {
        let at = self.access.now();
        let now = scene.now(&event, at);
        let reason = Reason::read(&event.reason);
        let rule = reason.rule(&event.reason);
        let fix = match now {
            Now::Refused(stands) if event.site.is_some() => {
                let rules = self.key_rules(scene.site).await?;
                fix::offer(stands, scene, &event, &rules, at)
            }
            Now::Refused(_) | Now::Allowed | Now::Unknown => None,
        };
        let advice = match now {
            // What stands against it now is what has to be dealt with.
            Now::Refused(stands) if policy_of(reason) != Some(stands) => {
                Reason::Policy(stands).rule("").advice
            }
            Now::Refused(_) | Now::Allowed | Now::Unknown => rule.advice,
        };
        let seen = self.seen(&event, scene, now, at).await?;
        Ok(Explanation { event, others, rule: rule.text, advice, seen, now, fix })
    }

    async fn seen(&self, event: &AuditEvent, scene: &Scene, now: Now, at: Timestamp) -> Result<Seen> {
        let number = |name| detail(event, name).and_then(|text| text.parse::<i64>().ok());
        let mut seen = Seen {
            address: event.peer.clone(),
            temporary_until: detail(event, "temporary").and_then(|end| end.parse().ok()),
            link: scene.link.as_ref().map(|link| link.name.clone()),
            user: scene.person.as_ref().map(|(user, _)| user.username.to_string()),
            storage: scene.storage.as_ref().map(|storage| SeenStorage {
                id: storage.id,
                name: storage.name.clone(),
                bucket: storage.bucket.clone(),
            }),
            skew_seconds: number("skew_seconds"),
            late_seconds: number("late_seconds"),
            bucket: scene.bucket.clone(),
            object: event.object.clone(),
            ..Seen::default()
        };
        if let Some(key) = &scene.key {
            let is_deleted = key.state == KeyState::Deleted;
            let ended = if is_deleted { self.metadata.keys_with_end(&[key.id]).await?.pop() } else { None };
            let storage = match key.scope {
                Scope::Storage(id) => Some(id),
                Scope::User(_) | Scope::Site => None,
            };
            seen.key = Some(SeenKey {
                id: key.id,
                name: key.name.clone(),
                credential: key.credential,
                storage,
                deleted: ended.and_then(|(_, at)| at),
                is_deleted,
            });
        }
        if let Some(asked) = &scene.bucket {
            let mut known = scene.known_to_key(event, at).peekable();
            let only = scene.key.as_ref().is_some_and(|key| matches!(key.scope, Scope::Storage(_)));
            seen.nearest_bucket = if only {
                known.next().map(|storage| storage.bucket.clone())
            } else {
                let found: Vec<_> = known.collect();
                let near = nearest(asked, found.iter().map(|storage| storage.bucket.as_str()));
                found
                    .iter()
                    .find(|storage| Some(storage.bucket.as_str()) == near)
                    .map(|storage| storage.bucket.clone())
            };
            if seen.nearest_bucket.as_ref().map(portcullis_domain::BucketName::as_str) == Some(asked) {
                seen.nearest_bucket = None;
            }
        }
        let then = policy_of(Reason::read(&event.reason));
        let stands = match now {
            Now::Refused(reason) => Some(reason),
            Now::Allowed | Now::Unknown => None,
        };
        for reason in then.into_iter().chain(stands) {
            scene.values_of(reason, event, &mut seen);
        }
        Ok(seen)
    }
}

impl Scene {
    /// The values that this rule looks at.
    fn values_of(&self, reason: DenyReason, event: &AuditEvent, seen: &mut Seen) {
        let list = |networks: &portcullis_domain::Networks| {
            let texts = networks.entries().iter().map(|entry| entry.network.to_string());
            Some(texts.collect::<Vec<_>>())
        };
        let (key, link, storage) = (self.key.as_ref(), self.link.as_ref(), self.storage.as_ref());
        match reason {
            DenyReason::KeyNetwork => seen.networks = key.and_then(|key| list(&key.networks)),
            DenyReason::StorageNetwork => seen.networks = storage.and_then(|storage| list(&storage.networks)),
            DenyReason::LinkNetwork => seen.networks = link.and_then(|link| list(&link.networks)),
            DenyReason::KeyExpired => seen.ends = key.and_then(|key| key.expires),
            DenyReason::LinkExpired => seen.ends = link.and_then(|link| link.expires),
            DenyReason::KeyDisabled | DenyReason::KeyPermission => {
                seen.held = key.map(|key| key.permission);
                seen.asked = Some(action_of(event));
            }
            DenyReason::StoragePermission => {
                seen.held = storage.map(|storage| storage.permission);
                seen.asked = Some(action_of(event));
            }
            DenyReason::LinkPermission => {
                seen.held = link.map(|link| link.permission);
                seen.asked = Some(action_of(event));
            }
            DenyReason::GrantPermission | DenyReason::NotGranted => seen.asked = Some(action_of(event)),
            DenyReason::OutsidePrefix => {
                let of_key = key.filter(|key| !key.prefix.is_empty()).map(|key| key.prefix.to_string());
                seen.prefix = of_key.or_else(|| link.map(|link| link.target.as_str().to_owned()));
            }
            DenyReason::StoragePaused => seen.paused_until = storage.and_then(|storage| storage.paused_until),
            DenyReason::KeyDeleted
            | DenyReason::WrongChannel
            | DenyReason::OtherSite
            | DenyReason::OutOfScope
            | DenyReason::UserDisabled
            | DenyReason::SessionExpired
            | DenyReason::SecondFactorNeeded
            | DenyReason::CredentialsReplaced
            | DenyReason::CredentialsExpired
            | DenyReason::LinkEnded
            | DenyReason::StorageDetached
            | DenyReason::StorageS3Off => {}
        }
    }
}
