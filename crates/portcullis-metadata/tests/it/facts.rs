//! What was last measured of storages.

use portcullis_domain::{Health, Provider, SiteId, Storage, StorageId, StorageState, Timestamp, Usage};
use portcullis_metadata::{
    ListOrder, ListQuery, Measurement, Metadata, NewStorage, StorageFacts, StoragePlace, StorageUse,
    StoredTotals,
};

use crate::world::{World, at, new_storage};

fn usage(bytes: u64) -> Usage {
    Usage { bytes, files: bytes + 1, folders: bytes + 2, version_bytes: bytes + 3, upload_bytes: bytes + 4 }
}

fn measured(storage: &Storage, seconds: i64, bytes: u64) -> Measurement {
    Measurement {
        storage: storage.id,
        site: storage.site,
        at: at(seconds),
        usage: Some((usage(bytes), Some(bytes + 5))),
        health: Health::Reachable,
        due: at(seconds + 100),
    }
}

fn failed(storage: &Storage, seconds: i64) -> Measurement {
    Measurement { usage: None, health: Health::Unreachable, ..measured(storage, seconds, 0) }
}

async fn facts_of(metadata: &Metadata, storage: &Storage) -> StorageFacts {
    let listed = metadata.listed(&ListQuery::of(storage.site, at(0)), 0, 1_000).await.unwrap();
    listed.into_iter().find(|(found, _)| found.id == storage.id).unwrap().1
}

fn expected(bytes: u64, measured: i64, health: Health, since: i64) -> StorageFacts {
    StorageFacts {
        usage: Some((usage(bytes), at(measured))),
        free: Some(bytes + 5),
        health: Some((health, at(since))),
        last_used: None,
    }
}

pub(crate) async fn what_was_measured(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let a = metadata.create_storage(new_storage(&admin, "a")).await.unwrap();
    let b = metadata.create_storage(new_storage(&admin, "b")).await.unwrap();
    assert_eq!(facts_of(&metadata, &a).await, StorageFacts::default());
    metadata.record_measurements(&[]).await.unwrap();

    metadata
        .record_measurements(&[measured(&b, 1, 70), measured(&a, 2, 10), measured(&a, 1, 9)])
        .await
        .unwrap();
    assert_eq!(facts_of(&metadata, &a).await, expected(10, 2, Health::Reachable, 2));
    assert_eq!(facts_of(&metadata, &b).await, expected(70, 1, Health::Reachable, 1));
    // A batch that comes late changes nothing; a newer one moves the numbers, not the time since when it is reachable.
    metadata.record_measurements(&[measured(&a, 1, 99), measured(&b, 5, 71)]).await.unwrap();
    assert_eq!(facts_of(&metadata, &a).await, expected(10, 2, Health::Reachable, 2));
    assert_eq!(facts_of(&metadata, &b).await, expected(71, 5, Health::Reachable, 1));
    // A look that fails keeps the numbers with their age.
    metadata.record_measurements(&[failed(&a, 6)]).await.unwrap();
    metadata.record_measurements(&[failed(&a, 7)]).await.unwrap();
    assert_eq!(facts_of(&metadata, &a).await, expected(10, 2, Health::Unreachable, 6));
    metadata.record_measurements(&[measured(&a, 8, 11)]).await.unwrap();
    assert_eq!(facts_of(&metadata, &a).await, expected(11, 8, Health::Reachable, 8));
    // What no engine's numbers hold is kept as the most.
    let huge = Usage { bytes: u64::MAX, ..usage(1) };
    metadata
        .record_measurements(&[Measurement { usage: Some((huge, None)), ..measured(&a, 9, 0) }])
        .await
        .unwrap();
    let kept = facts_of(&metadata, &a).await;
    assert_eq!((kept.usage.unwrap().0.bytes, kept.free), (i64::MAX.unsigned_abs(), None));
}

pub(crate) async fn when_storages_were_used(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let a = metadata.create_storage(new_storage(&admin, "a")).await.unwrap();
    let b = metadata.create_storage(new_storage(&admin, "b")).await.unwrap();
    let used =
        |storage: &Storage, seconds| StorageUse { storage: storage.id, site: site.id, at: at(seconds) };
    metadata.record_storage_use(&[]).await.unwrap();
    metadata.record_storage_use(&[used(&b, 3), used(&a, 9), used(&a, 4)]).await.unwrap();
    metadata.record_storage_use(&[used(&a, 8), used(&b, 5)]).await.unwrap();
    metadata.record_measurements(&[measured(&a, 20, 1)]).await.unwrap();
    assert_eq!(facts_of(&metadata, &a).await.last_used, Some(at(9)));
    assert_eq!(
        facts_of(&metadata, &b).await,
        StorageFacts { last_used: Some(at(5)), ..StorageFacts::default() }
    );
}

async fn due(metadata: &Metadata, seconds: i64) -> Vec<StorageId> {
    let due = metadata.storages_due(at(seconds), 1_000).await.unwrap();
    due.into_iter().map(|place| place.storage).collect()
}

pub(crate) async fn storages_are_due(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let a = metadata.create_storage(new_storage(&admin, "a")).await.unwrap();
    let remote = NewStorage { provider: Provider::Aws, ..new_storage(&admin, "b") };
    let b = metadata.create_storage(remote).await.unwrap();
    assert_eq!(due(&metadata, 0).await, [a.id, b.id]);
    assert_eq!(metadata.storages_due(at(0), 1).await.unwrap().len(), 1);
    metadata.record_measurements(&[measured(&a, 10, 1), measured(&b, 5, 1)]).await.unwrap();
    assert_eq!(due(&metadata, 104).await, []);
    assert_eq!(due(&metadata, 105).await, [b.id]);
    assert_eq!(due(&metadata, 110).await, [b.id, a.id]);
    let place = |storage: &Storage, provider| StoragePlace { storage: storage.id, site: site.id, provider };
    let mut places = metadata.places_of(&[a.id, b.id, StorageId::generate()]).await.unwrap();
    places.sort_by_key(|place| place.storage);
    assert_eq!(places, [place(&a, Provider::Builtin), place(&b, Provider::Aws)]);

    // After a start all are due again, those that were never measured first; rows that are missing are made, and those of
    // storages that are not active are removed.
    let c = metadata.create_storage(new_storage(&admin, "c")).await.unwrap();
    let d = metadata.create_storage(new_storage(&admin, "d")).await.unwrap();
    world.execute(&format!("DELETE FROM storage_facts WHERE storage_id = '{}'", c.id)).await;
    world.execute(&format!("UPDATE storages SET state = 'detached' WHERE id = '{}'", d.id)).await;
    assert_eq!(due(&metadata, 0).await, []);
    metadata.all_storages_due().await.unwrap();
    assert_eq!(due(&metadata, 0).await, [c.id, a.id, b.id]);
    assert_eq!(world.numbers("SELECT COUNT(*) FROM storage_facts").await, [3]);
}

pub(crate) async fn a_detached_storage_has_no_facts(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let a = metadata.create_storage(new_storage(&admin, "a")).await.unwrap();
    let before = metadata.create_storage(new_storage(&admin, "gone")).await.unwrap();
    let gone = Storage { state: StorageState::Detached, ..before.clone() };
    metadata.record_measurements(&[measured(&a, 1, 10), measured(&gone, 1, 1_000)]).await.unwrap();
    metadata.update_storage_if_same(&before, &gone).await.unwrap();
    // What was measured before and is written after.
    metadata.record_measurements(&[measured(&gone, 2, 2_000), measured(&a, 2, 20)]).await.unwrap();
    let used = StorageUse { storage: gone.id, site: site.id, at: at(9) };
    metadata.record_storage_use(&[used]).await.unwrap();
    metadata.record_storage_use(&[StorageUse { storage: StorageId::generate(), ..used }]).await.unwrap();
    assert_eq!(metadata.places_of(&[gone.id]).await.unwrap(), []);
    assert_eq!(due(&metadata, 1_000).await, [a.id]);
    for order in [ListOrder::Name, ListOrder::Bytes] {
        let list = ListQuery { order, ..ListQuery::of(site.id, at(3)) };
        assert_eq!(metadata.count_listed(&list).await.unwrap(), 1);
        let listed = metadata.listed(&list, 0, 10).await.unwrap();
        assert_eq!(listed.iter().map(|(storage, _)| storage.id).collect::<Vec<_>>(), [a.id]);
    }
    assert_eq!(metadata.stored_totals(site.id).await.unwrap().bytes, 20);
}

pub(crate) async fn sums_over_a_site(world: &World) {
    let (metadata, site, admin) = world.home().await;
    assert_eq!(metadata.stored_totals(site.id).await.unwrap(), StoredTotals::default());
    let quota = |bytes| NewStorage { quota_bytes: bytes, ..new_storage(&admin, "s") };
    let a = metadata.create_storage(quota(Some(1_000))).await.unwrap();
    let b = metadata.create_storage(quota(Some(u64::MAX))).await.unwrap();
    let c = metadata.create_storage(quota(Some(7))).await.unwrap();
    metadata.create_storage(quota(None)).await.unwrap();
    let gib = 1 << 30;
    let huge = |storage: &Storage, bytes: u64| {
        let usage = Usage { bytes, version_bytes: 2, upload_bytes: 3 * gib, files: 1, folders: 0 };
        Measurement { usage: Some((usage, None)), ..measured(storage, 1, 0) }
    };
    metadata.record_measurements(&[huge(&a, 5 * gib + 7), huge(&b, gib - 1)]).await.unwrap();
    let sum = metadata.stored_totals(site.id).await.unwrap();
    assert_eq!((sum.bytes, sum.stored_bytes), (6 * gib + 6, 12 * gib + 10));
    assert_eq!((sum.without_quota, sum.not_measured), (1, 2));
    assert_eq!(sum.quota_bytes, 1_007 + i64::MAX.unsigned_abs());
    // Sums that no 64 bits hold are the most.
    let most = [huge(&a, u64::MAX), huge(&b, u64::MAX), huge(&c, u64::MAX)]
        .map(|one| Measurement { at: at(2), ..one });
    metadata.record_measurements(&most).await.unwrap();
    assert_eq!(metadata.stored_totals(site.id).await.unwrap().bytes, u64::MAX);
    assert_eq!(metadata.stored_totals(SiteId::generate()).await.unwrap(), StoredTotals::default());
}

pub(crate) async fn many_storages_at_once(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let mut measurements = Vec::new();
    let mut uses = Vec::new();
    for number in 0..1_030u64 {
        let storage = metadata.create_storage(new_storage(&admin, &format!("s {number}"))).await.unwrap();
        measurements.push(measured(&storage, 1, number));
        let at = Timestamp::from_micros(at(1).micros() + i64::try_from(number).unwrap());
        uses.push(StorageUse { storage: storage.id, site: site.id, at });
    }
    measurements.reverse();
    metadata.record_measurements(&measurements).await.unwrap();
    metadata.record_storage_use(&uses).await.unwrap();
    assert_eq!(metadata.stored_totals(site.id).await.unwrap().bytes, 1_029 * 1_030 / 2);
    let ids: Vec<StorageId> = uses.iter().map(|used| used.storage).collect();
    assert_eq!(metadata.places_of(&ids).await.unwrap().len(), 1_030);
    for order in [ListOrder::Bytes, ListOrder::Files, ListOrder::LastUsed] {
        let list = ListQuery { order, descending: true, ..ListQuery::of(site.id, at(0)) };
        let mut listed = metadata.listed(&list, 0, 1_000).await.unwrap();
        listed.extend(metadata.listed(&list, 1_000, 1_000).await.unwrap());
        let numbers: Vec<u64> = listed.iter().map(|(_, facts)| facts.usage.unwrap().0.bytes).collect();
        assert_eq!(numbers, (0..1_030).rev().collect::<Vec<_>>(), "{order:?}");
        assert!(
            listed.iter().zip(uses.iter().rev()).all(|((_, facts), used)| facts.last_used == Some(used.at))
        );
    }
}
