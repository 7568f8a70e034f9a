//! What is hidden under a prefix might as well not be there.

use std::sync::Arc;

use portcullis_backend::conformance::{Violation, suite};
use portcullis_backend::memory::MemoryBackend;
use portcullis_backend::{
    Backend, BackendErrorKind, Body, CompleteOptions, CopyOptions, DeleteOptions, EtagCondition, GetOptions,
    ListPosition, ListRequest, PartOptions, PutOptions, Reserved, UploadId, UploadOptions, UploadsRequest,
    VersionId, VersionsRequest,
};
use portcullis_domain::{KeyPrefix, ObjectKey, Overwrite, RESERVED_PREFIX, SystemClock};
use proptest::prelude::*;

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn memory() -> Arc<dyn Backend> {
    Arc::new(MemoryBackend::new(Arc::new(SystemClock)))
}

fn shown_as_any(of: &Arc<dyn Backend>) -> Arc<dyn Backend> {
    Arc::new(shown(of))
}

fn shown(of: &Arc<dyn Backend>) -> Reserved {
    Reserved::new(Arc::clone(of), RESERVED_PREFIX)
}

fn body() -> Body {
    Body::Full("bytes".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance() {
    let report = suite(async || shown_as_any(&memory())).await;
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.skipped.is_empty(), "it takes nothing away: {:?}", report.skipped);
}

/// The suite again, with hidden keys and an upload in the way of every listing. What they hold counts, so only what is said of usage and
/// of quotas does not hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conformance_beside_what_is_hidden() {
    let crowded = async || {
        let inner = memory();
        for number in 0..50 {
            let at = key(&format!("{RESERVED_PREFIX}kept/{number:05}"));
            inner.put(&at, body(), PutOptions::default()).await.unwrap();
        }
        inner.create_upload(&key(&format!("{RESERVED_PREFIX}u")), UploadOptions::default()).await.unwrap();
        shown_as_any(&inner)
    };
    let report = suite(crowded).await;
    let broken: Vec<_> = report
        .broken
        .iter()
        .filter(|(name, why)| !name.contains("quota") && !name.starts_with("usage::") && !is_of_usage(why))
        .collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn is_of_usage(why: &Violation) -> bool {
    why.to_string().contains("Usage {") || why.to_string().contains("usage: got")
}

/// Every operation on a hidden key answers as on a key that is not there, or is refused.
#[tokio::test]
async fn answers_are_those_of_a_key_that_is_not_there() {
    let inner = memory();
    let (hidden, there) = (key(".portcullis/kept/1"), key("there"));
    let version = inner.put(&hidden, body(), PutOptions::default()).await.unwrap().version;
    inner.put(&there, body(), PutOptions::default()).await.unwrap();
    let upload = inner.create_upload(&hidden, UploadOptions::default()).await.unwrap();
    let shown = shown(&inner);
    let (get, at) =
        (GetOptions::default(), GetOptions { version: Some(version.clone()), ..GetOptions::default() });
    let not_found = |kind| assert_eq!(kind, BackendErrorKind::NotFound);
    let reserved = |kind| assert_eq!(kind, BackendErrorKind::Reserved);
    let no_upload = |kind| assert_eq!(kind, BackendErrorKind::NoSuchUpload);
    for options in [&get, &at] {
        not_found(shown.head(&hidden, options).await.unwrap_err().kind);
        not_found(shown.get(&hidden, options).await.unwrap_err().kind);
    }
    reserved(shown.put(&hidden, body(), PutOptions::default()).await.unwrap_err().kind);
    reserved(shown.put(&key(".portcullis/"), body(), PutOptions::default()).await.unwrap_err().kind);
    reserved(shown.copy(&there, &hidden, CopyOptions::default()).await.unwrap_err().kind);
    not_found(shown.copy(&hidden, &there, CopyOptions::default()).await.unwrap_err().kind);
    not_found(shown.set_tags(&hidden, None, Vec::new()).await.unwrap_err().kind);
    assert!(!shown.delete(&hidden, &DeleteOptions::default()).await.unwrap().existed);
    let conditions = [
        DeleteOptions { version: Some(version), ..DeleteOptions::default() },
        DeleteOptions { if_match: Some(EtagCondition::Any), ..DeleteOptions::default() },
    ];
    for options in &conditions {
        not_found(shown.delete(&hidden, options).await.unwrap_err().kind);
    }
    reserved(shown.create_upload(&hidden, UploadOptions::default()).await.unwrap_err().kind);
    no_upload(shown.upload(&hidden, &upload).await.unwrap_err().kind);
    no_upload(shown.upload_part(&hidden, &upload, 1, body(), PartOptions::default()).await.unwrap_err().kind);
    no_upload(shown.list_parts(&hidden, &upload, 0, 1000).await.unwrap_err().kind);
    no_upload(
        shown.complete_upload(&hidden, &upload, &[], CompleteOptions::default()).await.unwrap_err().kind,
    );
    no_upload(shown.abort_upload(&hidden, &upload).await.unwrap_err().kind);
    inner.upload(&hidden, &upload).await.unwrap();
    inner.head(&hidden, &get).await.unwrap();
    for beside in [".portcullis", ".portculli/x", ".portcullis0", "a/.portcullis/x"] {
        shown.put(&key(beside), body(), PutOptions::default()).await.unwrap();
        shown.head(&key(beside), &get).await.unwrap();
    }
}

/// What one page shows: keys, common prefixes, and whether another page follows.
type Seen = (Vec<String>, Vec<String>, bool);

/// Where the pages of all three listings go on.
#[derive(Clone, Default)]
struct Going {
    list: Option<ListPosition>,
    versions: (Option<ListPosition>, Option<VersionId>),
    uploads: Option<(ListPosition, Option<UploadId>)>,
}

#[derive(Clone, Debug)]
struct Case {
    prefix: String,
    delimiter: Option<String>,
    limit: usize,
}

fn is_told(position: Option<&ListPosition>) -> bool {
    position.is_none_or(|(ListPosition::AfterKey(text) | ListPosition::AfterPrefix(text))| {
        !text.starts_with(RESERVED_PREFIX)
    })
}

/// One page of each listing.
async fn pages(of: &dyn Backend, case: &Case, going: &mut Going) -> [Seen; 3] {
    let Case { prefix, delimiter, limit } = case.clone();
    let prefix = KeyPrefix::parse(&prefix).unwrap();
    let (after, delimiter_of) = (going.list.take(), delimiter.clone());
    let request =
        ListRequest { prefix: prefix.clone(), delimiter: delimiter_of, after, limit, user_times: false };
    let list = of.list(&request).await.unwrap();
    let (after, after_version) = std::mem::take(&mut going.versions);
    let delimiter_of = delimiter.clone();
    let request =
        VersionsRequest { prefix: prefix.clone(), delimiter: delimiter_of, after, after_version, limit };
    let versions = of.list_versions(&request).await.unwrap();
    let after = going.uploads.take();
    let request = UploadsRequest { prefix, delimiter, after, limit, owner: None };
    let uploads = of.list_uploads(&request).await.unwrap();
    let names = |keys: Vec<&ObjectKey>| keys.into_iter().map(ToString::to_string).collect::<Vec<_>>();
    let seen = [
        (names(list.objects.iter().map(|o| &o.key).collect()), list.prefixes, list.next.is_some()),
        (
            names(versions.versions.iter().map(|v| &v.object.key).collect()),
            versions.prefixes,
            versions.next.is_some(),
        ),
        (names(uploads.uploads.iter().map(|u| &u.key).collect()), uploads.prefixes, uploads.next.is_some()),
    ];
    going.list = list.next;
    going.versions = versions.next.map_or((None, None), |(position, version)| (Some(position), version));
    going.uploads = uploads.next;
    seen
}

/// Versions and uploads of each key, of some more than of others.
async fn fill<'a>(backend: &dyn Backend, keys: impl Iterator<Item = (usize, &'a String)>) {
    for (number, at) in keys {
        for _ in 0..=number % 3 {
            let options = PutOptions { overwrite: Some(Overwrite::KeepPrevious), ..PutOptions::default() };
            backend.put(&key(at), body(), options).await.unwrap();
            backend.create_upload(&key(at), UploadOptions::default()).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Page for page the same as of a backend that never had the hidden keys, wherever a listing begins.
    #[test]
    fn pages_are_those_without_what_is_hidden(
        keys in prop::collection::btree_set(
            "(\\.portcullis/(kept/)?[a-c\u{10ffff}]{0,2}|\\.p|\\.portcullis|[-.0a]{1,2}(/[ab])?|\\.pa)", 0..24),
        prefix in "(|\\.|\\.p|\\.portcullis|\\.portcullis/|\\.portcullis/k|a|-)",
        delimiter in prop::option::of("(/|p|\\.|us/|s|k|t/)"), limit in 1usize..6,
        after in prop::option::of("(\\.portcullis/k|\\.portcullis/|\\.portcullis/\u{10ffff}|\\.p|-|a)"), rolled: bool,
    ) {
        let keys: Vec<String> = keys.into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (inner, model) = (memory(), memory());
            let all = keys.iter().enumerate();
            fill(&*inner, all.clone()).await;
            fill(&*model, all.filter(|(_, at)| !at.starts_with(RESERVED_PREFIX))).await;
            let case = Case { prefix, delimiter, limit };
            let begin = after.map(|text| {
                if rolled { ListPosition::AfterPrefix(text) } else { ListPosition::AfterKey(text) }
            });
            let start = Going {
                list: begin.clone(),
                versions: (begin.clone(), None),
                uploads: begin.map(|position| (position, None)),
            };
            let (mut ours, mut theirs, shown) = (start.clone(), start, shown(&inner));
            let (mut more, mut count) = ([true; 3], 0);
            while more.contains(&true) {
                count += 1;
                assert!(count < 500, "it does not end: {case:?} over {keys:?}");
                let (is, should) = (pages(&shown, &case, &mut ours).await, pages(&*model, &case, &mut theirs).await);
                for at in 0..3 {
                    if more[at] {
                        assert_eq!(is[at], should[at], "listing {at} of {case:?} over {keys:?}");
                    }
                    more[at] = more[at] && is[at].2;
                }
                assert!(is_told(ours.list.as_ref()), "a position names what is hidden");
                assert!(is_told(ours.versions.0.as_ref()), "a position names what is hidden");
                assert!(is_told(ours.uploads.as_ref().map(|(at, _)| at)), "a position names what is hidden");
            }
        });
    }
}
