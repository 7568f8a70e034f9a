//! Measures how long it takes to refuse an access key that opens nothing: one that never was, a deleted one with its true secret and
//! with a wrong one, one that was replaced, and one of another channel. The medians of many rounds should not tell them apart.
//!
//! ```sh
//! cargo run --release -p portcullis-access --example outsiders -- 20000
//! ```
#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a measurement that fails shall stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_access::{
    Access, AccessConfig, AccessError, Change, MasterKey, Origin, SiteAdmin, ThrottleConfig,
};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{
    Channel, Clock as _, DisplayName, Key, KeyId, KeyPrefix, KeyState, Networks, OnLeak, Overwrite,
    Permission, Scope, Secret, SystemClock, UserId,
};
use portcullis_metadata::{Metadata, NewSecret};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, SignedRequest, Signer, parse};

const PASSWORD: &str = "a password for one measurement";
const UNKNOWN: &str = "PC000000000000000000";

/// An access key and a secret that open nothing.
struct Case {
    name: &'static str,
    id: String,
    secret: String,
}

struct Bench {
    access: Access,
    metadata: Metadata,
    admin: SiteAdmin,
    user: UserId,
}

impl Bench {
    async fn key(&self, channel: Channel) -> (KeyId, Case) {
        let id = KeyId::generate();
        let minted = self.access.mint(&self.admin, id, channel).unwrap();
        let key = Key {
            id,
            site: self.admin.site(),
            credential: minted.credential,
            name: DisplayName::parse("measured").unwrap(),
            channel,
            scope: Scope::User(self.user),
            permission: Permission::ReadWrite,
            overwrite: Overwrite::Replace,
            networks: Networks::anywhere(),
            prefix: KeyPrefix::default(),
            expires: None,
            state: KeyState::Active,
            created: SystemClock.now(),
            generation: 0,
            on_leak: OnLeak::Disable,
            leaked: None,
            trial: None,
            login: None,
            public_keys: Vec::new(),
            mail: portcullis_domain::MailRules::default(),
        };
        self.metadata.create_key(&key, &minted.stored).await.unwrap();
        self.access.applied(Change::Key(id)).await.unwrap();
        let secret = minted.secret.reveal().to_owned();
        (id, Case { name: "", id: minted.credential.to_string(), secret })
    }

    async fn cases(&self) -> Vec<Case> {
        let now = SystemClock.now();
        let (deleted, of_deleted) = self.key(Channel::S3).await;
        self.metadata.delete_key(deleted, now).await.unwrap();
        self.access.applied(Change::Key(deleted)).await.unwrap();
        let (rotated, of_rotated) = self.key(Channel::S3).await;
        let minted = self.access.mint(&self.admin, rotated, Channel::S3).unwrap();
        let new = NewSecret { credential: minted.credential, login: None, stored: minted.stored };
        self.metadata.rotate_key(rotated, 0, &new, now, now).await.unwrap();
        self.access.applied(Change::Key(rotated)).await.unwrap();
        let (_, of_other) = self.key(Channel::Rest).await;
        let wrong =
            Case { name: "deleted, wrong secret", id: of_deleted.id.clone(), secret: "wrong".to_owned() };
        vec![
            Case { name: "never was", id: UNKNOWN.to_owned(), secret: of_deleted.secret.clone() },
            Case { name: "deleted, true old secret", ..of_deleted },
            wrong,
            Case { name: "replaced, true old secret", ..of_rotated },
            Case { name: "of another channel", ..of_other },
        ]
    }
}

fn signed(case: &Case) -> SignedRequest {
    let date = AmzDate::from_unix(SystemClock.now().seconds()).unwrap();
    let signer = Signer::new(&case.id, case.secret.as_bytes(), "us-east-1", &date).unwrap();
    let plain = [("host", b"s3.example.com".as_slice())];
    let request = RawRequest { method: "GET", path: "/bucket/key", query: None, headers: &plain };
    signer.sign(&request, &date, Payload::Unsigned).unwrap()
}

/// How long the refusal takes.
fn refused(access: &Access, signed: &SignedRequest) -> Duration {
    let headers = [
        ("host", b"s3.example.com".as_slice()),
        ("x-amz-date", signed.date.as_bytes()),
        ("x-amz-content-sha256", signed.content_sha256.as_bytes()),
        ("authorization", signed.authorization.as_bytes()),
    ];
    let request = RawRequest { method: "GET", path: "/bucket/key", query: None, headers: &headers };
    let presented = parse(&request).unwrap().unwrap();
    let origin = origin(Channel::S3);
    let begun = Instant::now();
    let outcome = access.authenticate_sigv4(origin, &presented, None);
    let taken = begun.elapsed();
    assert!(matches!(outcome, Err(AccessError::Denied(_))), "{outcome:?}");
    taken
}

fn origin(channel: Channel) -> Origin<'static> {
    Origin { channel, peer: [203, 0, 113, 7].into(), request_id: "MEASURED", tool: "measure/1", line: None }
}

#[tokio::main]
async fn main() {
    let rounds: usize = std::env::args().nth(1).map_or(20_000, |text| text.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("outsiders-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let url = format!("sqlite://{}", folder.join("portcullis.db").display());
    let metadata = Metadata::open(&url).await.unwrap();
    // Nobody is slowed down here: it is the work that is measured.
    let throttle =
        ThrottleConfig { pair_failures: u32::MAX, address_failures: u32::MAX, ..ThrottleConfig::default() };
    let config =
        AccessConfig { throttle, feed_lag_limit: Duration::from_hours(1), ..AccessConfig::default() };
    let clock = Arc::new(SystemClock);
    let drivers = Arc::new(MemoryDrivers::new(Arc::<SystemClock>::clone(&clock)));
    let master = MasterKey::generate().unwrap();
    let (access, system) = Access::open(config, metadata.clone(), drivers, &master, clock).await.unwrap();
    let password = Secret::foreign(PASSWORD.to_owned());
    access.bootstrap(&system, &password).await.unwrap();
    let signed_in =
        access.sign_in(origin(Channel::Rest), "admin", &password, Duration::from_hours(24)).await.unwrap();
    let admin = access.admin(&signed_in.principal).unwrap();
    let user = admin.user().unwrap();
    let bench = Bench { access, metadata, admin, user };
    let cases = bench.cases().await;
    let requests: Vec<_> = cases.iter().map(signed).collect();
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(rounds); cases.len()];
    // In turn, so that whatever else the machine does falls on all of them.
    for round in 0..rounds {
        for at in 0..cases.len() {
            let at = (at + round) % cases.len();
            times[at].push(refused(&bench.access, &requests[at]));
        }
        if round % 1_000 == 0 {
            bench.access.flush(&system).await.unwrap();
        }
    }
    println!("{rounds} rounds; microseconds: median, 90th and 99th of a hundred");
    for (case, times) in cases.iter().zip(&mut times) {
        times.sort_unstable();
        let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100].as_secs_f64() * 1e6;
        println!("{:28} {:8.2} {:8.2} {:8.2}", case.name, at(50), at(90), at(99));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
