//! Fixing what was refused: only what is offered, only while it stands, by the verbs and within the rules that hold for everybody.

use std::time::Duration;

use portcullis_access::{AccessError, Origin};
use portcullis_control::{
    ControlError, FixDraft, KeyChange, Now, PageRequest, RulesDraft, ScopeDraft, SiteChange,
};
use portcullis_domain::{Channel, DenyReason};

use crate::explain::{PEER, Refusal, network};
use crate::world::{World, fields, origin};

fn draft(fix: &str, value: Option<&str>) -> FixDraft {
    FixDraft { fix: fix.to_owned(), value: value.map(str::to_owned) }
}

#[tokio::test]
async fn a_real_refusal_is_found_by_its_id_and_the_fix_lets_the_request_in() {
    let world = World::new().await;
    let key = world.key(|draft| draft.networks = vec![network("198.51.100.0/24")]).await;
    let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(&key).reveal());
    let from = || Origin { request_id: "FROM-AFAR", ..origin(PEER) };
    let refused = world.access.authenticate_bearer(from(), &token).await;
    assert!(matches!(refused, Err(AccessError::Denied(_))));
    let explained = world.control.explain_refusal(&world.admin, "FROM-AFAR").await.unwrap();
    assert_eq!(explained.now, Now::Refused(DenyReason::KeyNetwork));
    assert_eq!(explained.event.tool, "test/1");
    let fixed = world.fix_it(&explained).await.unwrap();
    assert_eq!(fixed.now, Now::Allowed);
    world.access.authenticate_bearer(from(), &token).await.unwrap();
    let networks = world.control.key(&world.admin, key.view.key.id).await.unwrap().key.networks;
    let entries: Vec<_> =
        networks.entries().iter().map(|entry| (entry.network.to_string(), entry.note.as_str())).collect();
    let added = (PEER.to_owned(), "added after refusal FROM-AFAR");
    assert_eq!(entries, [("198.51.100.0/24".to_owned(), "office"), added]);
}

#[tokio::test]
async fn one_reason_after_the_other() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let key = world
        .key_for(&files, |draft| {
            draft.networks = vec![network("198.51.100.0/24")];
            draft.expires_at = Some("2027-01-31T18:30:00Z".to_owned());
        })
        .await;
    world.clock.advance(Duration::from_secs(3600));
    let refusal = Refusal::new(&world, "key_expired", "authenticate").key(key.view.key.id);
    let explained = refusal.explained(&world).await;
    let next = world.fix_it(&explained).await.unwrap();
    assert_eq!(next.now, Now::Refused(DenyReason::KeyNetwork), "the next thing that stands against it");
    assert_eq!(next.seen.networks, Some(vec!["198.51.100.0/24".to_owned()]));
    assert!(next.advice.contains("networks"), "{}", next.advice);
    assert_eq!(world.fix_it(&next).await.unwrap().now, Now::Allowed);
}

#[tokio::test]
async fn what_changed_meanwhile_is_looked_at_again() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let key = world.key_for(&files, |draft| draft.networks = vec![network("198.51.100.0/24")]).await;
    let id = key.view.key.id;
    let explained = Refusal::new(&world, "key_network", "authenticate").key(id).explained(&world).await;
    // Another address than the one that was refused is not let in this way.
    let other = draft("allow_address", Some("203.0.113.8"));
    let refused = world.control.fix_refusal(&world.admin, &explained.event.request_id, &other).await;
    assert!(matches!(refused, Err(ControlError::Stale)));
    let off = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, id, &off).await.unwrap();
    assert!(matches!(world.fix_it(&explained).await, Err(ControlError::Stale)), "now it is off");
    let now = world.control.key(&world.admin, id).await.unwrap().key;
    assert!(!now.networks.admit(PEER.parse().unwrap()));
    let request = &explained.event.request_id;
    // The one who switches it on chooses what it may do.
    let on =
        world.control.fix_refusal(&world.admin, request, &draft("turn_on", Some("write"))).await.unwrap();
    assert_eq!(on.now, Now::Refused(DenyReason::KeyNetwork));
    assert_eq!(world.control.key(&world.admin, id).await.unwrap().key.permission.as_str(), "write");
    let wrong = draft("turn_on", Some("everything"));
    assert!(matches!(
        world.control.fix_refusal(&world.admin, request, &wrong).await,
        Err(ControlError::Stale)
    ));
}

#[tokio::test]
async fn a_secret_that_was_found_is_not_switched_on_again() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let key = world.key_for(&files, |draft| draft.permission = "none".to_owned()).await;
    let id = key.view.key.id;
    let before = world.metadata.key(id).await.unwrap().unwrap();
    let found = portcullis_domain::Key { leaked: Some(world.access.now()), ..before.clone() };
    world.metadata.update_key_if_same(&before, &found).await.unwrap();
    let explained = Refusal::new(&world, "key_disabled", "authenticate").key(id).explained(&world).await;
    assert_eq!(explained.now, Now::Refused(DenyReason::KeyDisabled));
    assert!(explained.fix.is_none());
}

#[tokio::test]
async fn the_rules_of_the_site_and_the_authority_of_a_key_hold() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let expires_at = Some("2027-01-31T18:30:00Z".to_owned());
    let narrow = vec![network("198.51.100.0/24")];
    let key = world
        .key_for(&files, |draft| {
            draft.expires_at = expires_at;
            draft.networks = narrow;
        })
        .await;
    let steward = world
        .key(|draft| {
            draft.networks = vec![network("192.0.2.0/24")];
            draft.expires_at = Some("2027-02-07T18:00:00Z".to_owned());
        })
        .await;
    let rules = RulesDraft { longest_key_days: Some(Some(7)), ..RulesDraft::default() };
    let site = world.admin.site();
    let change = SiteChange { name: None, rules };
    world.control.update_site(&world.admin, site, &change).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    let id = key.view.key.id;
    let explained = Refusal::new(&world, "key_expired", "authenticate").key(id).explained(&world).await;
    assert_eq!(
        explained.fix.as_ref().unwrap().value(),
        "2027-02-07T19:00:00Z",
        "no longer than the site lets"
    );
    world.fix_it(&explained).await.unwrap();
    // A key that administers from one network cannot open another key to the world.
    let steward = world.access.admin(&world.bearer(&steward).await.unwrap()).unwrap();
    let id = explained.event.request_id.as_str();
    let refused = world.control.fix_refusal(&steward, id, &draft("allow_address", None)).await;
    assert!(fields(refused).contains(&"networks".to_owned()));
}

#[tokio::test]
async fn nobody_explains_what_is_refused_elsewhere() {
    let world = World::new().await;
    let eve = world.stranger().await;
    let files = world.storage("files").await;
    let key = world.key_for(&files, |draft| draft.networks = vec![network("198.51.100.0/24")]).await;
    let refusal = Refusal::new(&world, "key_network", "authenticate").key(key.view.key.id);
    let explained = refusal.explained(&world).await;
    let id = explained.event.request_id.as_str();
    let not_found = |outcome: Result<_, ControlError>| matches!(outcome, Err(ControlError::NotFound));
    assert!(not_found(world.control.explain_refusal(&eve, id).await));
    assert!(not_found(world.control.fix_refusal(&eve, id, &draft("allow_address", None)).await));
    assert!(not_found(world.control.explain_refusal(&world.admin, "no-such-request").await));
    // What was allowed needs no explanation: the sign-in of the admin is in the trail as well.
    let allowed = world.trail().await.into_iter().find(|event| event.allowed).unwrap();
    assert_eq!(allowed.request_id, "REQ1");
    assert!(not_found(world.control.explain_refusal(&world.admin, "REQ1").await));
    // Of keys that nobody has the people who run the installation find the refusal, and nothing to change.
    let nobody = Refusal::new(&world, "unknown_key", "authenticate");
    let mut nobody = nobody;
    nobody.0.site = None;
    let explained = nobody.explained(&world).await;
    assert_eq!((explained.now, explained.fix), (Now::Unknown, None));
    assert!(not_found(world.control.explain_refusal(&eve, &explained.event.request_id).await));
}

#[tokio::test]
async fn temporary_credentials_and_cut_transfers_and_requests_with_several_refusals() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let key = world.key_for(&files, |_| ()).await.view.key.id;
    let refusal = Refusal::new(&world, "key_permission", "put").key(key).at(files.id, "a");
    let explained = refusal.detail("temporary=2027-02-01T00:00:00Z").explained(&world).await;
    // The key may: what was made of it may not, and nobody keeps what that was.
    assert_eq!((explained.now, explained.fix), (Now::Unknown, None));
    assert_eq!(explained.seen.temporary_until.unwrap().to_string(), "2027-02-01T00:00:00Z");
    let cut = Refusal::new(&world, "storage_paused", "get_cut").key(key).at(files.id, "a");
    assert_eq!(cut.explained(&world).await.now, Now::Allowed, "the pause is over");
    let read = world.key_for(&files, |draft| draft.permission = "read".to_owned()).await.view.key.id;
    for object in ["a", "b", "c"] {
        let mut refusal = Refusal::new(&world, "key_permission", "delete").key(read).at(files.id, object);
        refusal.0.request_id = "THREE".to_owned();
        world.metadata.append_audit(&[refusal.0]).await.unwrap();
    }
    let explained = world.control.explain_refusal(&world.admin, "THREE").await.unwrap();
    assert_eq!((explained.seen.object.as_deref(), explained.others), (Some("a"), 2));
}

#[tokio::test]
async fn a_session_is_judged_as_a_session() {
    let world = World::new().await;
    let files = world.storage("files").await;
    let (who, user) = world.member("ada").await;
    let refused = world.access.admin(&who);
    assert!(refused.is_err());
    let event = world.trail().await.into_iter().find(|event| event.action == "administer").unwrap();
    assert_eq!(event.actor, format!("user:{user}"));
    let mut refusal = Refusal::new(&world, "not_granted", "enter").at(files.id, "");
    refusal.0.actor = event.actor;
    refusal.0.channel = Channel::Rest;
    let explained = refusal.explained(&world).await;
    assert_eq!(explained.seen.user.as_deref(), Some("ada"));
    assert_eq!(explained.now, Now::Refused(DenyReason::NotGranted));
    world.share(&files, crate::sharing::with_user(user), "", "read").await;
    let id = explained.event.request_id;
    assert_eq!(world.control.explain_refusal(&world.admin, &id).await.unwrap().now, Now::Allowed);
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(user.to_string());
            draft.permission = "read".to_owned();
        })
        .await;
    let bearer = world.bearer(&key).await.unwrap();
    assert!(world.access.admin(&bearer).is_err());
    let page = PageRequest::first(100);
    let query = portcullis_control::AuditQuery {
        key: Some(key.view.key.id),
        verdict: Some(false),
        ..Default::default()
    };
    let denied = world.control.audit_events(&world.admin, query, &page).await.unwrap().items;
    assert_eq!((denied.len(), denied[0].reason.as_str()), (1, "not_granted"));
}
