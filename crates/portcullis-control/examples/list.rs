//! Measures the list of connections: makes a site with many storages and so many keys for each (2 if not said), reads pages of
//! it, and says what they cost in memory and how long it takes from a password to the list.
//!
//! ```sh
//! cargo run --release -p portcullis-control --example list -- 10000 10
//! ```
//!
//! SQLite in a temporary directory; PostgreSQL if a third argument is the address of an empty database.
#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a measurement that fails shall stop"
)]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_access::{Access, AccessConfig, MasterKey, Origin, SiteAdmin};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_control::{ConnectionSort, ConnectionsPage, ConnectionsQuery, Control, KeyUse, S3Filter};
use portcullis_domain::{
    Channel, Clock as _, CredentialId, DisplayName, Health, Key, KeyId, KeyPrefix, KeyState, Label,
    NetworkEntry, Networks, Overwrite, Permission, Provider, Scope, Secret, Storage, StorageId, SystemClock,
    Timestamp, Usage,
};
use portcullis_metadata::{Measurement, Metadata, NewStorage, StorageUse, StoredSecret};

const PASSWORD: &str = "a password for one measurement";
const DAY: Duration = Duration::from_hours(24);

/// The same numbers at every run (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(u64::try_from(of.len()).unwrap());
        of[usize::try_from(at).unwrap()]
    }

    fn days(&mut self, most: u32) -> Duration {
        DAY * u32::try_from(self.below(u64::from(most))).unwrap()
    }

    fn networks(&mut self) -> Networks {
        let entries = (0..self.below(4)).map(|_| {
            let text = format!("203.0.{}.0/24", self.below(200));
            NetworkEntry::parse(&text, "an office somewhere").unwrap()
        });
        Networks::new(entries.collect()).unwrap()
    }
}

fn origin() -> Origin<'static> {
    let peer = IpAddr::from([192, 0, 2, 1]);
    Origin { channel: Channel::Rest, peer, request_id: "measure", tool: "measure", line: None }
}

async fn site(url: &str) -> (Metadata, Control, SiteAdmin, MasterKey) {
    let metadata = Metadata::open(url).await.unwrap();
    let clock = Arc::new(SystemClock);
    let drivers = Arc::new(MemoryDrivers::new(Arc::<SystemClock>::clone(&clock)));
    // Nothing follows the change feed here: what is asked is asked of the database.
    let config = AccessConfig { feed_lag_limit: Duration::from_hours(24), ..AccessConfig::default() };
    let master = MasterKey::generate().unwrap();
    let (access, system) = Access::open(config, metadata.clone(), drivers, &master, clock).await.unwrap();
    let password = Secret::foreign(PASSWORD.to_owned());
    access.bootstrap(&system, &password).await.unwrap();
    let session = access.sign_in(origin(), "admin", &password, DAY).await.unwrap();
    let admin = access.admin(&session.principal).unwrap();
    (metadata.clone(), Control::new(access, metadata), admin, master)
}

fn new_storage(admin: &SiteAdmin, numbers: &mut Numbers, at: u32, now: Timestamp) -> NewStorage {
    let kinds = ["Backup", "Fotos", "Büro", "写真", "Проект", "Invoices", "Media 100%", "raw_data"];
    let name = DisplayName::parse(&format!("{} {:05}", numbers.pick(&kinds), at * 7919 % 99_991)).unwrap();
    NewStorage {
        id: StorageId::generate(),
        site: admin.site(),
        owner: admin.user().unwrap(),
        label: Label::suggested_by(&name),
        name,
        provider: numbers.pick(&[
            Provider::Builtin,
            Provider::Builtin,
            Provider::Aws,
            Provider::CloudflareR2,
        ]),
        region: "us-east-1".to_owned(),
        endpoint: None,
        bucket: None,
        path_style: false,
        provider_credentials: None,
        permission: numbers.pick(&[Permission::ReadWrite, Permission::ReadWrite, Permission::Read]),
        networks: if numbers.below(2) == 0 { Networks::anywhere() } else { numbers.networks() },
        s3_access: numbers.below(10) > 0,
        quota_bytes: (numbers.below(3) > 0).then_some(1 << 40),
        created: now.before(numbers.days(400)),
    }
}

fn new_key(storage: &Storage, numbers: &mut Numbers, now: Timestamp) -> Key {
    let id = KeyId::generate();
    let permissions =
        [Permission::ReadWrite, Permission::Read, Permission::Read, Permission::Write, Permission::None];
    Key {
        id,
        site: storage.site,
        credential: CredentialId::from_entropy(*id.as_bytes()),
        name: DisplayName::parse("nightly backup").unwrap(),
        channel: numbers.pick(&[Channel::S3, Channel::S3, Channel::S3, Channel::Rest]),
        scope: Scope::Storage(storage.id),
        permission: numbers.pick(&permissions),
        overwrite: Overwrite::Replace,
        networks: numbers.networks(),
        prefix: KeyPrefix::default(),
        expires: (numbers.below(4) == 0).then(|| now.before(DAY * 30).after(numbers.days(400))),
        state: KeyState::Active,
        created: now.before(numbers.days(400)),
        generation: 0,
        on_leak: portcullis_domain::OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: portcullis_domain::MailRules::default(),
    }
}

/// Fills the site; gives some access key ids.
async fn fill(metadata: &Metadata, admin: &SiteAdmin, count: u32, keys: u32) -> Vec<CredentialId> {
    let (mut numbers, now) = (Numbers(7), SystemClock.now());
    let (mut measured, mut used, mut uses, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for at in 0..count {
        let storage = metadata.create_storage(new_storage(admin, &mut numbers, at, now)).await.unwrap();
        let files = numbers.below(50_000);
        let usage = Usage { bytes: files * 100_000, files, folders: files / 10, ..Usage::default() };
        let health = if numbers.below(50) == 0 { Health::Unreachable } else { Health::Reachable };
        measured.push(Measurement {
            storage: storage.id,
            site: storage.site,
            at: now,
            usage: Some((usage, Some(1 << 42))),
            health,
            due: now.after(DAY),
        });
        if numbers.below(4) > 0 {
            used.push(StorageUse {
                storage: storage.id,
                site: storage.site,
                at: now.before(numbers.days(200)),
            });
        }
        for _ in 0..keys {
            let key = new_key(&storage, &mut numbers, now);
            let secret = if key.channel == Channel::S3 {
                StoredSecret::Sealed(vec![7; 68])
            } else {
                StoredSecret::Hash([7; 32])
            };
            metadata.create_key(&key, &secret).await.unwrap();
            if numbers.below(5) > 0 {
                let at = now.before(numbers.days(200));
                uses.push(KeyUse { key: key.id, at, peer: [203, 0, 113, 7].into(), tool: "rclone/1".into() });
            }
            ids.push(key.credential);
        }
    }
    metadata.record_measurements(&measured).await.unwrap();
    metadata.record_storage_use(&used).await.unwrap();
    metadata.record_use(&uses).await.unwrap();
    ids
}

/// Processor time that this process has used, to ten milliseconds; of SQLite that is all there is.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn print(name: &str, mut took: Vec<Duration>, processor: Duration, page: &ConnectionsPage) {
    let processor = processor.as_secs_f64() * 1e3 / f64::from(u32::try_from(took.len()).unwrap());
    took.sort_unstable();
    let at = |part: usize| took[(took.len() * part / 100).min(took.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "| {name} | {:.1} | {:.1} | {processor:.1} | {} of {} |",
        at(50),
        at(99),
        page.rows.len(),
        page.matching
    );
}

async fn measure(control: &Control, admin: &SiteAdmin, name: &str, query: &ConnectionsQuery) {
    let mut took = Vec::new();
    let mut page = control.connections(admin, query).await.unwrap();
    let before = processor_time();
    for _ in 0..100 {
        let began = Instant::now();
        page = control.connections(admin, query).await.unwrap();
        took.push(began.elapsed());
    }
    print(name, took, processor_time() - before, &page);
}

/// The first page after something was changed: the sums over the whole site are read anew.
async fn measure_changed(metadata: &Metadata, control: &Control, admin: &SiteAdmin) {
    let query = ConnectionsQuery::default();
    let mut page = control.connections(admin, &query).await.unwrap();
    let mut storage = page.rows[0].storage.clone();
    let (mut took, mut processor) = (Vec::new(), Duration::ZERO);
    for round in 0..100u64 {
        let changed = Storage { quota_bytes: Some((1 << 40) + round), ..storage.clone() };
        metadata.update_storage_if_same(&storage, &changed).await.unwrap();
        storage = changed;
        let (began, before) = (Instant::now(), processor_time());
        page = control.connections(admin, &query).await.unwrap();
        took.push(began.elapsed());
        processor += processor_time() - before;
    }
    print("first page, right after a change", took, processor, &page);
}

/// Resident memory of this process in bytes.
fn memory() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// What it takes to hold all of it in memory, and from a password to the first page of the list.
async fn measure_start(metadata: &Metadata, master: &MasterKey) {
    let clock = Arc::new(SystemClock);
    let drivers = Arc::new(MemoryDrivers::new(Arc::<SystemClock>::clone(&clock)));
    let config = AccessConfig { feed_lag_limit: Duration::from_hours(24), ..AccessConfig::default() };
    let (before, began) = (memory(), Instant::now());
    let (access, _system) = Access::open(config, metadata.clone(), drivers, master, clock).await.unwrap();
    let grown = memory().saturating_sub(before) / (1 << 20);
    println!("\nopening the core: {:.1} s, {grown} MiB more", began.elapsed().as_secs_f64());
    let (control, password) =
        (Control::new(access.clone(), metadata.clone()), Secret::foreign(PASSWORD.to_owned()));
    let (mut signing, mut listing) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let began = Instant::now();
        let session = access.sign_in(origin(), "admin", &password, DAY).await.unwrap();
        signing.push(began.elapsed());
        let admin = access.admin(&session.principal).unwrap();
        control.connections(&admin, &ConnectionsQuery::default()).await.unwrap();
        listing.push(began.elapsed());
    }
    for (name, mut took) in [("password to session", signing), ("password to list", listing)] {
        took.sort_unstable();
        println!(
            "{name}: median {:.1} ms, worst {:.1} ms",
            took[10].as_secs_f64() * 1e3,
            took[19].as_secs_f64() * 1e3
        );
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().map_or(10_000, |count| count.parse().unwrap());
    let keys: u32 = arguments.next().map_or(2, |keys| keys.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let url = arguments.next().unwrap_or_else(|| format!("sqlite://{}/portcullis.db", dir.path().display()));
    let (metadata, control, admin, master) = site(&url).await;
    let began = Instant::now();
    let ids = fill(&metadata, &admin, count, keys).await;
    println!("{count} storages and {} keys, made in {:.0} s", ids.len(), began.elapsed().as_secs_f64());
    println!("\n| page | median ms | p99 ms | processor ms | rows |\n|---|---|---|---|---|");
    let all = ConnectionsQuery::default();
    let search =
        |text: &str| ConnectionsQuery { search: Some(text.to_owned()), ..ConnectionsQuery::default() };
    measure(&control, &admin, "first page", &all).await;
    measure(&control, &admin, "middle page", &ConnectionsQuery { page: count / 100, ..all.clone() }).await;
    for sort in ConnectionSort::ALL {
        for (descending, way) in [(false, "up"), (true, "down")] {
            let query = ConnectionsQuery { sort: *sort, descending, page: count / 100, ..all.clone() };
            let name = format!("middle page by {} {way}", sort.as_str());
            measure(&control, &admin, &name, &query).await;
        }
    }
    measure(&control, &admin, "search, a name", &search("проект 00")).await;
    measure(&control, &admin, "search, half of the names", &search("a")).await;
    measure(&control, &admin, "search, nothing found", &search("no such name")).await;
    measure(&control, &admin, "search, an access key id", &search(ids[ids.len() / 2].as_str())).await;
    measure(&control, &admin, "search, a part of one", &search(&ids[7].as_str()[4..14])).await;
    for filter in S3Filter::ALL {
        let query = ConnectionsQuery { s3: Some(*filter), ..all.clone() };
        measure(&control, &admin, &format!("S3 {}", filter.as_str()), &query).await;
        let last = ConnectionsQuery { sort: ConnectionSort::Used, descending: true, page: 60, ..query };
        measure(&control, &admin, &format!("S3 {}, a later page by used", filter.as_str()), &last).await;
    }
    let aws = ConnectionsQuery { provider: Some(Provider::Aws), ..all.clone() };
    measure(&control, &admin, "provider aws", &aws).await;
    measure_changed(&metadata, &control, &admin).await;
    measure_start(&metadata, &master).await;
    metadata.close().await;
}
