//! Listings against a sorted map, with any prefix, delimiter, position and page size.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_backend::builtin::StoreOptions;
use portcullis_backend::{Backend, ListPosition, ListRequest};
use portcullis_domain::KeyPrefix;
use proptest::prelude::*;

use super::world::World;

/// An entry of a listing: a key with its size, or a common prefix.
type Entries = BTreeMap<String, Option<u64>>;

fn expected(objects: &BTreeMap<String, u64>, request: &ListRequest) -> Entries {
    let prefix = request.prefix.as_str();
    let after = |key: &str| match &request.after {
        None => true,
        Some(ListPosition::AfterKey(after)) => key > after.as_str(),
        Some(ListPosition::AfterPrefix(after)) => key > after.as_str() && !key.starts_with(after.as_str()),
    };
    let mut entries = Entries::new();
    for (key, size) in objects.iter().filter(|(key, _)| key.starts_with(prefix) && after(key)) {
        let rest = &key[prefix.len()..];
        match request.delimiter.as_deref().and_then(|delimiter| Some((rest.find(delimiter)?, delimiter))) {
            Some((at, delimiter)) => entries.insert(format!("{prefix}{}{delimiter}", &rest[..at]), None),
            None => entries.insert(key.clone(), Some(*size)),
        };
    }
    entries
}

async fn all_pages(world: &World, mut request: ListRequest) -> Entries {
    let mut entries = Entries::new();
    loop {
        let page = world.backend.list(&request).await.unwrap();
        let count = page.objects.len() + page.prefixes.len();
        assert!(count <= request.limit);
        let before = entries.len();
        entries.extend(
            page.objects.into_iter().map(|object| (object.key.as_str().to_owned(), Some(object.size))),
        );
        entries.extend(page.prefixes.into_iter().map(|prefix| (prefix, None)));
        assert_eq!(entries.len(), before + count, "no entry comes twice");
        match page.next {
            None => return entries,
            Some(next) => {
                assert_eq!(count, request.limit, "only a full page is followed by another");
                request.after = Some(next);
            }
        }
    }
}

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", "b", "/", "-", "é", "\u{7f}", "\u{10ffff}"]),
        0..=most,
    )
    .prop_map(|parts| parts.concat())
}

fn request() -> impl Strategy<Value = ListRequest> {
    let position = prop_oneof![
        Just(None),
        text(4).prop_map(|key| Some(ListPosition::AfterKey(key))),
        text(3).prop_map(|prefix| Some(ListPosition::AfterPrefix(prefix))),
    ];
    let delimiter = prop::option::of(text(2).prop_filter("a delimiter has text", |text| !text.is_empty()));
    (text(3), delimiter, position, 1usize..8).prop_map(|(prefix, delimiter, after, limit)| ListRequest {
        prefix: KeyPrefix::parse(&prefix).unwrap(),
        user_times: false,
        delimiter,
        after: after.filter(|after| match after {
            // What begins after an empty prefix is nothing: no client can ask for it.
            ListPosition::AfterPrefix(prefix) => !prefix.is_empty(),
            ListPosition::AfterKey(_) => true,
        }),
        limit,
    })
}

#[test]
fn any_listing_is_that_of_a_sorted_map() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    let keys =
        prop::collection::btree_set(text(6).prop_filter("a key has text", |text| !text.is_empty()), 0..40);
    let inputs = (keys, prop::collection::vec(request(), 20));
    runner
        .run(&inputs, |(keys, requests): (BTreeSet<String>, Vec<ListRequest>)| {
            runtime.block_on(async {
                let world = World::new(StoreOptions::default()).await;
                let mut objects = BTreeMap::new();
                for (size, key) in (0u64..).zip(keys) {
                    world.put(&key, vec![0; usize::try_from(size).unwrap()]).await;
                    objects.insert(key, size);
                }
                for request in requests {
                    assert_eq!(
                        all_pages(&world, request.clone()).await,
                        expected(&objects, &request),
                        "{request:?}"
                    );
                }
                assert_eq!(world.recount().usage, world.backend.usage().await.unwrap());
            });
            Ok(())
        })
        .unwrap();
}
