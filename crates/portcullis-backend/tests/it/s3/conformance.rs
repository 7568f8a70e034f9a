//! The promises of the trait, kept through our own server.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis_backend::Backend;
use portcullis_backend::conformance::{CASES, Outcome};
use portcullis_backend::s3::RemoteCapabilities;
use portcullis_domain::KeyPrefix;

use super::world::{OURS, World, connect, patient};

/// What cannot be done through a provider whose bucket keeps no versions, and why. This list may only shrink.
const CANNOT: &[(&str, &str)] = &[
    ("checksums::of_uploads", NO_PARTS),
    ("complete::a_single_part", NO_PARTS),
    ("complete::making_an_object", NO_PARTS),
    ("copy::bytes_and_headers", NO_VERSIONS),
    ("copy::conditions_of_the_target", NO_VERSIONS),
    ("copy::onto_itself", NO_VERSIONS),
    ("objects::replacing", NO_VERSIONS),
];

/// What a storage under a prefix cannot do besides.
const CANNOT_UNDER_A_PREFIX: &[(&str, &str)] = &[
    ("listing::order", NO_ROOM),
    ("objects::odd_keys_are_literal", NO_ROOM),
    ("usage::of_odd_folders", NO_ROOM),
];

/// What is not done while nothing is known of the provider.
const CANNOT_WITHOUT_KNOWLEDGE: &[(&str, &str)] = &[
    ("complete::refusals", "a checksum that the provider is not known to keep is not asked of it"),
    (
        "listing::positions",
        "the first version of listings takes a marker that ends in the delimiter for a common prefix",
    ),
    (
        "uploads::beginning_and_giving_up",
        "a checksum that the provider is not known to keep is not asked of it",
    ),
];

const NO_PARTS: &str = "an answer to a read does not list the object's parts";
const NO_VERSIONS: &str = "the same bytes have the same entity tag, which is all that tells versions apart";
const NO_ROOM: &str = "a key of 1024 bytes does not fit behind a prefix";

/// The moment of a write is that of the answer to it, which may lie behind the end of the second in which the provider
/// dated it. Only a case that fails so twice is broken.
fn is_of_the_clock(outcome: &Outcome) -> bool {
    matches!(outcome, Err(violation) if violation.to_string().contains("time") || violation.to_string().contains("modified"))
}

/// The cases that are broken.
pub(crate) async fn broken(
    new: impl AsyncFn() -> Arc<dyn Backend>,
) -> (BTreeMap<&'static str, String>, Vec<&'static str>) {
    let (mut broken, mut skipped) = (BTreeMap::new(), Vec::new());
    for case in CASES {
        let backend = new().await;
        if !case.applies(&backend.capabilities()) {
            skipped.push(case.name());
            continue;
        }
        let mut outcome = case.check(backend).await;
        if is_of_the_clock(&outcome) {
            outcome = case.check(new().await).await;
        }
        if let Err(violation) = outcome {
            broken.insert(case.name(), violation.to_string());
        }
    }
    (broken, skipped)
}

/// Compares what is broken with what is known to be.
pub(crate) fn compare(broken: &BTreeMap<&str, String>, cannot: &BTreeMap<&str, &str>) {
    for (name, violation) in broken {
        println!("{name}: {violation}");
    }
    let unknown: Vec<_> = broken.keys().filter(|name| !cannot.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "broken: {unknown:?}");
    for (name, why) in cannot {
        // What hangs on the order of events is not broken every time.
        assert!(
            why.starts_with("sometimes") || broken.contains_key(name),
            "{name} is kept now: take it from the list"
        );
    }
}

async fn conforms(
    prefix: &str,
    capabilities: RemoteCapabilities,
    more: &[(&'static str, &'static str)],
) -> Vec<&'static str> {
    let world = World::start().await;
    let (broken, skipped) = broken(async || {
        let mut remote = world.bucket().await.remote(&world.endpoint(), capabilities);
        remote.prefix = KeyPrefix::parse(prefix).unwrap();
        let backend: Arc<dyn Backend> = connect(patient(), remote);
        backend
    })
    .await;
    let cannot = CANNOT.iter().chain(more).copied();
    let cannot = cannot.filter(|(name, _)| !skipped.contains(name)).collect();
    compare(&broken, &cannot);
    skipped
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_whole_bucket() {
    let skipped = conforms("", OURS, &[]).await;
    assert!(skipped.iter().all(|name| name.contains("versions")), "{skipped:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_prefix() {
    conforms("a place/for \u{fc}s/", OURS, CANNOT_UNDER_A_PREFIX).await;
}

/// Of a provider of which nothing is known, the safe part is used.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_knowledge() {
    conforms("", RemoteCapabilities::default(), CANNOT_WITHOUT_KNOWLEDGE).await;
}
