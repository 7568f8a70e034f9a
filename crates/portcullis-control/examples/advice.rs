//! Measures what counting a request costs, and how long advice and usage take to read: makes so many keys (1,000 if not said) with use
//! of 90 days, from some addresses, in some folders.
//!
//! ```sh
//! cargo run --release -p portcullis-control --example advice -- 1000
//! ```
//!
//! SQLite in a temporary directory; PostgreSQL if a second argument is the address of an empty database.
#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(clippy::unwrap_used, reason = "a measurement that fails shall stop")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_access::{Access, AccessConfig, MasterKey, Origin, SiteAdmin};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_control::{AdviceWindow, Control, PageRequest, StorageDraft, UsageBy, UsageQuery};
use portcullis_domain::{
    Channel, Clock as _, CredentialId, DisplayName, Key, KeyId, KeyPrefix, KeyState, Networks, OnLeak,
    Overwrite, Permission, Scope, Secret, Storage, SystemClock, Timestamp,
};
use portcullis_metadata::{
    ActivityCount, ActivityKind, ActivityOf, FolderOf, Metadata, Noted, Rollup, StoredSecret,
};

const PASSWORD: &str = "a password for one measurement";
const NOTES: u32 = 1_000_000;
const DAYS: i64 = 90;

/// What one call of `note` costs, with so many addresses and programs of one key in an hour.
fn count(addresses: u32, tools: u32) {
    let rollup = Rollup::default();
    let now = SystemClock.now();
    let tools: Vec<String> = (0..tools).map(|n| format!("tool{n}/1.2.3 (linux)")).collect();
    let begun = Instant::now();
    for (n, tool) in (0..NOTES).zip(tools.iter().cycle()) {
        rollup.note(
            now,
            &Noted {
                key: KeyId::from_u128(1),
                storage: None,
                peer: IpAddr::V4((0x0a00_0000 + n % addresses).into()),
                tool,
                kind: ActivityKind::Used,
                what: "get",
                generation: 0,
                bytes: 0,
                proved: true,
            },
        );
    }
    let each = begun.elapsed().as_nanos() / u128::from(NOTES);
    let rows = rollup.take().0.len();
    println!("one note, {addresses} addresses and {} programs: {each} ns ({rows} rows)", tools.len());
}

/// The same for folders.
fn count_folders(folders: u32) {
    let rollup = Rollup::default();
    let (now, key, storage) =
        (SystemClock.now(), KeyId::from_u128(1), portcullis_domain::StorageId::from_u128(2));
    let places: Vec<String> = (0..folders).map(|n| format!("backup/host{n}/db/table/file")).collect();
    let begun = Instant::now();
    for (_, place) in (0..NOTES).zip(places.iter().cycle()) {
        rollup.note_place(now, key, storage, place);
    }
    let each = begun.elapsed().as_nanos() / u128::from(NOTES);
    println!("one place, {folders} folders: {each} ns ({} rows)", rollup.take().1.len());
}

fn key_of(storage: &Storage, n: u32, created: Timestamp) -> Key {
    let id = KeyId::generate();
    Key {
        id,
        site: storage.site,
        credential: CredentialId::from_entropy(*id.as_bytes()),
        name: DisplayName::parse(&format!("key {n}")).unwrap(),
        channel: Channel::S3,
        scope: Scope::Storage(storage.id),
        permission: Permission::ReadWrite,
        overwrite: Overwrite::Replace,
        networks: Networks::anywhere(),
        prefix: KeyPrefix::default(),
        expires: None,
        state: KeyState::Active,
        created,
        generation: 0,
        on_leak: OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: portcullis_domain::MailRules::default(),
    }
}

/// A key with use in `hours` hours of each day: two addresses, two deeds, three folders.
async fn used(metadata: &Metadata, key: &Key, storage: &Storage, n: u32, hours: i64) {
    let today = SystemClock.now().seconds() / 86_400;
    let (mut rows, mut folders) = (BTreeMap::new(), BTreeMap::new());
    for day in today - DAYS + 1..=today {
        for hour in 0..hours {
            let first = Timestamp::from_seconds((day * 24 + hour) * 3600);
            for (address, what) in [(1, "enter"), (1, "get"), (2, "enter"), (2, "list")] {
                let of = ActivityOf {
                    key: key.id,
                    hour: day * 24 + hour,
                    storage: Some(storage.id),
                    network: format!("10.{}.{}.{address}", n / 250, n % 250),
                    tool: "rclone".to_owned(),
                    kind: ActivityKind::Used,
                    what,
                    generation: 0,
                };
                rows.insert(of, ActivityCount { requests: 40, bytes: 1_000_000, first, last: first });
            }
        }
        for part in ["db", "www", "mail"] {
            let folder = format!("backup/host{n}/{part}/");
            folders.insert(FolderOf { key: key.id, day, storage: storage.id, folder }, 80 * 24);
        }
    }
    metadata.record_activity(&rows, &folders).await.unwrap();
}

async fn opened(url: &str) -> (Metadata, Control, SiteAdmin) {
    let metadata = Metadata::open(url).await.unwrap();
    let drivers = Arc::new(MemoryDrivers::new(Arc::new(SystemClock)));
    let config = AccessConfig { feed_lag_limit: Duration::from_secs(86_400), ..AccessConfig::default() };
    let master = MasterKey::generate().unwrap();
    let (access, system) =
        Access::open(config, metadata.clone(), drivers, &master, Arc::new(SystemClock)).await.unwrap();
    let secret = Secret::foreign(PASSWORD.to_owned());
    access.bootstrap(&system, &secret).await.unwrap();
    let control = Control::new(access.clone(), metadata.clone());
    let origin = Origin {
        channel: Channel::Rest,
        peer: [192, 0, 2, 1].into(),
        request_id: "R",
        tool: "t",
        line: None,
    };
    let who = control.sign_in(origin, "admin", &secret).await.unwrap().principal;
    (metadata, control, access.admin(&who).unwrap())
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let keys: u32 = arguments.next().map_or(1_000, |number| number.parse().unwrap());
    for (addresses, tools) in [(1, 1), (50, 2), (1_000_000, 1_000)] {
        count(addresses, tools);
    }
    count_folders(3);
    count_folders(1_000);

    let dir = tempfile::tempdir().unwrap();
    let url = arguments.next().unwrap_or_else(|| format!("sqlite://{}/p.db", dir.path().display()));
    let (metadata, control, admin) = opened(&url).await;
    let draft =
        StorageDraft { name: "files".to_owned(), provider: "builtin".to_owned(), ..StorageDraft::default() };
    let storage = control.create_storage(&admin, &draft).await.unwrap().storage;
    let created = SystemClock.now().before(Duration::from_secs(86_400 * 100));
    let begun = Instant::now();
    for n in 0..keys {
        let key = key_of(&storage, n, created);
        metadata.create_key(&key, &StoredSecret::Hash([0; 32])).await.unwrap();
        // One in twenty all day and night, the others at four hours.
        used(&metadata, &key, &storage, n, if n % 20 == 0 { 24 } else { 4 }).await;
    }
    println!("{keys} keys written in {:?}", begun.elapsed());

    for window in [AdviceWindow::Month, AdviceWindow::Quarter] {
        let (begun, mut page, mut found, mut pages) = (Instant::now(), PageRequest::first(50), 0, Vec::new());
        loop {
            let one = Instant::now();
            let list = control.advice(&admin, window, &page).await.unwrap();
            pages.push(one.elapsed());
            found += list.items.iter().map(|key| key.advised.advice.len()).sum::<usize>();
            page.after = list.next;
            if page.after.is_none() {
                break;
            }
        }
        pages.sort();
        println!(
            "advice of {} days: {found} pieces in {:?}; a page of 50 keys {:?} to {:?}",
            window.days(),
            begun.elapsed(),
            pages.first().unwrap(),
            pages.last().unwrap()
        );
    }
    let query = UsageQuery { from: Some(created), ..UsageQuery::default() };
    let begun = Instant::now();
    let over = control.usage_over_time(&admin, &query, None).await.unwrap();
    println!("use of 90 days, {} points: {:?}", over.points.len(), begun.elapsed());
    for by in [UsageBy::Key, UsageBy::Network] {
        let begun = Instant::now();
        let top = control.usage_by(&admin, &query, by, 8).await.unwrap();
        println!("the {} largest by {by:?}: {:?}", top.len(), begun.elapsed());
    }
}
