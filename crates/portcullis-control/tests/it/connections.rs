//! The list of connections: what a row says, what the site's sums say, and for whom.

use std::time::Duration;

use portcullis_control::{
    ConnectionRow, ConnectionSort, ConnectionsPage, ConnectionsQuery, KeyChange, KeyDraft, NetworkDraft,
    ReviewReason, S3Connection, S3Filter, S3Status, ScopeDraft, ShareStatus, StorageChange,
};
use portcullis_domain::{Clock as _, Health, Permission, Storage};
use portcullis_metadata::Measurement;

use crate::world::{PASSWORD, World};

const DAY: Duration = Duration::from_hours(24);

fn networks(list: &[&str]) -> Vec<NetworkDraft> {
    list.iter().map(|text| NetworkDraft { network: (*text).to_owned(), note: String::new() }).collect()
}

impl World {
    async fn page(&self, query: &ConnectionsQuery) -> ConnectionsPage {
        self.control.connections(&self.admin, query).await.unwrap()
    }

    async fn row_of(&self, storage: &Storage) -> ConnectionRow {
        let page = self.page(&ConnectionsQuery::default()).await;
        page.rows.into_iter().find(|row| row.storage.id == storage.id).unwrap()
    }

    async fn s3(&self, storage: &Storage) -> S3Connection {
        self.row_of(storage).await.s3
    }

    async fn s3_key(&self, storage: &Storage, change: impl FnOnce(&mut KeyDraft)) -> portcullis_domain::Key {
        let id = storage.id.to_string();
        let made = self.key(|key| {
            (key.scope, key.channel, key.permission) =
                (ScopeDraft::Storage(id), "s3".to_owned(), "read_write".to_owned());
            change(key);
        });
        made.await.view.key
    }

    async fn change(&self, storage: &Storage, change: StorageChange) {
        self.control.update_storage(&self.admin, storage.id, &change).await.unwrap();
    }

    async fn found(&self, storage: &Storage, health: Health) {
        let at = self.clock.now();
        let measurement = Measurement {
            storage: storage.id,
            site: storage.site,
            at,
            usage: None,
            health,
            due: at.after(DAY),
        };
        self.metadata.record_measurements(&[measurement]).await.unwrap();
    }

    /// What the posture says, when the moment for which it is kept has passed.
    async fn open_restricted_anywhere(&self) -> (u64, u64, u64) {
        let posture = self.page(&ConnectionsQuery::default()).await.posture;
        (posture.open, posture.restricted, posture.anywhere)
    }
}

fn names(page: &ConnectionsPage) -> Vec<&str> {
    page.rows.iter().map(|row| row.storage.name.as_str()).collect()
}

#[tokio::test]
async fn whether_s3_tools_can_come_in() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let row = world.row_of(&storage).await;
    assert_eq!(row.storage, storage);
    assert_eq!(row.share, ShareStatus::Private);
    let nothing = S3Connection {
        status: S3Status::NotActive,
        keys: 0,
        admin_keys: 0,
        permission: Permission::None,
        networks: 0,
        anywhere: false,
    };
    assert_eq!(row.s3, nothing);

    // A key of another channel, and one that is switched off, open nothing.
    world.s3_key(&storage, |key| key.channel = "rest".to_owned()).await;
    world.s3_key(&storage, |key| key.permission = "none".to_owned()).await;
    assert_eq!(world.s3(&storage).await, nothing);
    let ends = world.clock.now().after(DAY * 40);
    let key = world.s3_key(&storage, |key| key.expires_at = Some(ends.to_string())).await;
    let active = S3Connection {
        status: S3Status::Active,
        keys: 1,
        permission: Permission::ReadWrite,
        anywhere: true,
        ..nothing
    };
    assert_eq!(world.s3(&storage).await, active);

    world.clock.advance(DAY * 10);
    assert_eq!(world.s3(&storage).await.status, S3Status::Expires { at: ends, days: 30 });
    world.clock.advance(DAY * 28 + Duration::from_secs(1));
    assert_eq!(world.s3(&storage).await.status, S3Status::Expires { at: ends, days: 2 });
    // While another has no end, the connection has none.
    let other = world.s3_key(&storage, |_| ()).await;
    assert_eq!(world.s3(&storage).await.status, S3Status::Active);
    let admin = async || world.access.admin(&world.sign_in("admin", PASSWORD).await.unwrap()).unwrap();
    world.control.delete_key(&admin().await, other.id).await.unwrap();
    world.clock.advance(DAY * 2 - Duration::from_secs(1));
    assert_eq!(world.clock.now(), ends);
    assert_eq!(world.s3(&storage).await, nothing);
    world.control.delete_key(&admin().await, key.id).await.unwrap();

    world.change(&storage, StorageChange { s3_access: Some(false), ..StorageChange::default() }).await;
    assert_eq!(world.s3(&storage).await.status, S3Status::Off);
    world.found(&storage, Health::Degraded).await;
    assert_eq!(world.s3(&storage).await.status, S3Status::Off);
    world.found(&storage, Health::Unreachable).await;
    let row = world.row_of(&storage).await;
    assert_eq!((row.s3.status, row.health), (S3Status::Unreachable, Some(Health::Unreachable)));
    // The numbers stay, with their age.
    assert!(row.usage.unwrap().at < row.health_since.unwrap());
}

#[tokio::test]
async fn what_keys_allow_together_and_from_where() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let said = async || {
        let s3 = world.s3(&storage).await;
        (s3.keys, s3.permission, s3.networks, s3.anywhere)
    };
    let read = |key: &mut KeyDraft| key.permission = "read".to_owned();
    world
        .s3_key(&storage, |key| (read(key), key.networks = networks(&["203.0.113.0/24", "10.0.0.1"])).0)
        .await;
    assert_eq!(said().await, (1, Permission::Read, 2, false));
    world.s3_key(&storage, |key| (read(key), key.networks = networks(&["203.0.113.0/24"])).0).await;
    assert_eq!(said().await, (2, Permission::Read, 2, false));
    let write = |key: &mut KeyDraft| key.permission = "write".to_owned();
    world.s3_key(&storage, |key| (write(key), key.networks = networks(&["192.0.2.0/28"])).0).await;
    assert_eq!(said().await, (3, Permission::ReadWrite, 3, false));

    // What the storage does not allow, no key does; and one of which nothing is left opens nothing.
    let change = StorageChange { permission: Some("read".to_owned()), ..StorageChange::default() };
    world.change(&storage, change).await;
    assert_eq!(said().await, (2, Permission::Read, 2, false));
    let change = StorageChange { permission: Some("none".to_owned()), ..StorageChange::default() };
    world.change(&storage, change).await;
    assert_eq!(said().await, (0, Permission::None, 0, false));
    assert_eq!(world.s3(&storage).await.status, S3Status::Off);
    let change = StorageChange { permission: Some("read_write".to_owned()), ..StorageChange::default() };
    world.change(&storage, change).await;

    // The storage's own list binds every key: of each network counts what is in both.
    let bound = |list: &[&str]| StorageChange { networks: Some(networks(list)), ..StorageChange::default() };
    world.change(&storage, bound(&["203.0.113.128/25", "10.0.0.0/8"])).await;
    assert_eq!(said().await, (3, Permission::ReadWrite, 2, false));
    world.s3_key(&storage, |_| ()).await;
    assert_eq!(said().await, (4, Permission::ReadWrite, 3, false));
    world.change(&storage, bound(&[])).await;
    assert_eq!(said().await, (4, Permission::ReadWrite, 3, true));
}

#[tokio::test]
async fn a_key_of_an_admin_opens_every_storage() {
    let world = World::new().await;
    let (a, b) = (world.storage("a").await, world.storage("b").await);
    let change = StorageChange { permission: Some("write".to_owned()), ..StorageChange::default() };
    world.change(&b, change).await;
    let user = world.admin.user().unwrap().to_string();
    let of_admin = |key: &mut KeyDraft| {
        (key.scope, key.channel, key.permission) =
            (ScopeDraft::User(user), "s3".to_owned(), "read".to_owned());
        key.networks = networks(&["203.0.113.0/24"]);
    };
    let key = world.key(of_admin).await.view.key;
    let s3 = world.s3(&a).await;
    assert_eq!((s3.status, s3.keys, s3.admin_keys), (S3Status::Active, 0, 1));
    assert_eq!((s3.permission, s3.networks, s3.anywhere), (Permission::Read, 1, false));
    // It reads, and here one may only write.
    assert_eq!(world.s3(&b).await.status, S3Status::NotActive);
    assert_eq!(world.open_restricted_anywhere().await, (1, 1, 0));
    for (filter, expected) in [(S3Filter::Active, "a"), (S3Filter::NotActive, "b")] {
        let page = world.page(&ConnectionsQuery { s3: Some(filter), ..ConnectionsQuery::default() }).await;
        assert_eq!((names(&page), page.matching, page.total), (vec![expected], 1, 2));
    }
    let wide = KeyChange {
        permission: Some("read_write".to_owned()),
        networks: Some(vec![]),
        ..KeyChange::default()
    };
    world.control.update_key(&world.admin, key.id, &wide).await.unwrap();
    assert_eq!(world.open_restricted_anywhere().await, (2, 0, 2));
    for storage in [&a, &b] {
        let rest = world.control.storage(&world.admin, storage.id).await.unwrap();
        assert!(rest.s3_active && world.s3(storage).await.anywhere);
    }
}

#[tokio::test]
async fn the_filters_divide_the_list() {
    let world = World::new().await;
    for name in ["open", "closed", "off", "down", "down and open"] {
        let storage = world.storage(name).await;
        if name.contains("open") || name == "off" {
            world.s3_key(&storage, |_| ()).await;
        }
        if name == "off" {
            let change = StorageChange { s3_access: Some(false), ..StorageChange::default() };
            world.change(&storage, change).await;
        }
        if name.contains("down") {
            world.found(&storage, Health::Unreachable).await;
        }
    }
    let mut all = 0;
    for (filter, expected) in [
        (S3Filter::Active, vec!["open"]),
        (S3Filter::NotActive, vec!["closed", "off"]),
        (S3Filter::Unreachable, vec!["down", "down and open"]),
    ] {
        let page = world.page(&ConnectionsQuery { s3: Some(filter), ..ConnectionsQuery::default() }).await;
        assert_eq!(names(&page), expected, "{filter:?}");
        assert_eq!(usize::try_from(page.matching).unwrap(), page.rows.len());
        all += page.matching;
        for row in &page.rows {
            let as_filter = match row.s3.status {
                S3Status::Unreachable => S3Filter::Unreachable,
                S3Status::Off | S3Status::NotActive => S3Filter::NotActive,
                S3Status::Expires { .. } | S3Status::Active => S3Filter::Active,
            };
            assert_eq!(as_filter, filter, "{row:?}");
        }
        assert_eq!(filter.as_str().parse(), Ok(filter));
    }
    assert_eq!(all, 5);
    let query = ConnectionsQuery { health: Some(Health::Unreachable), ..ConnectionsQuery::default() };
    assert_eq!(names(&world.page(&query).await), ["down", "down and open"]);
    let unknown = "sideways".parse::<ConnectionSort>().unwrap_err();
    assert_eq!(unknown.expected, "name, used, files, created, last_used");
}

#[tokio::test]
async fn pages_hold_each_row_once() {
    let world = World::new().await;
    let page = world.page(&ConnectionsQuery::default()).await;
    assert_eq!((page.rows.len(), page.page, page.pages, page.matching, page.total), (0, 1, 1, 0, 0));
    assert_eq!(page.posture.quota_bytes, None);
    // All alike, but for the name of one.
    for number in 0..23 {
        world.storage(if number == 11 { "last of all" } else { "alike" }).await;
    }
    for sort in ConnectionSort::ALL {
        for descending in [false, true] {
            let mut seen = Vec::new();
            for page in 1..=5 {
                let query = ConnectionsQuery {
                    sort: *sort,
                    descending,
                    page,
                    size: 5,
                    ..ConnectionsQuery::default()
                };
                let got = world.page(&query).await;
                assert_eq!((got.page, got.pages, got.matching), (page, 5, 23));
                assert_eq!(got.rows.len(), if page == 5 { 3 } else { 5 });
                seen.extend(got.rows.iter().map(|row| row.storage.id));
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 23, "{sort:?} {descending}");
        }
    }
    let query = ConnectionsQuery { page: 99, size: 10, ..ConnectionsQuery::default() };
    let last = world.page(&query).await;
    assert_eq!((last.page, names(&last)), (3, vec!["alike", "alike", "last of all"]));
    for (size, rows) in [(0, 1), (u32::MAX, 23)] {
        let page = world.page(&ConnectionsQuery { page: 0, size, ..ConnectionsQuery::default() }).await;
        assert_eq!((page.page, page.rows.len()), (1, rows));
    }
}

#[tokio::test]
async fn another_site_sees_nothing_of_it() {
    let world = World::new().await;
    let storage = world.storage("ours").await;
    let key = world.s3_key(&storage, |_| ()).await;
    let eve = world.stranger().await;
    for search in [None, Some("ours"), Some(key.credential.as_str()), Some(storage.bucket.as_str())] {
        let query = ConnectionsQuery { search: search.map(str::to_owned), ..ConnectionsQuery::default() };
        assert_eq!(names(&world.page(&query).await), ["ours"], "{search:?}");
        let theirs = world.control.connections(&eve, &query).await.unwrap();
        assert_eq!((theirs.rows.len(), theirs.matching, theirs.total), (0, 0, 0));
        assert_eq!((theirs.posture.storages, theirs.posture.open), (0, 0));
        assert_eq!(theirs.posture.review.any, 0);
        assert_eq!(theirs.posture.anywhere_example, None);
    }
}

#[tokio::test]
async fn the_sums_follow_every_change() {
    let world = World::new().await;
    let (a, b) = (world.storage("a").await, world.storage("b").await);
    assert_eq!(world.open_restricted_anywhere().await, (0, 0, 0));
    let ends = world.clock.now().after(Duration::from_secs(100));
    world.s3_key(&b, |key| key.expires_at = Some(ends.to_string())).await;
    assert_eq!(world.open_restricted_anywhere().await, (1, 0, 1));
    let example = world.page(&ConnectionsQuery::default()).await.posture.anywhere_example.unwrap();
    assert_eq!((example.0, example.1.as_str()), (b.id, "b"));
    let office = StorageChange { networks: Some(networks(&["203.0.113.0/24"])), ..StorageChange::default() };
    world.change(&b, office).await;
    assert_eq!(world.open_restricted_anywhere().await, (1, 1, 0));
    // Nobody changes anything when a key runs out.
    world.clock.advance(Duration::from_secs(98));
    assert_eq!(world.open_restricted_anywhere().await, (1, 1, 0));
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.open_restricted_anywhere().await, (0, 0, 0));

    let posture = async || world.page(&ConnectionsQuery::default()).await.posture;
    assert_eq!((posture().await.quota_bytes, posture().await.not_measured), (None, 0));
    for (storage, quota) in [(&a, 1_000), (&b, 500)] {
        world
            .change(storage, StorageChange { quota_bytes: Some(Some(quota)), ..StorageChange::default() })
            .await;
    }
    assert_eq!((posture().await.quota_bytes, posture().await.storages), (Some(1_500), 2));
}

#[tokio::test]
async fn keys_to_review() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let review = async || world.page(&ConnectionsQuery::default()).await.posture.review;
    let office = networks(&["203.0.113.0/24"]);
    let ends = Some(world.clock.now().after(DAY * 31).to_string());
    world.s3_key(&storage, |key| (key.networks, key.expires_at) = (office.clone(), ends)).await;
    assert_eq!(review().await.any, 0);
    let wide = world.s3_key(&storage, |_| ()).await;
    let found = review().await;
    assert_eq!((found.any, found.writing_from_anywhere, found.unused, found.expiring), (1, 1, 0, 0));
    let example = found.example.unwrap();
    assert_eq!((example.key, example.reason), (wide.id, ReviewReason::WritesFromAnywhere));
    assert_eq!(example.storage.unwrap().0, storage.id);
    let narrow = KeyChange { networks: Some(office.clone()), ..KeyChange::default() };
    world.control.update_key(&world.admin, wide.id, &narrow).await.unwrap();
    assert_eq!(review().await.any, 0);

    world.clock.advance(DAY + Duration::from_secs(10));
    let found = review().await;
    assert_eq!((found.any, found.expiring), (1, 1));
    world.clock.advance(DAY * 31);
    assert_eq!(review().await.any, 0, "what is over needs no look");
    world.clock.advance(DAY * 60);
    let found = review().await;
    assert_eq!((found.any, found.unused), (1, 1));
    assert_eq!(found.example.unwrap().reason, ReviewReason::Unused);
}
