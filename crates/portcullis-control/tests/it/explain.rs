//! Refusals explained: every reason the policy has, what it saw, whether it would still refuse, and what is offered to change it.

use std::time::Duration;

use portcullis_control::{
    AuditEvent, ControlError, CreatedKey, Explanation, FixDraft, KeyDraft, LinkChange, NetworkDraft, Now,
    Rotation, ScopeDraft, StorageChange, UserChange,
};
use portcullis_domain::{Channel, Clock as _, DenyReason, KeyId, Storage, StorageId};

use crate::links::draft as link_draft;
use crate::sharing::with_user;
use crate::world::World;

/// Where everything refused comes from.
pub(crate) const PEER: &str = "203.0.113.7";

pub(crate) fn network(text: &str) -> NetworkDraft {
    NetworkDraft { network: text.to_owned(), note: "office".to_owned() }
}

/// A refusal as the core writes it down.
pub(crate) struct Refusal(pub(crate) AuditEvent);

impl Refusal {
    pub(crate) fn new(world: &World, reason: &str, action: &str) -> Self {
        Self(AuditEvent {
            at: world.clock.now(),
            request_id: format!("REQ-{reason}-{action}"),
            site: Some(world.admin.site()),
            actor: "anonymous".to_owned(),
            key: None,
            storage: None,
            channel: Channel::S3,
            peer: PEER.to_owned(),
            tool: "aws-cli/2.30".to_owned(),
            action: action.to_owned(),
            object: None,
            allowed: false,
            reason: reason.to_owned(),
            detail: String::new(),
        })
    }

    pub(crate) fn key(mut self, id: KeyId) -> Self {
        self.0.key = Some(id);
        self.0.actor = format!("key:{id}");
        self
    }

    fn actor(mut self, actor: String) -> Self {
        self.0.actor = actor;
        self
    }

    pub(crate) fn at(mut self, storage: StorageId, object: &str) -> Self {
        self.0.storage = Some(storage);
        self.0.object = Some(object.to_owned()).filter(|object| !object.is_empty());
        self
    }

    fn over(mut self, channel: Channel) -> Self {
        self.0.channel = channel;
        self
    }

    pub(crate) fn detail(mut self, detail: &str) -> Self {
        self.0.detail = detail.to_owned();
        self
    }

    /// Writes it down, and explains it.
    pub(crate) async fn explained(self, world: &World) -> Explanation {
        let id = self.0.request_id.clone();
        world.metadata.append_audit(&[self.0]).await.unwrap();
        world.control.explain_refusal(&world.admin, &id).await.unwrap()
    }
}

impl World {
    pub(crate) async fn key_for(&self, storage: &Storage, change: impl FnOnce(&mut KeyDraft)) -> CreatedKey {
        self.key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "read_write".to_owned();
            change(draft);
        })
        .await
    }

    async fn alter_storage(&self, id: StorageId, change: StorageChange) {
        self.control.update_storage(&self.admin, id, &change).await.unwrap();
    }

    pub(crate) async fn fix_it(&self, explained: &Explanation) -> Result<Explanation, ControlError> {
        let fix = explained.fix.as_ref().unwrap();
        let draft = FixDraft { fix: fix.as_str().to_owned(), value: Some(fix.value()) };
        self.control.fix_refusal(&self.admin, &explained.event.request_id, &draft).await
    }
}

/// Brings about what this reason is for, and gives the refusal.
#[expect(clippy::too_many_lines, clippy::cognitive_complexity, reason = "one arm for each reason")]
async fn refusal_for(world: &World, reason: DenyReason) -> Refusal {
    let storage = world.storage("files").await;
    let refusal = |action| Refusal::new(world, reason.as_str(), action);
    let key = async |change: fn(&mut KeyDraft)| world.key_for(&storage, change).await.view.key.id;
    let user_key = async |name: &str, share: Option<&str>| {
        let (_, id) = world.member(name).await;
        if let Some(permission) = share {
            world.share(&storage, with_user(id), "", permission).await;
        }
        let made = world
            .key(|draft| {
                draft.channel = "s3".to_owned();
                draft.scope = ScopeDraft::User(id.to_string());
                draft.permission = "read_write".to_owned();
            })
            .await;
        (made.view.key.id, id)
    };
    let soon = "2027-01-31T18:30:00Z";
    match reason {
        DenyReason::KeyDeleted => {
            let id = key(|_| ()).await;
            world.control.delete_key(&world.admin, id).await.unwrap();
            refusal("authenticate").key(id)
        }
        DenyReason::KeyExpired => {
            let id = key(|draft| draft.expires_at = Some("2027-01-31T18:30:00Z".to_owned())).await;
            world.clock.advance(Duration::from_secs(3600));
            refusal("authenticate").key(id)
        }
        DenyReason::KeyDisabled => {
            let id = key(|draft| draft.permission = "none".to_owned()).await;
            refusal("authenticate").key(id)
        }
        DenyReason::WrongChannel => {
            let id = world.key(|_| ()).await.view.key.id;
            refusal("authenticate").key(id)
        }
        DenyReason::KeyNetwork => {
            let id = key(|draft| draft.networks = vec![network("198.51.100.0/24")]).await;
            refusal("authenticate").key(id)
        }
        DenyReason::OtherSite | DenyReason::OutOfScope => {
            let id = key(|_| ()).await;
            refusal("enter").key(id).detail("bucket=usr-00001-itm-00001-file")
        }
        DenyReason::OutsidePrefix => {
            let id = key(|draft| draft.prefix = Some("a/b/".to_owned())).await;
            refusal("get").key(id).at(storage.id, "a/c/d")
        }
        DenyReason::KeyPermission => {
            let id = key(|draft| draft.permission = "read".to_owned()).await;
            refusal("put").key(id).at(storage.id, "a")
        }
        DenyReason::UserDisabled => {
            let (id, user) = user_key("dora", Some("read_write")).await;
            let off = UserChange { role: None, state: Some("disabled".to_owned()) };
            world.control.update_user(&world.admin, user, &off).await.unwrap();
            refusal("authenticate").key(id)
        }
        DenyReason::SessionExpired => {
            let user = world.admin.user().unwrap();
            refusal("authenticate").actor(format!("user:{user}")).over(Channel::Rest)
        }
        DenyReason::NotGranted => {
            let (id, _) = user_key("nora", None).await;
            refusal("enter").key(id).at(storage.id, "")
        }
        DenyReason::GrantPermission => {
            let (id, _) = user_key("gina", Some("read")).await;
            refusal("put").key(id).at(storage.id, "a")
        }
        DenyReason::SecondFactorNeeded => {
            let user = world.admin.user().unwrap();
            refusal("administer").actor(format!("user:{user}")).over(Channel::Rest)
        }
        DenyReason::CredentialsReplaced => {
            let id = key(|_| ()).await;
            world.control.rotate_key(&world.admin, id, &Rotation::default()).await.unwrap();
            refusal("authenticate").key(id)
        }
        DenyReason::CredentialsExpired => {
            let id = key(|_| ()).await;
            refusal("authenticate").key(id).detail("temporary=2027-01-31T17:00:00Z")
        }
        DenyReason::LinkEnded
        | DenyReason::LinkExpired
        | DenyReason::LinkNetwork
        | DenyReason::LinkPermission => {
            let made = world.control.create_link(&world.admin, &link_draft(&storage)).await.unwrap();
            let id = made.view.link.id;
            let mut change = LinkChange::default();
            if reason == DenyReason::LinkEnded {
                world.control.end_link(&world.admin, id).await.unwrap();
            }
            change.expires_at = (reason == DenyReason::LinkExpired).then(|| Some(soon.to_owned()));
            let office = || vec![network("198.51.100.0/24")];
            change.networks = (reason == DenyReason::LinkNetwork).then(office);
            if reason != DenyReason::LinkEnded {
                world.control.update_link(&world.admin, id, &change).await.unwrap();
                world.clock.advance(Duration::from_secs(3600));
            }
            let action = if reason == DenyReason::LinkPermission { "put" } else { "get" };
            refusal(action).actor(format!("link:{id}")).over(Channel::Http).at(storage.id, "reports/a")
        }
        DenyReason::StorageDetached => {
            let admin = world.admin.user().unwrap().to_string();
            let made = world
                .key(|draft| {
                    draft.channel = "s3".to_owned();
                    draft.scope = ScopeDraft::User(admin);
                    draft.permission = "read".to_owned();
                })
                .await;
            let (id, name) = (storage.id, storage.name.as_str());
            let deleted = world.control.delete_storage_if(&world.admin, id, name, |_| true);
            Box::pin(deleted).await.unwrap().unwrap();
            refusal("enter").key(made.view.key.id).at(id, "")
        }
        DenyReason::StoragePaused => {
            let id = key(|_| ()).await;
            world.control.pause_storage(&world.admin, storage.id, 60).await.unwrap();
            refusal("enter").key(id).at(storage.id, "")
        }
        DenyReason::StorageS3Off => {
            let id = key(|_| ()).await;
            let off = StorageChange { s3_access: Some(false), ..StorageChange::default() };
            world.alter_storage(storage.id, off).await;
            refusal("enter").key(id).at(storage.id, "")
        }
        DenyReason::StorageNetwork => {
            let id = key(|_| ()).await;
            let networks = Some(vec![network("198.51.100.0/24")]);
            world.alter_storage(storage.id, StorageChange { networks, ..StorageChange::default() }).await;
            refusal("enter").key(id).at(storage.id, "")
        }
        DenyReason::StoragePermission => {
            let id = key(|_| ()).await;
            let permission = Some("read".to_owned());
            world.alter_storage(storage.id, StorageChange { permission, ..StorageChange::default() }).await;
            refusal("delete").key(id).at(storage.id, "a")
        }
    }
}

/// What is offered, and what it sets; nothing if it is advice alone.
fn offered_for(reason: DenyReason) -> Option<(&'static str, &'static str)> {
    match reason {
        DenyReason::KeyExpired => Some(("extend", "2027-03-02T19:00:00Z")),
        DenyReason::KeyDisabled => Some(("turn_on", "read")),
        DenyReason::KeyNetwork | DenyReason::StorageNetwork | DenyReason::LinkNetwork => {
            Some(("allow_address", PEER))
        }
        DenyReason::OutsidePrefix => Some(("widen_prefix", "a/")),
        DenyReason::KeyPermission | DenyReason::StoragePermission => Some(("permit", "read_write")),
        DenyReason::LinkExpired => Some(("extend", "2027-03-02T19:00:00Z")),
        DenyReason::StoragePaused => Some(("end_pause", "")),
        DenyReason::StorageS3Off => Some(("switch_s3_on", "")),
        DenyReason::KeyDeleted
        | DenyReason::WrongChannel
        | DenyReason::OtherSite
        | DenyReason::OutOfScope
        | DenyReason::UserDisabled
        | DenyReason::SessionExpired
        | DenyReason::NotGranted
        | DenyReason::GrantPermission
        | DenyReason::SecondFactorNeeded
        | DenyReason::CredentialsReplaced
        | DenyReason::CredentialsExpired
        | DenyReason::LinkEnded
        | DenyReason::LinkPermission
        | DenyReason::StorageDetached => None,
    }
}

#[tokio::test]
async fn every_reason_of_the_policy_is_explained_and_what_can_be_changed_is() {
    for reason in DenyReason::ALL {
        let world = World::new().await;
        let explained = Box::pin(refusal_for(&world, *reason)).await.explained(&world).await;
        assert!(!explained.rule.is_empty() && !explained.advice.is_empty(), "{reason}");
        assert_eq!(explained.seen.address, PEER, "{reason}");
        let mut stands = Now::Refused(*reason);
        if *reason == DenyReason::OtherSite {
            // Whose bucket it is nobody here is told.
            stands = Now::Refused(DenyReason::OutOfScope);
        } else if *reason == DenyReason::SecondFactorNeeded {
            // The rule was taken back since.
            stands = Now::Allowed;
        }
        assert_eq!(explained.now, stands, "{reason}");
        let offered = explained.fix.as_ref().map(|fix| (fix.as_str(), fix.value()));
        assert_eq!(offered, offered_for(*reason).map(|(fix, value)| (fix, value.to_owned())), "{reason}");
        if offered.is_none() {
            let draft = FixDraft { fix: "allow_address".to_owned(), value: None };
            let id = &explained.event.request_id;
            let refused = world.control.fix_refusal(&world.admin, id, &draft).await;
            assert!(matches!(refused, Err(ControlError::Stale)), "{reason}: {refused:?}");
            continue;
        }
        let fixed = world.fix_it(&explained).await.unwrap();
        assert_eq!(fixed.now, Now::Allowed, "{reason}");
        assert!(fixed.fix.is_none(), "{reason}");
        // It is in the trail as what it is: a change of a setting.
        let deed = &world.trail().await[0];
        assert!(deed.allowed && deed.actor == "user:admin", "{reason}: {deed:?}");
        // And it is not done twice.
        assert!(matches!(world.fix_it(&explained).await, Err(ControlError::Stale)), "{reason}");
    }
}

#[tokio::test]
async fn what_the_rule_saw() {
    let world = World::new().await;
    let seen = async |reason| Box::pin(refusal_for(&world, reason)).await.explained(&world).await.seen;
    let of_network = seen(DenyReason::KeyNetwork).await;
    assert_eq!(of_network.networks, Some(vec!["198.51.100.0/24".to_owned()]));
    assert_eq!(of_network.key.as_ref().unwrap().name.as_str(), "a key");
    let of_prefix = seen(DenyReason::OutsidePrefix).await;
    assert_eq!((of_prefix.prefix.as_deref(), of_prefix.object.as_deref()), (Some("a/b/"), Some("a/c/d")));
    let of_permission = seen(DenyReason::StoragePermission).await;
    let held = of_permission.held.unwrap().to_string();
    assert_eq!((held.as_str(), of_permission.asked.unwrap().as_str()), ("read", "delete"));
    let of_deletion = seen(DenyReason::KeyDeleted).await.key.unwrap();
    assert!(of_deletion.is_deleted && of_deletion.deleted == Some(world.clock.now()));
    let of_pause = seen(DenyReason::StoragePaused).await;
    assert_eq!(of_pause.paused_until, Some(world.clock.now().after(Duration::from_secs(3600))));
    assert_eq!(of_pause.storage.unwrap().name.as_str(), "files");
    let of_expiry = seen(DenyReason::KeyExpired).await;
    assert_eq!(of_expiry.ends.unwrap().to_string(), "2027-01-31T18:30:00Z");
    let skewed = Refusal::new(&world, "time_skew", "authenticate").detail("skew_seconds=-5400");
    let explained = skewed.explained(&world).await;
    assert_eq!((explained.seen.skew_seconds, explained.now), (Some(-5400), Now::Unknown));
    assert!(explained.fix.is_none() && explained.advice.contains("clock"), "{}", explained.advice);
    let late = Refusal::new(&world, "request_expired", "authenticate").detail("late_seconds=60");
    assert_eq!(late.explained(&world).await.seen.late_seconds, Some(60));
}

#[tokio::test]
async fn the_bucket_that_was_meant() {
    let world = World::new().await;
    let (photos, backup) = (world.storage("photos").await, world.storage("backup").await);
    let own = world.key_for(&photos, |_| ()).await.view.key.id;
    let admin = world.admin.user().unwrap().to_string();
    let all = world
        .key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = ScopeDraft::User(admin);
            draft.permission = "read".to_owned();
        })
        .await;
    let asks = async |id: KeyId, action: &str, bucket: &str| {
        let refusal = Refusal::new(&world, "out_of_scope", action).key(id);
        refusal.detail(&format!("bucket={bucket}")).explained(&world).await
    };
    // A key for one storage opens that one alone, whatever was typed.
    let explained = asks(own, "enter", "warehouse").await;
    assert_eq!(explained.seen.bucket.as_deref(), Some("warehouse"));
    assert_eq!(explained.seen.nearest_bucket, Some(photos.bucket.clone()));
    let slip = backup.bucket.as_str().replace("backup", "bakup");
    let explained = asks(all.view.key.id, "list", &slip).await;
    assert_eq!(explained.seen.nearest_bucket, Some(backup.bucket.clone()));
    assert_eq!(explained.now, Now::Refused(DenyReason::OutOfScope));
    assert_eq!(asks(all.view.key.id, "get", "warehouse").await.seen.nearest_bucket, None);
    // The bucket is there now.
    let explained = asks(all.view.key.id, "put", backup.bucket.as_str()).await;
    assert_eq!(explained.now, Now::Refused(DenyReason::KeyPermission), "{:?}", explained.seen);
    // Another's storage, of the same site.
    let refusal = Refusal::new(&world, "out_of_scope", "delete").key(own).at(backup.id, "");
    let explained = refusal.explained(&world).await;
    assert_eq!(explained.seen.bucket.as_deref(), Some(backup.bucket.as_str()));
    assert_eq!(explained.seen.nearest_bucket, Some(photos.bucket));
}
