//! Signatures and bearer keys, and what an outsider learns.

use std::time::Duration;

use portcullis_access::{Access, AccessError, Denial, Origin};
use portcullis_domain::{Channel, DenyReason, NetworkEntry, Networks, Permission, Scope};
use portcullis_sigv4::{AmzDate, PresentedPolicy, Signer};

use crate::world::{Holder, World, denial, ip, origin};

fn network(raw: &str) -> Networks {
    Networks::new(vec![NetworkEntry::parse(raw, "").unwrap()]).unwrap()
}

async fn bearer(access: &Access, channel: Channel, token: &str) -> Result<(), AccessError> {
    access.authenticate_bearer(origin(channel), token).await.map(drop)
}

fn token(holder: &Holder) -> String {
    format!("{}.{}", holder.key.credential, holder.secret.reveal())
}

#[tokio::test]
async fn a_signature_says_who_and_the_cache_changes_nothing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    for _ in 0..3 {
        let principal = world.signed(&holder).unwrap().principal;
        assert_eq!(principal.key_id(), Some(holder.key.id));
        assert_eq!((principal.site(), principal.channel()), (world.admin.site(), Channel::S3));
        let id = holder.key.credential.as_str();
        assert_eq!(denial(world.signed_as(id, "wrong", ip("203.0.113.7"))), Denial::BadSignature);
    }
    for day in 0..6 {
        let at = i64::from(day) * 86_400;
        let late = world.signed_at(
            holder.key.credential.as_str(),
            holder.secret.reveal(),
            ip("203.0.113.7"),
            world.now().seconds() - at,
        );
        assert_eq!(late.is_ok(), day == 0, "a cached day is no longer day");
        world.clock.advance(Duration::from_secs(86_400));
        assert!(world.signed(&holder).is_ok());
    }
}

#[tokio::test]
async fn what_a_stranger_and_what_a_holder_learns() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let from = ip("203.0.113.7");
    let unknown = "PC000000000000000000";
    assert_eq!(denial(world.signed_as(unknown, "x", from)), Denial::UnknownKey);
    assert_eq!(denial(world.signed_as("AKIAIOSFODNN7EXAMPLE", "x", from)), Denial::UnknownKey);

    let holder = world.key(&storage, |key| key.networks = network("198.51.100.0/24")).await;
    let id = holder.key.credential.as_str();
    assert_eq!(denial(world.signed_as(id, "wrong", from)), Denial::BadSignature, "nothing of the network");
    assert_eq!(denial(world.signed(&holder)), Denial::Policy(DenyReason::KeyNetwork));
    assert!(world.signed_as(id, holder.secret.reveal(), ip("::ffff:198.51.100.9")).is_ok());

    world.change(&holder, |key| key.expires = Some(world.now())).await;
    assert_eq!(denial(world.signed_as(id, "wrong", from)), Denial::BadSignature, "nothing of the expiry");
    assert_eq!(denial(world.signed(&holder)), Denial::Policy(DenyReason::KeyExpired));

    world.change(&holder, |key| key.permission = Permission::None).await;
    assert_eq!(denial(world.signed(&holder)), Denial::Policy(DenyReason::KeyDisabled));

    world.delete(&holder).await;
    assert_eq!(denial(world.signed(&holder)), Denial::UnknownKey, "as if it had never been");
    assert_eq!(denial(world.signed_as(id, "wrong", from)), Denial::UnknownKey, "nor is a guess told apart");
    let events = world.events().await;
    assert_eq!((events[0].reason.as_str(), events[1].reason.as_str()), ("key_deleted", "old_secret"));
    assert_eq!((events[0].key, events[0].request_id.as_str()), (Some(holder.key.id), "REQ1"));
    assert!(events.iter().any(|event| event.actor == format!("unknown:{unknown}")));
}

#[tokio::test]
async fn the_time_of_a_request() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = |seconds: i64| {
        let (id, secret) = (holder.key.credential.as_str(), holder.secret.reveal());
        world.signed_at(id, secret, ip("203.0.113.7"), world.now().seconds() + seconds)
    };
    assert!(at(900).is_ok());
    assert!(at(-900).is_ok());
    for off in [901, -901] {
        assert_eq!(denial(at(off)), Denial::TimeSkew { server: world.now() });
    }
}

#[tokio::test]
async fn a_form_with_a_signed_policy() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let date = AmzDate::from_unix(world.now().seconds()).unwrap();
    let id = holder.key.credential.as_str();
    let signer = Signer::new(id, holder.secret.reveal().as_bytes(), "auto", &date).unwrap();
    let credential = format!("{id}/{}", signer.scope());
    let signature = signer.sign_policy("e30=").to_hex();
    let check = |policy: &str| {
        let fields = [
            ("policy", policy),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", &credential),
            ("x-amz-date", date.as_str()),
            ("x-amz-signature", &signature),
        ];
        let presented = PresentedPolicy::parse(&fields).unwrap().unwrap();
        world.access.authenticate_post_policy(origin(Channel::S3), &presented, None)
    };
    assert_eq!(check("e30=").unwrap().key_id(), Some(holder.key.id));
    assert_eq!(denial(check("e30")), Denial::BadSignature);
}

#[tokio::test]
async fn a_key_opens_its_own_channel_only() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let s3 = world.key(&storage, |_| {}).await;
    let rest = world.key(&storage, |key| key.channel = Channel::Rest).await;
    let access = &world.access;
    assert!(bearer(access, Channel::Rest, &token(&rest)).await.is_ok());
    for channel in [Channel::Http, Channel::Ftp, Channel::WebService, Channel::Email] {
        let refused = bearer(access, channel, &token(&rest)).await;
        assert_eq!(denial(refused), Denial::BadSecret, "{channel}");
        assert_eq!(world.reasons().await[0], "wrong_channel");
    }
    assert_eq!(denial(world.signed(&rest)), Denial::UnknownKey, "it has no secret that could sign");
    for channel in Channel::ALL {
        assert_eq!(denial(bearer(access, *channel, &token(&s3)).await), Denial::BadSecret, "{channel}");
    }
    // Where a holder of a secret is told anything, it is that.
    let page = world.key(&storage, |key| key.channel = Channel::Http).await;
    let told = denial(bearer(access, Channel::Rest, &token(&page)).await);
    assert_eq!(told, Denial::Policy(DenyReason::WrongChannel));
    assert!(world.reasons().await.contains(&"wrong_credential_kind".to_owned()));
}

#[tokio::test]
async fn bearer_tokens_that_are_none() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let rest = world.key(&storage, |key| key.channel = Channel::Rest).await;
    let other = world.key(&storage, |key| key.channel = Channel::Rest).await;
    let mixed = format!("{}.{}", rest.key.credential, other.secret.reveal());
    let bare = rest.secret.reveal().to_owned();
    for wrong in [mixed.as_str(), bare.as_str(), "", ".", "PC.pcs", "x", rest.key.credential.as_str()] {
        assert_eq!(denial(bearer(&world.access, Channel::Rest, wrong).await), Denial::BadSecret, "{wrong}");
    }
    assert!(bearer(&world.access, Channel::Rest, &token(&rest)).await.is_ok());
    world.delete(&rest).await;
    assert_eq!(denial(bearer(&world.access, Channel::Rest, &token(&rest)).await), Denial::BadSecret);
}

#[tokio::test]
async fn the_keys_of_a_disabled_user_open_nothing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.admin.user().unwrap();
    let holder = world.key(&storage, |key| key.scope = Scope::User(owner)).await;
    let who = world.who(&holder);
    assert_eq!(who.user_id(), Some(owner));
    world.disable(owner).await;
    world.access.applied(portcullis_access::Change::User(owner)).await.unwrap();
    assert_eq!(denial(world.signed(&holder)), Denial::Policy(DenyReason::UserDisabled));
    assert_eq!(
        denial(world.access.storage(&who, &storage.bucket).await),
        Denial::Policy(DenyReason::UserDisabled)
    );
}

/// Whoever guesses is slowed down; the owner elsewhere, and other keys of the same place, are not.
#[tokio::test]
async fn guessing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (one, two) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let (here, elsewhere) = (ip("203.0.113.7"), ip("198.51.100.9"));
    let id = one.key.credential.as_str();
    for _ in 0..10 {
        assert_eq!(denial(world.signed_as(id, "guess", here)), Denial::BadSignature);
    }
    let wait = |outcome: Result<_, AccessError>| match outcome {
        Err(AccessError::Throttled { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(world.signed_as(id, "guess", here)), Duration::from_secs(1));
    assert_eq!(
        wait(world.signed_as(id, one.secret.reveal(), here)),
        Duration::from_secs(1),
        "no oracle meanwhile"
    );
    assert!(world.signed_as(id, one.secret.reveal(), elsewhere).is_ok(), "the owner is not locked out");
    assert!(world.signed_as(two.key.credential.as_str(), two.secret.reveal(), here).is_ok());
    world.clock.advance(Duration::from_secs(1));
    assert!(world.signed_as(id, one.secret.reveal(), here).is_ok());
    assert_eq!(denial(world.signed_as(id, "guess", here)), Denial::BadSignature, "the count began anew");

    // Two of the 101 that are allowed were spent above.
    for guess in 0..99 {
        assert_eq!(denial(world.signed_as(&format!("PC{guess:018}"), "guess", here)), Denial::UnknownKey);
    }
    assert_eq!(wait(world.signed_as("PCZ00000000000000000", "guess", here)), Duration::from_secs(1));
    assert_eq!(denial(world.signed_as("PCZ00000000000000000", "guess", elsewhere)), Denial::UnknownKey);
    assert!(world.signed_as(id, one.secret.reveal(), here).is_ok(), "a valid signature is never unknown");
}

#[tokio::test]
async fn what_a_protocol_refuses_itself_is_in_the_trail() {
    let world = World::new().await;
    let from = Origin { request_id: "REQ2", ..origin(Channel::S3) };
    let typed = "a-secret-in-the-wrong-field";
    assert_eq!(
        denial::<()>(Err(world.access.refuse(from, None, Denial::NoCredentials))),
        Denial::NoCredentials
    );
    assert_eq!(
        denial::<()>(Err(world.access.refuse(from, Some(typed), Denial::Malformed))),
        Denial::Malformed
    );
    let events = world.events().await;
    assert_eq!(events[1].reason, "no_credentials");
    assert_eq!((events[0].reason.as_str(), events[0].actor.as_str()), ("malformed_credentials", "anonymous"));
    assert!(!format!("{events:?}").contains(typed));
}
