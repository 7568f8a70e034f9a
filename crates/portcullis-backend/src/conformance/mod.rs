//! The promise of the trait as a test suite: one list of cases that every driver has to pass.
//!
//! A case gets a backend of its own, empty, and says through a [`Violation`] what it found. Cases that need an ability that
//! a driver does not have are skipped by name. A driver's test is short:
//!
//! ```
//! # use std::sync::Arc;
//! # use portcullis_backend::{Backend, conformance::suite, memory::MemoryBackend};
//! # use portcullis_domain::SystemClock;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let memory = || -> Arc<dyn Backend> { Arc::new(MemoryBackend::new(Arc::new(SystemClock))) };
//! let report = suite(async || memory()).await;
//! println!("skipped: {:?}", report.skipped);
//! assert!(report.broken.is_empty(), "{report}");
//! # }
//! ```

mod bodies;
mod check;
mod checksums;
mod complete;
mod concurrency;
mod conditions;
mod copy;
mod listing;
mod model;
mod objects;
mod quota;
mod random;
mod ranges;
mod store;
mod tags;
mod uploads;
mod usage;
mod versions;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{Backend, Capabilities};
pub use check::{Outcome, Violation};
use store::Store;

/// An ability without which a case cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    ConditionalWrites,
    Versions,
    Checksums,
    Tags,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    name: &'static str,
    needs: Needs,
    run: fn(Store) -> BoxFuture<'static, Outcome>,
}

impl Case {
    /// Its group and name, as `group::name`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a driver with these abilities has to keep it.
    #[must_use]
    pub const fn applies(&self, capabilities: &Capabilities) -> bool {
        match self.needs {
            Needs::Nothing => true,
            Needs::ConditionalWrites => capabilities.conditional_writes,
            Needs::Versions => capabilities.keeps_versions,
            Needs::Checksums => capabilities.checksums,
            Needs::Tags => capabilities.tags,
        }
    }

    /// Tries it on a backend that is empty and that nothing else uses. Needs a Tokio runtime; one with several threads
    /// finds more.
    ///
    /// # Errors
    /// What the backend does otherwise than promised.
    pub async fn check(&self, backend: Arc<dyn Backend>) -> Outcome {
        (self.run)(Store::new(backend)).await
    }
}

macro_rules! cases {
    ($($needs:ident { $($group:ident :: $name:ident),* $(,)? })*) => {
        &[$($(Case {
            name: concat!(stringify!($group), "::", stringify!($name)),
            needs: Needs::$needs,
            run: |store| Box::pin($group::$name(store)),
        }),*),*]
    };
}

/// Every case.
pub const CASES: &[Case] = cases! {
    Nothing {
        objects::round_trip, objects::content_headers, objects::replacing, objects::missing, objects::deleting,
        objects::odd_keys_are_literal, objects::a_body_belongs_to_its_metadata, objects::listed_as_stored,
        conditions::reads, conditions::if_range,
        ranges::of_a_small_object, ranges::of_a_large_object, ranges::of_an_empty_object, ranges::heads_ignore_ranges,
        ranges::parts_of_a_plain_object, ranges::of_an_object_in_parts,
        listing::order, listing::prefixes_and_delimiters, listing::positions, listing::no_entries, listing::thousands,
        random::behaves_like_a_map,
        uploads::beginning_and_giving_up, uploads::wrong_names, uploads::parts, uploads::listing,
        complete::making_an_object, complete::a_single_part, complete::refusals, complete::again, complete::side_by_side,
        copy::bytes_and_headers, copy::independent, copy::onto_itself, copy::conditions_of_the_source,
        copy::of_an_object_in_parts,
        bodies::in_pieces, bodies::of_another_length, bodies::breaking_off, bodies::given_up,
        bodies::with_another_digest, bodies::with_a_trailer,
        usage::of_objects, usage::of_copies, usage::of_odd_folders, usage::of_uploads, usage::of_uploads_over_objects,
        quota::of_objects, quota::of_streams, quota::of_copies, quota::of_uploads,
        concurrency::reads_are_whole, concurrency::counters_add_up, concurrency::quota_is_not_passed,
        concurrency::one_completion,
    }
    ConditionalWrites {
        conditions::writes_if_absent, conditions::writes_if_match, conditions::deletes_if_match,
        complete::conditions, copy::conditions_of_the_target,
        concurrency::one_creates, concurrency::no_update_is_lost,
    }
    Versions {
        versions::keeping_what_is_replaced, versions::creating_only, versions::replacing_keeps_older_versions,
        versions::deleting, versions::versions_belong_to_their_key, versions::bringing_back,
        versions::conditions_see_the_current_one, versions::pages,
        usage::of_versions, quota::of_versions,
    }
    Checksums {
        checksums::of_objects, checksums::of_copies, checksums::of_uploads, checksums::of_parts,
        checksums::of_completions,
    }
    Tags {
        tags::kept_and_replaced, tags::of_missing_objects, tags::of_copies_and_uploads,
    }
};

/// What a run of all cases found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases that hold.
    pub passed: Vec<&'static str>,
    /// Cases that need an ability which the driver does not have.
    pub skipped: Vec<&'static str>,
    /// Cases that do not hold, and why.
    pub broken: Vec<(&'static str, Violation)>,
}

/// How many cases did what, and each that is broken.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, skipped, broken) = (self.passed.len(), self.skipped.len(), self.broken.len());
        write!(f, "{passed} passed, {skipped} skipped, {broken} broken")?;
        self.broken.iter().try_for_each(|(name, violation)| write!(f, "\n{name}: {violation}"))
    }
}

/// Runs every case, each on a new and empty backend.
pub async fn suite(new: impl AsyncFn() -> Arc<dyn Backend>) -> Report {
    let mut report = Report::default();
    for case in CASES {
        let backend = new().await;
        if !case.applies(&backend.capabilities()) {
            report.skipped.push(case.name());
            continue;
        }
        match case.check(backend).await {
            Ok(()) => report.passed.push(case.name()),
            Err(violation) => report.broken.push((case.name(), violation)),
        }
    }
    report
}
