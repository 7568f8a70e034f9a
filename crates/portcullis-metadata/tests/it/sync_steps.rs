//! Steps of runs, and what they keep.

use std::collections::BTreeMap;

use portcullis_domain::{KeptId, Provider, Storage, SyncRunId};
use portcullis_metadata::{
    Fenced, KeptFilter, KeptRow, KeptSpace, MetadataErrorKind, NewKept, NewStorage, PageRequest, RunState,
    SyncStepRow,
};

use crate::sync::{Two, all_pages, two};
use crate::sync_runs::{end, ended, taken};
use crate::world::{World, at, new_storage, new_user, site};

const DAY: i64 = 86_400;

pub(crate) fn step(seq: u64, state: &str) -> SyncStepRow {
    SyncStepRow {
        seq,
        state: state.to_owned(),
        key: format!("folder/{seq:06}.txt"),
        told: String::new(),
        data: vec![u8::try_from(seq % 251).unwrap(), 0, 255],
    }
}

pub(crate) fn kept(seq: u64, storage: &Storage, key: &str) -> NewKept {
    NewKept {
        id: KeptId::generate(),
        seq,
        storage: storage.id,
        key: key.to_owned(),
        place: format!("reserved:.portcullis/kept/r/{seq}"),
        size: 100 + seq,
        kept: at(55),
        expires: at(55 + 30 * DAY),
    }
}

pub(crate) async fn steps_are_written_and_replaced(world: &World) {
    let Two { metadata, pair, .. } = two(world).await;
    let run = taken(&metadata, &pair).await;
    let steps: Vec<SyncStepRow> =
        (0..1_300).map(|seq| step(seq, if seq % 3 == 0 { "kept" } else { "done" })).collect();
    let write = async |steps: &[SyncStepRow]| {
        let written = metadata.write_sync_steps(run.id, run.fence, steps, &[]).await.unwrap();
        assert_eq!(written, Fenced::Held(()));
    };
    write(&steps).await;
    write(&[]).await;
    assert_eq!(metadata.sync_steps(run.id, 0..=9_999).await.unwrap(), steps);
    assert_eq!(metadata.sync_steps(run.id, 512..=1_023).await.unwrap(), steps[512..1_024]);
    assert!(metadata.sync_steps(run.id, 2_000..=3_000).await.unwrap().is_empty());
    assert!(metadata.sync_steps(SyncRunId::generate(), 0..=10).await.unwrap().is_empty());
    let error = metadata.sync_steps(run.id, 0..=10_000).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Refused);
    assert_eq!(metadata.sync_steps_after(run.id, None, 3).await.unwrap(), steps[..3]);
    assert_eq!(metadata.sync_steps_after(run.id, Some(1_297), 50).await.unwrap(), steps[1_298..]);
    let counts = |list: &[(&str, u64)]| -> BTreeMap<String, u64> {
        list.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
    };
    let count = async || metadata.count_sync_steps(run.id).await.unwrap();
    assert_eq!(count().await, counts(&[("done", 866), ("kept", 434)]));

    // The last one counts, also within one call.
    let failed =
        SyncStepRow { told: "no such größe".to_owned(), data: vec![9; 3_000], ..step(3, "failed") };
    write(&[step(3, "done"), step(0, "done"), step(3, "changed"), failed.clone()]).await;
    assert_eq!(metadata.sync_steps(run.id, 3..=3).await.unwrap(), std::slice::from_ref(&failed));
    assert_eq!(count().await, counts(&[("done", 867), ("failed", 1), ("kept", 432)]));
    let list = |state: Option<&'static str>| {
        let (metadata, id) = (metadata.clone(), run.id);
        all_pages(100, move |page| {
            let metadata = metadata.clone();
            async move { metadata.sync_steps_page(id, state, &page).await.unwrap() }
        })
    };
    assert_eq!(list(Some("failed")).await, [failed]);
    assert_eq!(list(None).await.len(), 1_300);
    let still: Vec<u64> = list(Some("kept")).await.iter().map(|step| step.seq).collect();
    assert_eq!(still, (6..1_300).step_by(3).collect::<Vec<u64>>());
    assert!(list(Some("nothing")).await.is_empty());
    let cursor = PageRequest { limit: 1, after: Some("x".to_owned()) };
    let error = metadata.sync_steps_page(run.id, None, &cursor).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::BadCursor);
    let error = metadata.write_sync_steps(run.id, run.fence, &[step(u64::MAX, "done")], &[]).await;
    assert_eq!(error.unwrap_err().kind, MetadataErrorKind::Refused);
}

pub(crate) async fn a_step_and_what_it_keeps_are_one(world: &World) {
    let Two { metadata, site: main, storage, bucket, pair, .. } = two(world).await;
    let elsewhere = site("elsewhere");
    metadata.create_site(&elsewhere).await.unwrap();
    let owner = metadata.create_user(new_user(elsewhere.id, "theirs")).await.unwrap();
    let theirs = metadata.create_storage(new_storage(&owner, "theirs")).await.unwrap();
    let run = taken(&metadata, &pair).await;
    // What cannot be kept takes its step with it.
    let foreign = metadata.write_sync_steps(run.id, 1, &[step(0, "kept")], &[kept(0, &theirs, "a")]).await;
    assert_eq!(foreign.unwrap_err().kind, MetadataErrorKind::NotFound);
    assert!(metadata.sync_steps(run.id, 0..=9).await.unwrap().is_empty());

    let both = [kept(0, &storage, "Ordner/Ä.txt"), kept(0, &bucket, "Ordner/Ä.txt"), kept(1, &storage, "b")];
    let steps = [step(0, "kept"), step(1, "kept")];
    metadata.write_sync_steps(run.id, 1, &steps, &both).await.unwrap().held().unwrap();
    // The same again, as after a crash: what is kept has its id, and the last place.
    let moved = NewKept { id: KeptId::generate(), place: "v2".to_owned(), size: 7, ..both[0].clone() };
    let twice = [both[0].clone(), moved.clone()];
    metadata.write_sync_steps(run.id, 1, &[step(0, "done")], &twice).await.unwrap().held().unwrap();
    let mut found = metadata.kept_at(run.id, 0).await.unwrap();
    found.retain(|kept| kept.storage == storage.id);
    let expected = KeptRow {
        id: both[0].id,
        site: main.id,
        pair: pair.id,
        run: run.id,
        seq: 0,
        storage: storage.id,
        key: "Ordner/Ä.txt".to_owned(),
        place: "v2".to_owned(),
        size: 7,
        kept: at(55),
        expires: at(55 + 30 * DAY),
    };
    assert_eq!(found, std::slice::from_ref(&expected));
    assert_eq!(metadata.kept_file(main.id, both[0].id).await.unwrap(), Some(expected));
    assert_eq!(metadata.kept_file(elsewhere.id, both[0].id).await.unwrap(), None);
    assert_eq!(metadata.kept_file(main.id, moved.id).await.unwrap(), None);
    assert_eq!(metadata.kept_at(run.id, 1).await.unwrap().len(), 1);
    assert!(metadata.kept_at(run.id, 2).await.unwrap().is_empty());
}

pub(crate) async fn what_is_kept_is_found_and_goes_in_time(world: &World) {
    let Two { metadata, site: main, storage, bucket, pair, .. } = two(world).await;
    let some: Vec<NewKept> = (0..7)
        .map(|seq| {
            let on = if seq < 3 { &storage } else { &bucket };
            let key = if seq == 5 { "100%_Ä/x".to_owned() } else { format!("Reports/{seq}") };
            NewKept { expires: at(1_000 + i64::try_from(seq).unwrap()), ..kept(seq, on, &key) }
        })
        .collect();
    let run = ended(&metadata, &pair, &[], &some, at(70)).await;
    let live = taken(&metadata, &pair).await;
    let young = NewKept { expires: at(500), ..kept(0, &storage, "young") };
    metadata.write_sync_steps(live.id, 1, &[], std::slice::from_ref(&young)).await.unwrap().held().unwrap();
    let list = |filter: KeptFilter| {
        let metadata = metadata.clone();
        async move {
            let listed = all_pages(2, |page| {
                let (metadata, filter) = (metadata.clone(), filter.clone());
                async move { metadata.kept_files(&filter, &page).await.unwrap() }
            });
            listed.await.into_iter().map(|kept| kept.id).collect::<Vec<_>>()
        }
    };
    let of = KeptFilter::of(main.id);
    let newest_first = |picked: &[usize]| picked.iter().rev().map(|n| some[*n].id).collect::<Vec<_>>();
    let mut all = vec![young.id];
    all.extend(newest_first(&[0, 1, 2, 3, 4, 5, 6]));
    assert_eq!(list(of.clone()).await, all);
    assert_eq!(
        list(KeptFilter { storage: Some(bucket.id), ..of.clone() }).await,
        newest_first(&[3, 4, 5, 6])
    );
    assert_eq!(list(KeptFilter { run: Some(live.id), ..of.clone() }).await, [young.id]);
    let search = |text: &str| KeptFilter { search: Some(text.to_owned()), ..of.clone() };
    assert_eq!(list(search("rePORTS/2")).await, newest_first(&[2]));
    assert_eq!(list(search("%_ä")).await, newest_first(&[5]));
    assert!(list(search("nothing")).await.is_empty());
    assert!(list(KeptFilter::of(site("none").id)).await.is_empty());

    let space = async |of: &Storage| metadata.kept_space(of.id).await.unwrap();
    assert_eq!(space(&storage).await, KeptSpace { files: 4, bytes: 100 + 101 + 102 + 100 });
    assert_eq!(space(&bucket).await, KeptSpace { files: 4, bytes: 103 + 104 + 105 + 106 });

    // As long as the run can be taken back nothing goes, and nothing of one that has not ended, whatever was promised.
    let due = async |second: i64, limit: u32| {
        let due = metadata.kept_due(at(second), limit).await.unwrap();
        due.iter().map(|kept| kept.id).collect::<Vec<_>>()
    };
    let gone = metadata.sync_run(main.id, run.id).await.unwrap().unwrap().keep_until.unwrap();
    assert_eq!(gone, at(70 + 30 * DAY));
    assert!(due(70 + 30 * DAY - 1, 100).await.is_empty());
    assert_eq!(due(70 + 30 * DAY, 3).await, [some[0].id, some[1].id, some[2].id]);
    metadata.postpone_kept(&[some[0].id, some[1].id], at(80 + 30 * DAY)).await.unwrap();
    assert_eq!(due(70 + 30 * DAY, 3).await, [some[2].id, some[3].id, some[4].id]);
    assert_eq!(due(80 + 30 * DAY, 100).await.len(), 7);
    assert_eq!(metadata.forget_kept(&[some[0].id, some[3].id, KeptId::generate()]).await.unwrap(), 2);
    assert_eq!(metadata.forget_kept(&[]).await.unwrap(), 0);
    metadata.postpone_kept(&[], at(1)).await.unwrap();
    assert_eq!(due(80 + 30 * DAY, 100).await.len(), 5);
    // What is in a storage that was set aside waits for it.
    metadata.end_storage(&storage, None, at(90)).await.unwrap();
    assert_eq!(due(80 + 30 * DAY, 100).await, [some[4].id, some[5].id, some[6].id]);
    metadata.attach_storage(storage.id, at(91)).await.unwrap();
    assert_eq!(due(80 + 30 * DAY, 100).await.len(), 5);
}

pub(crate) async fn what_was_kept_in_a_deleted_storage_is_forgotten(world: &World) {
    let Two { metadata, admin, storage, .. } = two(world).await;
    let remote = NewStorage {
        provider: Provider::Aws,
        region: "eu-west-1".to_owned(),
        endpoint: Some("https://s3.eu-west-1.amazonaws.com".to_owned()),
        bucket: Some("nas".to_owned()),
        provider_credentials: Some(vec![7; 48]),
        ..new_storage(&admin, "NAS")
    };
    let remote = metadata.create_storage(remote).await.unwrap();
    let pair = crate::sync::pair_of(&metadata, &storage, &remote, "", "").await;
    let run = taken(&metadata, &pair).await;
    let mut some: Vec<NewKept> = (0..5).map(|seq| kept(seq, &remote, "a")).collect();
    some.push(kept(9, &storage, "a"));
    metadata.write_sync_steps(run.id, 1, &[], &some).await.unwrap().held().unwrap();
    metadata.end_sync_run(run.id, 1, &end(RunState::Done, 60)).await.unwrap().held().unwrap();
    assert_eq!(metadata.forget_kept_of_deleted(100).await.unwrap(), 0);
    metadata.end_storage(&remote, None, at(70)).await.unwrap();
    assert_eq!(metadata.forget_kept_of_deleted(3).await.unwrap(), 3);
    assert_eq!(metadata.forget_kept_of_deleted(3).await.unwrap(), 2);
    assert_eq!(metadata.forget_kept_of_deleted(3).await.unwrap(), 0);
    assert_eq!(metadata.kept_space(storage.id).await.unwrap().files, 1);
}
