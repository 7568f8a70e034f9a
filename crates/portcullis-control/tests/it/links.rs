//! Links: made, changed, ended; who comes by them, and how often.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use portcullis_access::{
    AccessError, Body, BodyFault, Denial, Get, GetOptions, GetOutcome, LinkVisit, List, Origin, Put,
    PutOptions,
};
use portcullis_control::{
    ControlError, CreatedLink, LinkChange, LinkDraft, LinkQuery, LinkStatus, LinkTargetDraft, NetworkDraft,
    PageRequest,
};
use portcullis_domain::{
    Channel, Clock as _, KeyPrefix, LinkId, ObjectKey, Secret, Storage, StorageId, StorageState,
};

use crate::world::{World, fields, origin, problems, secret};

pub(crate) fn draft(storage: &Storage) -> LinkDraft {
    LinkDraft {
        storage: storage.id.to_string(),
        target: LinkTargetDraft::Folder("reports/".to_owned()),
        name: "Reports".to_owned(),
        permission: "read".to_owned(),
        password: None,
        expires_at: None,
        max_downloads: None,
        networks: Vec::new(),
    }
}

fn network(text: &str) -> NetworkDraft {
    NetworkDraft { network: text.to_owned(), note: String::new() }
}

async fn make(world: &World, draft: &LinkDraft) -> CreatedLink {
    world.control.create_link(&world.admin, draft).await.unwrap()
}

fn from(peer: &'static str) -> Origin<'static> {
    Origin { channel: Channel::Http, ..origin(peer) }
}

async fn visit(world: &World, token: &Secret) -> Result<LinkVisit, ControlError> {
    world.control.visit_link(from("192.0.2.1"), token.reveal(), None).await
}

fn is_nothing<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> bool {
    matches!(outcome.unwrap_err(), ControlError::NotFound | ControlError::Access(AccessError::NotFound))
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

#[tokio::test]
async fn a_link_leads_to_its_folder_and_no_further() {
    let world = World::new().await;
    let (storage, other) = (world.storage("NAS").await, world.storage("Other").await);
    let made = make(&world, &draft(&storage)).await;
    assert_eq!(made.view.status, LinkStatus::Active);
    let visit = visit(&world, &made.token).await.unwrap();
    assert_eq!(visit.link.id, made.view.link.id);
    let at = world.access.storage_by_id(&visit.principal, storage.id).await.unwrap();
    let prefix = |text: &str| KeyPrefix::parse(text).unwrap();
    assert!(at.grant::<Get>(key("reports/a")).is_ok() && at.grant::<List>(prefix("reports/x")).is_ok());
    for refused in ["reports", "report", "a", "reports2/a", "../reports/a"] {
        assert!(at.grant::<Get>(key(refused)).is_err(), "{refused}");
    }
    assert!(at.grant::<List>(prefix("")).is_err() && at.grant::<Put>(key("reports/a")).is_err());
    let elsewhere = world.access.storage_by_id(&visit.principal, other.id).await;
    assert!(matches!(elsewhere, Err(AccessError::NotFound)));
    assert!(world.access.admin(&visit.principal).is_err());

    let trail = world.trail().await;
    let deed = trail.iter().find(|event| event.action == "create_link").unwrap();
    assert_eq!(
        (deed.storage, deed.object.as_deref(), deed.allowed),
        (Some(storage.id), Some("Reports"), true)
    );
    let text = format!("{trail:?}");
    assert!(!text.contains(made.token.reveal()), "the secret of an address is in the audit trail");
}

#[tokio::test]
async fn what_cannot_be_made() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let stranger = world.stranger().await;
    let create = async |draft: LinkDraft| fields(world.control.create_link(&world.admin, &draft).await);
    let unknown = LinkDraft { storage: StorageId::generate().to_string(), ..draft(&storage) };
    assert_eq!(create(unknown).await, ["storage"]);
    let theirs = world.control.create_link(&stranger, &draft(&storage)).await;
    assert_eq!(fields(theirs), ["storage"], "a storage of another site is none");
    let short = LinkDraft { password: Some(secret("seven c")), ..draft(&storage) };
    assert_eq!(create(short).await, ["password"]);
    let past = LinkDraft { expires_at: Some(world.clock.now().to_string()), ..draft(&storage) };
    assert_eq!(create(past).await, ["expires_at"]);
    let page =
        world.control.links(&world.admin, LinkQuery::default(), &PageRequest::first(10)).await.unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_nothing_of_why() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let soon = Some(world.clock.now().after(Duration::from_secs(60)).to_string());
    let expiring = make(&world, &LinkDraft { expires_at: soon, ..draft(&storage) }).await;
    let away =
        make(&world, &LinkDraft { networks: vec![network("203.0.113.0/24")], ..draft(&storage) }).await;
    let ended = make(&world, &draft(&storage)).await;
    assert!(visit(&world, &expiring.token).await.is_ok() && visit(&world, &ended.token).await.is_ok());
    world.control.end_link(&world.admin, ended.view.link.id).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    for token in [&expiring.token, &away.token, &ended.token] {
        assert!(is_nothing(visit(&world, token).await));
    }
    let (unknown, _) = world.access.mint_token().unwrap();
    assert!(is_nothing(visit(&world, &unknown).await));
    for text in ["", "x", "reports", "pcs", &"a".repeat(10_000)] {
        assert!(is_nothing(world.control.visit_link(from("192.0.2.1"), text, None).await), "{text}");
    }
    assert!(world.control.visit_link(from("203.0.113.9"), away.token.reveal(), None).await.is_ok());
    // On another channel the address is nothing either.
    assert!(is_nothing(world.control.visit_link(origin("192.0.2.1"), expiring.token.reveal(), None).await));
    let statuses: Vec<_> = world
        .control
        .links(&world.admin, LinkQuery::default(), &PageRequest::first(10))
        .await
        .unwrap()
        .items
        .iter()
        .map(|view| view.status)
        .collect();
    assert_eq!(statuses, [LinkStatus::Expired, LinkStatus::Active, LinkStatus::Ended]);
}

#[tokio::test]
async fn the_last_download_is_for_one_of_many() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &LinkDraft { max_downloads: Some(3), ..draft(&storage) }).await;
    let visitor = visit(&world, &made.token).await.unwrap();
    let asked = futures_util::future::join_all((0..20).map(|_| world.control.count_download(&visitor))).await;
    assert_eq!(asked.into_iter().filter(|counted| *counted.as_ref().unwrap()).count(), 3);
    assert!(is_nothing(visit(&world, &made.token).await), "spent is as good as ended");
    let view = world.control.link(&world.admin, made.view.link.id).await.unwrap();
    assert_eq!((view.status, view.link.downloads), (LinkStatus::Spent, 3));
    let more = LinkChange { max_downloads: Some(Some(4)), ..LinkChange::default() };
    let view = world.control.update_link(&world.admin, made.view.link.id, &more).await.unwrap();
    assert_eq!((view.status, view.link.downloads), (LinkStatus::Active, 3));
    assert!(visit(&world, &made.token).await.is_ok());
}

#[tokio::test]
async fn a_password_is_asked_for_until_it_is_shown() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &LinkDraft { password: Some(secret("open sesame")), ..draft(&storage) }).await;
    let (token, id) = (made.token.reveal(), made.view.link.id);
    let open = async |ticket: Option<&str>| world.control.visit_link(from("192.0.2.1"), token, ticket).await;
    let locked = |outcome: Result<LinkVisit, ControlError>| {
        matches!(outcome, Err(ControlError::Access(AccessError::Denied(Denial::LinkLocked))))
    };
    assert!(locked(open(None).await) && locked(open(Some("made up")).await));
    let wrong = world.access.unlock_link(&from("192.0.2.1"), token, &secret("open barley")).await;
    assert!(matches!(wrong, Err(AccessError::Denied(Denial::BadSecret))));
    let ticket = world.access.unlock_link(&from("192.0.2.1"), token, &secret("open sesame")).await.unwrap();
    assert!(open(Some(&ticket)).await.is_ok());
    let other = make(&world, &LinkDraft { password: Some(secret("open sesame")), ..draft(&storage) }).await;
    let there = world.control.visit_link(from("192.0.2.1"), other.token.reveal(), Some(&ticket)).await;
    assert!(locked(there), "what opens one link opens no other");
    // Another password, and what was shown before opens nothing.
    let change = |password: Option<Secret>| LinkChange { password: Some(password), ..LinkChange::default() };
    world.control.update_link(&world.admin, id, &change(Some(secret("open rye, please")))).await.unwrap();
    assert!(locked(open(Some(&ticket)).await));
    let view = world.control.update_link(&world.admin, id, &change(None)).await.unwrap();
    assert!(!view.link.has_password && open(None).await.is_ok());
    let short = world.control.update_link(&world.admin, id, &change(Some(secret("short")))).await;
    assert_eq!(fields(short), ["password"]);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_whoever_guesses() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &LinkDraft { password: Some(secret("open sesame")), ..draft(&storage) }).await;
    let token = made.token.reveal();
    let guess = async |peer, text: &str| world.access.unlock_link(&from(peer), token, &secret(text)).await;
    let mut refused = 0;
    for n in 0..12 {
        match guess("198.51.100.7", &format!("guess number {n}")).await {
            Err(AccessError::Throttled { .. }) => refused += 1,
            Err(AccessError::Denied(Denial::BadSecret)) => assert_eq!(refused, 0),
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 0, "nobody was slowed down");
    assert!(matches!(guess("198.51.100.7", "open sesame").await, Err(AccessError::Throttled { .. })));
    assert!(guess("203.0.113.5", "open sesame").await.is_ok(), "nobody locks the others out");
}

#[tokio::test]
async fn a_change_holds_and_what_is_ended_stays_so() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &draft(&storage)).await;
    let id = made.view.link.id;
    let narrowed = LinkChange {
        name: Some("Quarter".to_owned()),
        networks: Some(vec![network("203.0.113.0/24")]),
        expires_at: Some(Some("2027-02-28T00:00:00Z".to_owned())),
        max_downloads: Some(Some(9)),
        password: None,
    };
    let view = world.control.update_link(&world.admin, id, &narrowed).await.unwrap();
    assert_eq!((view.link.name.as_str(), view.link.max_downloads), ("Quarter", Some(9)));
    assert_eq!(view, world.control.link(&world.admin, id).await.unwrap());
    assert!(is_nothing(visit(&world, &made.token).await), "not from here any more");

    let unseen = world.control.update_link_if(&world.admin, id, &narrowed, |_| false).await.unwrap();
    assert!(unseen.is_none());
    assert!(world.control.end_link_if(&world.admin, id, |_| false).await.unwrap().is_none());
    let stranger = world.stranger().await;
    assert!(matches!(world.control.link(&stranger, id).await, Err(ControlError::NotFound)));
    assert!(matches!(world.control.update_link(&stranger, id, &narrowed).await, Err(ControlError::NotFound)));
    assert!(matches!(world.control.end_link(&stranger, id).await, Err(ControlError::NotFound)));
    assert!(matches!(
        world.control.end_link(&world.admin, LinkId::generate()).await,
        Err(ControlError::NotFound)
    ));
    let query = LinkQuery::default();
    assert!(world.control.links(&stranger, query, &PageRequest::first(9)).await.unwrap().items.is_empty());

    world.control.end_link(&world.admin, id).await.unwrap();
    world.control.end_link(&world.admin, id).await.unwrap();
    let told = problems(world.control.update_link(&world.admin, id, &LinkChange::default()).await);
    assert!(told[0].1.contains("ended"), "{told:?}");
    assert_eq!(world.control.link(&world.admin, id).await.unwrap().status, LinkStatus::Ended);
    let deeds = world.trail().await.into_iter().filter(|event| event.action == "end_link").count();
    assert_eq!(deeds, 1, "ended once");
    let only = LinkQuery { only_active: true, ..LinkQuery::default() };
    assert!(world.control.links(&world.admin, only, &PageRequest::first(9)).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_key_makes_no_link_wider_than_itself() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let key = world
        .key(|draft| {
            draft.networks = vec![network("192.0.2.0/24")];
            draft.expires_at = Some("2027-02-28T00:00:00Z".to_owned());
        })
        .await;
    let who = world.bearer(&key).await.unwrap();
    let program = world.access.admin(&who).unwrap();
    let create = async |draft: &LinkDraft| world.control.create_link(&program, draft).await;
    assert_eq!(fields(create(&draft(&storage)).await), ["networks", "expires_at"]);
    let within = LinkDraft {
        networks: vec![network("192.0.2.0/25")],
        expires_at: Some("2027-02-28T00:00:00Z".to_owned()),
        ..draft(&storage)
    };
    let made = create(&within).await.unwrap();
    let longer = LinkChange { expires_at: Some(None), ..LinkChange::default() };
    let id = made.view.link.id;
    assert_eq!(fields(world.control.update_link(&program, id, &longer).await), ["expires_at"]);
    // What an admin made wider may be narrowed and ended by it.
    let wide = make(&world, &draft(&storage)).await.view.link.id;
    let narrower = LinkChange { max_downloads: Some(Some(1)), ..LinkChange::default() };
    world.control.update_link(&program, wide, &narrower).await.unwrap();
    let wider = LinkChange { max_downloads: Some(None), ..LinkChange::default() };
    assert_eq!(fields(world.control.update_link(&program, wide, &wider).await), ["networks", "expires_at"]);
    world.control.end_link(&program, wide).await.unwrap();
    let trail = world.trail().await;
    assert!(trail.iter().any(|event| event.action == "create_link" && event.reason == "wider_than_own"));
}

#[tokio::test]
async fn the_end_of_a_link_cuts_its_downloads() {
    let world = World::on_disk().await;
    let storage = world.storage("NAS").await;
    let at = world.access.storage_by_id(world.admin.principal(), storage.id).await.unwrap();
    let large = Bytes::from(vec![7; 8 << 20]);
    at.grant::<Put>(key("reports/large"))
        .unwrap()
        .put(Body::Full(large), PutOptions::default())
        .await
        .unwrap();
    for end in ["ended", "moved"] {
        let made = make(&world, &draft(&storage)).await;
        let visit = visit(&world, &made.token).await.unwrap();
        let at = world.access.storage_by_id(&visit.principal, storage.id).await.unwrap();
        let outcome =
            at.grant::<Get>(key("reports/large")).unwrap().get(GetOptions::default()).await.unwrap();
        let GetOutcome::Found(object) = outcome else { panic!("not modified") };
        let Body::Stream(mut body) = object.body else { panic!("came whole") };
        assert!(body.next().await.unwrap().is_ok());
        let id = made.view.link.id;
        if end == "ended" {
            world.control.end_link(&world.admin, id).await.unwrap();
        } else {
            let away =
                LinkChange { networks: Some(vec![network("203.0.113.0/24")]), ..LinkChange::default() };
            world.control.update_link(&world.admin, id, &away).await.unwrap();
        }
        assert_eq!(body.next().await, Some(Err(BodyFault::Cut)), "{end}");
        assert!(body.next().await.is_none());
    }
}

#[tokio::test]
async fn a_storage_that_is_gone_has_no_links() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = make(&world, &draft(&storage)).await;
    let detached = Storage { state: StorageState::Detached, ..storage.clone() };
    world.metadata.update_storage_if_same(&storage, &detached).await.unwrap();
    world.access.refresh(&world.system).await.unwrap();
    let visit = visit(&world, &made.token).await.unwrap();
    assert!(world.access.storage_by_id(&visit.principal, storage.id).await.is_err());
    assert_eq!(fields(world.control.create_link(&world.admin, &draft(&storage)).await), ["storage"]);
}
