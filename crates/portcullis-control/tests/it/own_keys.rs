//! Keys that people make for themselves, what the site asks of keys, and the two keys of one call.

use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Oneself};
use portcullis_control::{
    ControlError, KeyChange, KeyDraft, KeyQuery, NetworkDraft, PageRequest, Rotation, RulesDraft, ScopeDraft,
    SiteChange,
};
use portcullis_domain::{Channel, DenyReason, KeyId, Permission, Role, Scope, UserId};

use crate::world::{World, fields, problems};

const OVER_TEN_MINUTES: Duration = Duration::from_secs(601);

async fn rules(world: &World, change: impl FnOnce(&mut RulesDraft)) {
    let mut rules = RulesDraft::default();
    change(&mut rules);
    let change = SiteChange { name: None, rules };
    world.control.update_site(&world.admin, world.admin.site(), &change).await.unwrap();
}

async fn member(world: &World, name: &str) -> Oneself {
    let who = world.user(world.admin.site(), name, Role::Member).await;
    world.access.oneself(&who).unwrap()
}

fn draft(user: UserId, change: impl FnOnce(&mut KeyDraft)) -> KeyDraft {
    let mut draft = KeyDraft {
        name: "laptop".to_owned(),
        channel: "rest".to_owned(),
        scope: ScopeDraft::User(user.to_string()),
        permission: "read_write".to_owned(),
        overwrite: None,
        networks: Vec::new(),
        prefix: None,
        expires_at: None,
        on_leak: None,
        login: None,
        secret: None,
        public_keys: Vec::new(),
        mail: portcullis_control::MailDraft::default(),
    };
    change(&mut draft);
    draft
}

fn turn(permission: &str) -> KeyChange {
    KeyChange { permission: Some(permission.to_owned()), ..KeyChange::default() }
}

fn network(text: &str) -> Vec<NetworkDraft> {
    vec![NetworkDraft { network: text.to_owned(), note: String::new() }]
}

#[tokio::test]
async fn members_look_after_their_own_keys_and_nobody_elses() {
    let world = World::new().await;
    rules(&world, |rules| rules.members_make_keys = Some(true)).await;
    let (bob, ann) = (member(&world, "bob").await, member(&world, "ann").await);
    let control = &world.control;
    let made = control.create_own_keys(&bob, &draft(bob.user(), |_| ()), true).await.unwrap();
    let (rest, s3) = (made.key, made.s3.unwrap());
    assert_eq!((rest.view.key.channel, s3.view.key.channel), (Channel::Rest, Channel::S3));
    for key in [&rest.view.key, &s3.view.key] {
        assert_eq!((key.scope, key.name.as_str()), (Scope::User(bob.user()), "laptop"));
    }
    assert_ne!(rest.view.key.credential, s3.view.key.credential);
    assert!(rest.secret != s3.secret);
    assert!(world.bearer(&rest).await.is_ok());

    let page = PageRequest::first(10);
    let own = control.own_keys(&bob, KeyQuery::default(), &page).await.unwrap();
    assert_eq!(own.items.len(), 2);
    assert_eq!(control.own_keys(&ann, KeyQuery::default(), &page).await.unwrap().items.len(), 0);
    let of_bob = KeyQuery { user: Some(bob.user()), ..KeyQuery::default() };
    assert_eq!(control.own_keys(&ann, of_bob.clone(), &page).await.unwrap().items.len(), 0);
    assert_eq!(control.own_keys(&bob, of_bob, &page).await.unwrap().items.len(), 2);

    // Another person's key, the site's and a storage's are as good as none.
    let site = world.key(|_| ()).await.view.key.id;
    let nas = world.storage("NAS").await;
    let storage = world.key(|draft| {
        draft.scope = ScopeDraft::Storage(nas.id.to_string());
        draft.permission = "read".to_owned();
    });
    let storage = storage.await.view.key.id;
    for (who, id) in [(&ann, rest.view.key.id), (&bob, site), (&bob, storage), (&bob, KeyId::generate())] {
        assert!(matches!(control.own_key(who, id).await, Err(ControlError::NotFound)));
        let changed = control.update_own_key(who, id, &turn("none")).await;
        assert!(matches!(changed, Err(ControlError::NotFound)));
        let rotated = control.rotate_own_key(who, id, &Rotation::default()).await;
        assert!(matches!(rotated, Err(ControlError::NotFound)));
        assert!(matches!(control.delete_own_key(who, id).await, Err(ControlError::NotFound)));
    }

    // The two are independent.
    control.update_own_key(&bob, rest.view.key.id, &turn("none")).await.unwrap();
    assert!(world.bearer(&rest).await.is_err());
    assert_eq!(control.own_key(&bob, s3.view.key.id).await.unwrap().key, s3.view.key);
    control.update_own_key(&bob, rest.view.key.id, &turn("read")).await.unwrap();
    let rotated = control.rotate_own_key(&bob, rest.view.key.id, &Rotation::default()).await.unwrap();
    assert!(world.bearer(&rest).await.is_err() && world.bearer(&rotated).await.is_ok());
    control.delete_own_key(&bob, rest.view.key.id).await.unwrap();
    assert!(world.bearer(&rotated).await.is_err());
    assert!(control.own_key(&bob, s3.view.key.id).await.is_ok());
    let deeds = world.trail().await;
    for action in ["create_key", "update_key", "rotate_key", "delete_key"] {
        assert!(deeds.iter().any(|event| event.action == action && event.actor == "user:bob"), "{action}");
    }
}

#[tokio::test]
async fn what_a_member_asks_for_stays_their_own() {
    let world = World::new().await;
    rules(&world, |rules| rules.members_make_keys = Some(true)).await;
    let (bob, ann) = (member(&world, "bob").await, member(&world, "ann").await);
    let nas = world.storage("NAS").await;
    let make = async |change: &dyn Fn(&mut KeyDraft)| {
        world.control.create_own_keys(&bob, &draft(bob.user(), change), false).await
    };
    let scopes =
        [ScopeDraft::Site, ScopeDraft::User(ann.user().to_string()), ScopeDraft::Storage(nas.id.to_string())];
    for scope in scopes {
        assert_eq!(fields(make(&|draft| draft.scope = scope.clone()).await), ["scope"], "{scope:?}");
    }
    assert_eq!(fields(make(&|draft| draft.permission = "full".to_owned()).await), ["permission"]);
    assert_eq!(fields(make(&|draft| draft.channel = "gopher".to_owned()).await), ["channel"]);
    let key = make(&|_| ()).await.unwrap().key.view.key;
    let full = world.control.update_own_key(&bob, key.id, &turn("full")).await;
    assert_eq!(fields(full), ["permission"]);
    assert_eq!(world.control.own_key(&bob, key.id).await.unwrap().key.permission, Permission::ReadWrite);
}

#[tokio::test]
async fn a_site_that_lets_only_admins_make_keys() {
    let world = World::new().await;
    let bob = member(&world, "bob").await;
    let refused = |outcome: Result<(), ControlError>| {
        assert!(matches!(outcome, Err(ControlError::KeysByAdminsOnly)), "{outcome:?}");
    };
    // So is the first site, until somebody says otherwise.
    refused(world.control.create_own_keys(&bob, &draft(bob.user(), |_| ()), false).await.map(drop));
    let given = world.control.create_key(&world.admin, &draft(bob.user(), |_| ())).await.unwrap();
    let id = given.view.key.id;
    refused(world.control.rotate_own_key(&bob, id, &Rotation::default()).await.map(drop));
    // What takes away is never refused; what gives back is.
    world.control.update_own_key(&bob, id, &turn("read")).await.unwrap();
    refused(world.control.update_own_key(&bob, id, &turn("read_write")).await.map(drop));
    world.control.update_own_key(&bob, id, &turn("none")).await.unwrap();
    refused(world.control.update_own_key(&bob, id, &turn("read")).await.map(drop));
    world.control.delete_own_key(&bob, id).await.unwrap();
    // Admins always may, for themselves too.
    let me = world.access.oneself(world.admin.principal()).unwrap();
    assert!(world.control.create_own_keys(&me, &draft(me.user(), |_| ()), false).await.is_ok());
}

#[tokio::test]
async fn the_second_factor_of_the_site_is_asked_before_a_key() {
    let world = World::new().await;
    let bob = member(&world, "bob").await;
    rules(&world, |rules| {
        rules.members_make_keys = Some(true);
        rules.second_factor = Some("everybody".to_owned());
    })
    .await;
    let refused = |outcome: Result<(), ControlError>| {
        let denial = Denial::Policy(DenyReason::SecondFactorNeeded);
        assert!(
            matches!(&outcome, Err(ControlError::Access(AccessError::Denied(found))) if *found == denial),
            "{outcome:?}"
        );
    };
    refused(world.control.create_own_keys(&bob, &draft(bob.user(), |_| ()), true).await.map(drop));
    let session = bob_session(&bob);
    world.metadata.confirm_session(session, world.access.now(), true).await.unwrap();
    world.access.applied(Change::Session(session)).await.unwrap();
    world.control.create_own_keys(&bob, &draft(bob.user(), |_| ()), true).await.unwrap();
}

fn bob_session(me: &Oneself) -> portcullis_domain::SessionId {
    use portcullis_access::Proof as _;
    me.principal().session_id().unwrap()
}

#[tokio::test]
async fn the_rules_of_the_site_hold_for_every_key() {
    let world = World::new().await;
    let old = world.key(|_| ()).await.view.key.id;
    rules(&world, |rules| {
        rules.members_make_keys = Some(true);
        rules.longest_key_days = Some(Some(30));
        rules.keys_need_networks = Some(true);
    })
    .await;
    let bob = member(&world, "bob").await;
    let own = draft(bob.user(), |_| ());
    assert_eq!(fields(world.control.create_own_keys(&bob, &own, false).await), ["expires_at", "networks"]);
    assert_eq!(fields(world.control.create_key(&world.admin, &own).await), ["expires_at", "networks"]);
    let told = problems(world.control.create_key(&world.admin, &own).await).remove(0).1;
    assert!(told.contains("2027-03-02T18:00:00Z"), "{told}");
    let right = draft(bob.user(), |draft| {
        draft.expires_at = Some("2027-03-02T18:00:00Z".to_owned());
        draft.networks = network("192.0.2.0/24");
    });
    let key = world.control.create_own_keys(&bob, &right, true).await.unwrap().key.view.key;
    let longer = KeyChange { expires_at: Some(Some("2027-03-02T18:00:01Z".to_owned())), ..turn("read") };
    assert_eq!(fields(world.control.update_own_key(&bob, key.id, &longer).await), ["expires_at"]);
    let endless = KeyChange { expires_at: Some(None), ..KeyChange::default() };
    assert_eq!(fields(world.control.update_key(&world.admin, key.id, &endless).await), ["expires_at"]);
    let anywhere = KeyChange { networks: Some(Vec::new()), ..KeyChange::default() };
    assert_eq!(fields(world.control.update_key(&world.admin, key.id, &anywhere).await), ["networks"]);
    // What was there before can be switched off, and then comes back only in keeping with them.
    world.control.update_key(&world.admin, old, &turn("none")).await.unwrap();
    let back = world.control.update_key(&world.admin, old, &turn("read")).await;
    assert_eq!(fields(back), ["expires_at", "networks"]);
    let told = world.control.key_rules(world.admin.site()).await.unwrap();
    assert_eq!(told.latest_end.unwrap().to_string(), "2027-03-02T18:00:00Z");
    assert!(told.members_make_keys && told.need_networks);
}

#[tokio::test]
async fn two_keys_of_one_call() {
    let world = World::new().await;
    let nas = world.storage("NAS").await;
    let admin = world.admin.user().unwrap();
    let make = async |change: &dyn Fn(&mut KeyDraft)| {
        world.control.create_keys(&world.admin, &draft(admin, change), true).await
    };
    let told = problems(make(&|draft| draft.scope = ScopeDraft::Site).await).remove(0);
    assert_eq!(told.0, "s3");
    assert!(told.1.contains("whole site cannot be an S3 key"), "{told:?}");
    let of_storage = ScopeDraft::Storage(nas.id.to_string());
    assert_eq!(fields(make(&|draft| draft.scope = of_storage.clone()).await), ["s3"]);
    assert_eq!(fields(make(&|draft| draft.channel = "s3".to_owned()).await), ["s3"]);
    assert_eq!(
        world
            .control
            .keys(&world.admin, KeyQuery::default(), &PageRequest::first(10))
            .await
            .unwrap()
            .items
            .len(),
        0
    );
    // S3 has no words for administration.
    let made = make(&|draft| draft.permission = "full".to_owned()).await.unwrap();
    assert_eq!(made.key.view.key.permission, Permission::Full);
    assert_eq!(made.s3.unwrap().view.key.permission, Permission::ReadWrite);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_confirmed_by_people_and_not_by_keys() {
    let world = World::new().await;
    rules(&world, |rules| rules.members_make_keys = Some(true)).await;
    let admin = world.admin.user().unwrap();
    let robot = world.key(|_| ()).await;
    let key = world.key(|draft| draft.permission = "read".to_owned()).await.view.key.id;
    let bob = member(&world, "bob").await;
    let own = world.control.create_own_keys(&bob, &draft(bob.user(), |_| ()), false).await.unwrap();
    world.clock.advance(OVER_TEN_MINUTES);
    let asks = |outcome: Result<(), ControlError>| {
        assert!(matches!(outcome, Err(ControlError::ConfirmationNeeded)), "{outcome:?}");
    };
    let control = &world.control;
    let site = draft(admin, |draft| draft.scope = ScopeDraft::Site);
    let full = draft(admin, |draft| draft.permission = "full".to_owned());
    asks(control.create_key(&world.admin, &site).await.map(drop));
    asks(control.create_key(&world.admin, &full).await.map(drop));
    asks(control.rotate_key(&world.admin, key, &Rotation::default()).await.map(drop));
    asks(control.delete_key(&world.admin, key).await.map(drop));
    asks(control.rotate_own_key(&bob, own.key.view.key.id, &Rotation::default()).await.map(drop));
    asks(control.delete_own_key(&bob, own.key.view.key.id).await.map(drop));
    // What can be taken back is not.
    let user = control.create_key(&world.admin, &draft(admin, |_| ())).await.unwrap().view.key;
    asks(control.update_key(&world.admin, user.id, &turn("full")).await.map(drop));
    assert!(control.update_key(&world.admin, key, &turn("none")).await.is_ok());
    assert!(world.bearer(&own.key).await.is_ok());
    // A key proves itself with every request.
    let by_key = world.access.admin(&world.bearer(&robot).await.unwrap()).unwrap();
    assert!(control.create_key(&by_key, &site).await.is_ok());
    assert!(control.rotate_key(&by_key, key, &Rotation::default()).await.is_ok());
    assert!(control.delete_key(&by_key, key).await.is_ok());
}

#[tokio::test]
async fn keys_do_not_cross_sites() {
    let world = World::new().await;
    let below = world.site(world.admin.site(), "below").await;
    let there = world.admin_in(below).await;
    let here = world.key(|_| ()).await.view.key.id;
    assert!(matches!(world.control.key(&there, here).await, Err(ControlError::NotFound)));
    // Whoever acts there is not of that site: no key of theirs works in it.
    let own = draft(world.admin.user().unwrap(), |_| ());
    assert_eq!(fields(world.control.create_key(&there, &own).await), ["scope.user"]);
    let me = world.access.oneself(there.principal()).unwrap();
    let made = world.control.create_own_keys(&me, &own, false).await.unwrap().key.view.key;
    assert_eq!(made.site, world.admin.site(), "their own keys are of their own site");
}
