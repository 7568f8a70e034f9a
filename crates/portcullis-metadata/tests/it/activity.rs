//! What keys were used for, read back.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use portcullis_domain::{
    AdviceId, Key, KeyId, KeyPrefix, NetworkEntry, Networks, Permission, Storage, Timestamp,
};
use portcullis_metadata::{
    ActivityKind, AdviceTaken, Breadth, Metadata, MetadataErrorKind, Noted, PageRequest, RefusalFilter,
    Rollup, StoredSecret, UsageBy, UsageFilter, UsageStep,
};

use crate::world::{World, key_for, new_storage, site};

const HOUR: Duration = Duration::from_secs(3600);

/// The beginning of a day.
fn day(number: i64) -> Timestamp {
    Timestamp::from_seconds((20_833 + number) * 86_400)
}

fn peer(last: u8) -> IpAddr {
    [203, 0, 113, last].into()
}

fn noted(key: &Key, storage: &Storage, peer: IpAddr, what: &'static str) -> Noted<'static> {
    Noted {
        key: key.id,
        storage: Some(storage.id),
        peer,
        tool: "rclone/v1.75",
        kind: ActivityKind::Used,
        what,
        generation: 0,
        bytes: 10,
        proved: true,
    }
}

async fn write(metadata: &Metadata, rollup: &Rollup) {
    let (rows, folders) = rollup.take();
    metadata.record_activity(&rows, &folders).await.unwrap();
}

/// Two keys at one storage and what they did over two days.
async fn busy(metadata: &Metadata, storage: &Storage) -> (Key, Key) {
    let (first, second) = (key_for(storage, "nightly"), key_for(storage, "Phone"));
    for key in [&first, &second] {
        metadata.create_key(key, &StoredSecret::None).await.unwrap();
    }
    let rollup = Rollup::default();
    let use_at = |at: Timestamp, noted: Noted<'_>, place: &str| {
        rollup.note(at, &noted);
        if noted.what != "enter" {
            rollup.note_place(at, noted.key, storage.id, place);
        }
    };
    for hour in 0..30 {
        let at = day(0).after(HOUR * hour);
        use_at(at, noted(&first, storage, peer(7), "enter"), "");
        use_at(at, noted(&first, storage, peer(7), "get"), "backup/a/file");
        use_at(at, Noted { generation: 1, ..noted(&first, storage, peer(8), "put") }, "backup/b/file");
        if hour % 10 == 0 {
            // Written by the hour as it comes, so that rows are added to.
            write(metadata, &rollup).await;
        }
    }
    use_at(day(1), noted(&second, storage, peer(9), "list"), "");
    let refused =
        Noted { kind: ActivityKind::Refused, bytes: 0, ..noted(&second, storage, peer(9), "key_expired") };
    for minute in 0..5 {
        rollup.note(day(1).after(Duration::from_secs(60) * minute), &refused);
    }
    let stranger =
        Noted { what: "bad_signature", tool: "Scanner/2", storage: None, proved: false, ..refused };
    rollup.note(day(0), &Noted { peer: peer(200), ..stranger });
    rollup.note(day(1).after(HOUR), &Noted { kind: ActivityKind::Tried, what: "key_network", ..refused });
    write(metadata, &rollup).await;
    (first, second)
}

pub(crate) async fn what_a_key_did(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let (first, second) = busy(&metadata, &storage).await;

    let all = metadata.activity_of_key(first.id, None, day(0), 100).await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|row| (&*row.what, &*row.network, row.generation, row.count.requests, row.count.bytes))
        .collect();
    let expected = [
        ("enter", "203.0.113.7", 0, 30, 300),
        ("get", "203.0.113.7", 0, 30, 300),
        ("put", "203.0.113.8", 1, 30, 300),
    ];
    assert_eq!(told, expected, "the same last moment: by name");
    assert_eq!((all[1].count.first, all[1].count.last), (day(0), day(0).after(HOUR * 29)));
    assert_eq!((all[1].storage, &*all[1].tool), (Some(storage.id), "rclone"));
    // The hour of the moment counts whole, the one before it not at all.
    let since = day(0).after(HOUR * 28 + Duration::from_secs(1_800));
    let late = metadata.activity_of_key(first.id, Some(ActivityKind::Used), since, 100).await.unwrap();
    assert_eq!(late.iter().map(|row| row.count.requests).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(metadata.activity_of_key(first.id, None, day(0), 2).await.unwrap(), all[..2]);
    assert_eq!(metadata.activity_of_key(KeyId::generate(), None, day(0), 2).await.unwrap(), []);

    let here =
        metadata.activity_of_storage(storage.id, Some(ActivityKind::Refused), day(0), 100).await.unwrap();
    let told: Vec<_> = here.iter().map(|row| (row.key, &*row.what, row.count.requests)).collect();
    assert_eq!(told, [(second.id, "key_expired", 5)], "what names no storage is not here");
    let tried =
        metadata.activity_of_storage(storage.id, Some(ActivityKind::Tried), day(0), 100).await.unwrap();
    assert_eq!(tried.len(), 1);

    let folders = metadata.folders_of_key(first.id, day(0), 100).await.unwrap();
    let told: Vec<_> = folders.iter().map(|row| (&*row.folder, row.requests)).collect();
    assert_eq!(told, [("backup/a/", 30), ("backup/b/", 30)]);
    assert_eq!(folders[0].last_day - folders[0].first_day, 1);
    let folders = metadata.folders_of_key(first.id, day(1).after(HOUR), 1).await.unwrap();
    assert_eq!(folders.iter().map(|row| row.requests).collect::<Vec<_>>(), [6]);
}

pub(crate) async fn who_was_refused(world: &World) {
    let (metadata, home, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let (_, phone) = busy(&metadata, &storage).await;
    let other = site("other");
    metadata.create_site(&other).await.unwrap();

    let all = RefusalFilter::of(home.id, day(0));
    let reasons = |filter: RefusalFilter| {
        let metadata = metadata.clone();
        async move {
            let page = metadata.refusals(&filter, &PageRequest::first(50)).await.unwrap();
            page.items.into_iter().map(|row| (row.of.what, row.count.requests)).collect::<Vec<_>>()
        }
    };
    let (expired, scanner) = (("key_expired".to_owned(), 5), ("bad_signature".to_owned(), 1));
    assert_eq!(reasons(all.clone()).await, [expired.clone(), scanner.clone()]);
    assert_eq!(reasons(RefusalFilter::of(other.id, day(0))).await, [], "sites are kept apart");
    assert_eq!(reasons(RefusalFilter { since: day(1), ..all.clone() }).await, std::slice::from_ref(&expired));
    assert_eq!(
        reasons(RefusalFilter { storage: Some(storage.id), ..all.clone() }).await,
        std::slice::from_ref(&expired)
    );
    assert_eq!(reasons(RefusalFilter { key: Some(KeyId::generate()), ..all.clone() }).await, []);
    let what = vec!["bad_signature".to_owned(), "old_secret".to_owned()];
    assert_eq!(reasons(RefusalFilter { what, ..all.clone() }).await, std::slice::from_ref(&scanner));
    for (search, found) in [
        ("PHONE", vec![expired.clone(), scanner.clone()]),
        (phone.credential.as_str(), vec![expired.clone(), scanner.clone()]),
        ("scanner", vec![scanner.clone()]),
        ("203.0.113.9", vec![expired.clone()]),
        ("%", vec![]),
    ] {
        assert_eq!(
            reasons(RefusalFilter { search: Some(search.to_owned()), ..all.clone() }).await,
            found,
            "{search}"
        );
    }

    // A key that was deleted still knocks.
    metadata.delete_key(phone.id, day(2)).await.unwrap();
    assert_eq!(reasons(all.clone()).await.len(), 2);

    let days = metadata.refusal_days(&all, &[phone.id]).await.unwrap();
    let told: Vec<_> = days.iter().map(|row| (&*row.of.what, row.day, row.requests)).collect();
    assert_eq!(told, [("key_expired", 20_834, 5), ("bad_signature", 20_833, 1)]);
    assert_eq!(metadata.refusal_days(&all, &[]).await.unwrap(), []);
}

pub(crate) async fn refusals_page_by_page(world: &World) {
    let (metadata, home, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let keys: Vec<Key> = (0..7).map(|n| key_for(&storage, &format!("key {n}"))).collect();
    let rollup = Rollup::default();
    for (at, key) in keys.iter().enumerate() {
        metadata.create_key(key, &StoredSecret::None).await.unwrap();
        for last in 0..5 {
            let refused =
                Noted { kind: ActivityKind::Refused, ..noted(key, &storage, peer(last), "key_network") };
            // Many at the same moment: the order among them is the cursor's to keep.
            rollup.note(day(0).after(HOUR * u32::try_from(at / 3).unwrap()), &refused);
        }
    }
    write(&metadata, &rollup).await;
    let filter = RefusalFilter::of(home.id, day(0));
    let whole = metadata.refusals(&filter, &PageRequest::first(1_000)).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (35, None));
    assert!(whole.items.is_sorted_by_key(|row| std::cmp::Reverse(row.count.last)));
    let (mut seen, mut page) = (Vec::new(), PageRequest::first(4));
    loop {
        let found = metadata.refusals(&filter, &page).await.unwrap();
        seen.extend(found.items);
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, whole.items);
    for wrong in ["x", "6162", "310a61"] {
        let page = PageRequest { limit: 4, after: Some(wrong.to_owned()) };
        let error = metadata.refusals(&filter, &page).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::BadCursor, "{wrong}");
    }
}

pub(crate) async fn sums_over_time(world: &World) {
    let (metadata, home, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let (first, second) = busy(&metadata, &storage).await;
    let all = UsageFilter::of(home.id, day(0), day(3));

    let points = metadata.usage_over_time(&all, UsageStep::Day).await.unwrap();
    let told: Vec<_> = points
        .iter()
        .map(|point| (point.start, point.sum.requests, point.sum.bytes, point.sum.refused))
        .collect();
    // 24 hours of get and put and enter, whose bytes count and which itself does not.
    assert_eq!(told, [(day(0), 48, 720, 1), (day(1), 13, 190, 5)]);
    let hours = metadata.usage_over_time(&all, UsageStep::Hour).await.unwrap();
    assert_eq!((hours.len(), hours[29].start, hours[29].sum.requests), (30, day(0).after(HOUR * 29), 2));
    // The end is not in it; a moment within an hour takes that hour.
    let until = |until: Timestamp| UsageFilter { until, ..all.clone() };
    for (end, points) in [(day(1), 24), (day(1).after(Duration::from_secs(1)), 25), (day(0), 0)] {
        let found = metadata.usage_over_time(&until(end), UsageStep::Hour).await.unwrap();
        assert_eq!(found.len(), points, "{end}");
    }
    for (filter, requests) in [
        (UsageFilter { key: Some(first.id), ..all.clone() }, 60),
        (UsageFilter { storage: Some(storage.id), ..all.clone() }, 61),
        (UsageFilter { network: Some("203.0.113.8".to_owned()), ..all.clone() }, 30),
        (UsageFilter { search: Some("phone".to_owned()), ..all.clone() }, 1),
        (UsageFilter { site: site("other").id, ..all.clone() }, 0),
    ] {
        let found = metadata.usage_over_time(&filter, UsageStep::Day).await.unwrap();
        assert_eq!(found.iter().map(|point| point.sum.requests).sum::<u64>(), requests, "{filter:?}");
    }

    let top = |by: UsageBy| {
        let (metadata, all) = (metadata.clone(), all.clone());
        async move {
            let found = metadata.usage_top(&all, by, 10).await.unwrap();
            found.into_iter().map(|row| (row.of, row.sum.requests, row.sum.refused)).collect::<Vec<_>>()
        }
    };
    assert_eq!(top(UsageBy::Key).await, [(first.id.to_string(), 60, 0), (second.id.to_string(), 1, 6)]);
    assert_eq!(top(UsageBy::Storage).await, [(storage.id.to_string(), 61, 5), (String::new(), 0, 1)]);
    let networks = top(UsageBy::Network).await;
    assert_eq!(
        networks.iter().map(|row| &*row.0).collect::<Vec<_>>(),
        ["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.200"]
    );
    assert_eq!(top(UsageBy::Tool).await, [("rclone".to_owned(), 61, 5), ("Scanner".to_owned(), 0, 1)]);
    let one = metadata.usage_top(&all, UsageBy::Key, 1).await.unwrap();
    assert_eq!((one.len(), one[0].last), (1, day(0).after(HOUR * 29)));
}

pub(crate) async fn what_advice_rests_on(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    assert_eq!(metadata.activity_begins().await.unwrap(), None);
    let (first, second) = busy(&metadata, &storage).await;
    assert_eq!(metadata.activity_begins().await.unwrap(), Some(day(0)));

    let never = KeyId::generate();
    let mut seen = metadata.use_seen(&[first.id, second.id, never], day(1).after(HOUR * 5)).await.unwrap();
    assert!(!seen.contains_key(&never));
    let mut first = seen.remove(&first.id).unwrap();
    first.deeds.sort_by(|a, b| a.what.cmp(&b.what));
    let told: Vec<_> = first.deeds.iter().map(|deed| (&*deed.what, deed.recent, deed.requests)).collect();
    assert_eq!(told, [("enter", 6, 30), ("get", 6, 30), ("put", 6, 30)], "the day counts whole");
    first.folders.sort_by(|a, b| a.folder.cmp(&b.folder));
    let told: Vec<_> = first.folders.iter().map(|seen| (&*seen.folder, seen.recent, seen.requests)).collect();
    assert_eq!(told, [("backup/a/", 6, 30), ("backup/b/", 6, 30)]);
    assert_eq!((first.days, first.is_clipped), (1, false));
    let second = seen.remove(&second.id).unwrap();
    assert_eq!(second.deeds.len(), 1, "what was refused is no use");
    assert_eq!((second.deeds[0].last, second.days), (day(1), 1));

    // More than is told apart is said.
    let wide = key_for(&storage, "wide");
    metadata.create_key(&wide, &StoredSecret::None).await.unwrap();
    for step in 0..30u32 {
        let rollup = Rollup::default();
        for n in 0..90 {
            let address = IpAddr::V4((0x0a00_0000 + step * 100 + n).into());
            rollup.note(day(0).after(HOUR * step), &noted(&wide, &storage, address, "get"));
        }
        write(&metadata, &rollup).await;
    }
    let seen = metadata.use_seen(&[wide.id], day(0)).await.unwrap();
    assert!(seen[&wide.id].is_clipped && seen[&wide.id].deeds.len() == 2_000);
}

pub(crate) async fn advice_is_followed_and_taken_back(world: &World) {
    let (metadata, home, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = Key { permission: Permission::ReadWrite, ..key_for(&storage, "nightly") };
    metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
    let networks = Networks::new(vec![NetworkEntry::parse("203.0.113.7", "the \"rack\"").unwrap()]).unwrap();
    let after =
        Breadth { permission: Permission::Read, networks, prefix: KeyPrefix::parse("backup/ü/").unwrap() };
    let taken = AdviceTaken {
        id: AdviceId::generate(),
        site: home.id,
        key: key.id,
        what: "networks".to_owned(),
        before: Breadth::of(&key),
        after: after.clone(),
        actor: "user:1".to_owned(),
        taken: day(1),
        undone: None,
    };
    let seen = metadata.latest_change().await.unwrap();
    metadata.take_advice(&key, &taken).await.unwrap();
    assert_eq!(metadata.changes_after(seen, 10).await.unwrap().len(), 1, "nodes hear of it");
    let narrow = after.put_on(&key);
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(narrow.clone()));
    assert_eq!(metadata.advice_taken(taken.id).await.unwrap(), Some(taken.clone()));

    // Nothing of what was decided on another state of the key is kept.
    let again = AdviceTaken { id: AdviceId::generate(), ..taken.clone() };
    let error = metadata.take_advice(&key, &again).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    assert_eq!(metadata.advice_taken(again.id).await.unwrap(), None);
    let error = metadata.undo_advice(&key, &key, taken.id, day(2)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    assert_eq!(metadata.advice_taken(taken.id).await.unwrap().unwrap().undone, None);

    metadata.undo_advice(&narrow, &key, taken.id, day(2)).await.unwrap();
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(key.clone()));
    assert_eq!(metadata.advice_taken(taken.id).await.unwrap().unwrap().undone, Some(day(2)));
    let error = metadata.undo_advice(&key, &key, taken.id, day(3)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale, "once");

    metadata.take_advice(&key, &again).await.unwrap();
    let list = |key: Option<KeyId>, limit: u32| {
        let metadata = metadata.clone();
        async move {
            let page = metadata.advice_taken_in(home.id, key, &PageRequest::first(limit)).await.unwrap();
            (page.items.iter().map(|taken| taken.id).collect::<Vec<_>>(), page.next)
        }
    };
    assert_eq!(list(None, 10).await, (vec![again.id, taken.id], None));
    let (first, next) = list(Some(key.id), 1).await;
    assert_eq!(first, [again.id]);
    let rest = PageRequest { limit: 1, after: next };
    assert_eq!(metadata.advice_taken_in(home.id, None, &rest).await.unwrap().items[0].id, taken.id);
    assert_eq!(list(Some(KeyId::generate()), 10).await.0, []);
    assert_eq!(
        metadata.advice_taken_in(site("other").id, None, &PageRequest::first(9)).await.unwrap().items,
        []
    );

    metadata.delete_key(key.id, day(3)).await.unwrap();
    let error = metadata.undo_advice(&after.put_on(&key), &key, again.id, day(4)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn nothing_is_kept_for_ever(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let (first, _) = busy(&metadata, &storage).await;
    let before = day(1);
    let mut rounds = 0;
    while metadata.purge_activity(before).await.unwrap() > 0 {
        rounds += 1;
        assert!(rounds < 10);
    }
    assert_eq!(metadata.activity_begins().await.unwrap(), Some(day(1)));
    let left = metadata.activity_of_key(first.id, None, Timestamp::default(), 10).await.unwrap();
    assert_eq!(left.iter().map(|row| row.count.requests).collect::<Vec<_>>(), [6, 6, 6]);
    let folders = metadata.folders_of_key(first.id, Timestamp::default(), 10).await.unwrap();
    assert!(folders.iter().all(|row| row.requests == 6));
    assert_eq!(
        metadata.record_activity(&BTreeMap::new(), &BTreeMap::new()).await.map_err(|e| e.kind),
        Ok(())
    );
}
