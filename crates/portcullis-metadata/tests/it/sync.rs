//! Pairs, plans and their pages.

use futures_util::future::join_all;
use portcullis_domain::{
    Site, Storage, StorageState, SyncJobId, SyncPairId, SyncPlanId, SyncRunId, Timestamp, User,
};
use portcullis_metadata::{
    Fenced, JobState, Metadata, MetadataErrorKind, NewSyncPair, NewSyncPlan, NewSyncRun, Page, PageRequest,
    PagesOf, PlanFinish, PlanState, RunStart, SyncJobRow, SyncPageRow, SyncPairRow, SyncPlanEnd,
    SyncPlanFilter, SyncPlanRow, SyncRunRow,
};

use crate::world::{World, at, new_storage, new_user, site};

/// Two storages of a site and the pair of them.
pub(crate) struct Two {
    pub(crate) metadata: Metadata,
    pub(crate) site: Site,
    pub(crate) admin: User,
    pub(crate) storage: Storage,
    pub(crate) bucket: Storage,
    pub(crate) pair: SyncPairRow,
}

pub(crate) async fn two(world: &World) -> Two {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let bucket = metadata.create_storage(new_storage(&admin, "bucket")).await.unwrap();
    let pair = pair_of(&metadata, &storage, &bucket, "", "").await;
    Two { metadata, site, admin, storage, bucket, pair }
}

fn wanted(storage: &Storage, bucket: &Storage, from: &str, to: &str) -> NewSyncPair {
    NewSyncPair {
        site: storage.site,
        storage: storage.id,
        storage_prefix: from.to_owned(),
        bucket: bucket.id,
        bucket_prefix: to.to_owned(),
        created: at(5),
    }
}

pub(crate) async fn pair_of(
    metadata: &Metadata,
    storage: &Storage,
    bucket: &Storage,
    from: &str,
    to: &str,
) -> SyncPairRow {
    metadata.sync_pair_for(&wanted(storage, bucket, from, to)).await.unwrap()
}

pub(crate) fn new_plan(pair: &SyncPairRow) -> NewSyncPlan {
    NewSyncPlan {
        id: SyncPlanId::generate(),
        site: pair.site,
        pair: pair.id,
        job: None,
        restores: None,
        mode: "two_way".to_owned(),
        policy: "keep_both".to_owned(),
        terms: "{\"a\":1}".to_owned(),
        keep_days: None,
        actor: "user:admin".to_owned(),
        created: at(10),
    }
}

pub(crate) fn ready() -> SyncPlanEnd {
    SyncPlanEnd {
        state: PlanState::Ready,
        totals: "{\"write\":3}".to_owned(),
        guards: "[\"emptied\"]".to_owned(),
        cost: "{\"head\":2}".to_owned(),
        risks: "[\"narrow\"]".to_owned(),
        told: String::new(),
        planned: at(20),
    }
}

/// Makes a plan that is wanted ready, with no pages.
pub(crate) async fn make_ready(metadata: &Metadata, id: SyncPlanId) -> SyncPlanRow {
    let taken = metadata.take_sync_plan("a", at(15), at(30)).await.unwrap().unwrap();
    assert_eq!(taken.id, id);
    let done = metadata.finish_sync_plan(id, taken.fence, &ready()).await.unwrap();
    assert_eq!(done, PlanFinish::Finished);
    metadata.sync_plan(taken.site, id).await.unwrap().unwrap()
}

pub(crate) async fn ready_plan(metadata: &Metadata, pair: &SyncPairRow) -> SyncPlanRow {
    let new = new_plan(pair);
    metadata.create_sync_plan(&new).await.unwrap();
    make_ready(metadata, new.id).await
}

pub(crate) fn new_run(plan: &SyncPlanRow) -> NewSyncRun {
    NewSyncRun {
        id: SyncRunId::generate(),
        site: plan.site,
        plan: plan.id,
        approved: "[\"emptied\"]".to_owned(),
        settings: "{\"in_flight\":4}".to_owned(),
        actor: "user:admin".to_owned(),
        created: at(40),
    }
}

pub(crate) async fn started(metadata: &Metadata, plan: &SyncPlanRow) -> SyncRunRow {
    match metadata.create_sync_run(&new_run(plan)).await.unwrap() {
        RunStart::Started(run) => *run,
        other @ (RunStart::Busy(_) | RunStart::Outdated) => panic!("{other:?}"),
    }
}

pub(crate) fn job(pair: &SyncPairRow, name: &str) -> SyncJobRow {
    SyncJobRow {
        id: SyncJobId::generate(),
        site: pair.site,
        pair: pair.id,
        name: name.to_owned(),
        mode: "mirror".to_owned(),
        policy: "storage".to_owned(),
        schedule: "0 3 * * *".to_owned(),
        zone: "Europe/Vienna".to_owned(),
        settings: "{}".to_owned(),
        enabled: true,
        state: JobState::Waiting,
        told: String::new(),
        next: Some(at(100)),
        last_plan: None,
        last_run: None,
        actor: "user:admin".to_owned(),
        created: at(6),
        changed: at(6),
        version: 0,
    }
}

pub(crate) fn page(no: u64, first_seq: u64, first_key: &str) -> SyncPageRow {
    let data = format!("{no} from {first_seq}").into_bytes();
    SyncPageRow { no, first_seq, first_key: first_key.to_owned(), entries: 512, data }
}

/// A row of a list goes from page to page; nothing comes twice and nothing is missed.
pub(crate) async fn all_pages<T, F: Future<Output = Page<T>>>(
    limit: u32,
    list: impl Fn(PageRequest) -> F,
) -> Vec<T> {
    let (mut all, mut request) = (Vec::new(), PageRequest::first(limit));
    loop {
        let page = list(request).await;
        all.extend(page.items);
        let Some(next) = page.next else { return all };
        request = PageRequest { limit, after: Some(next) };
    }
}

pub(crate) async fn a_pair_is_made_once(world: &World) {
    let Two { metadata, site: main, storage, bucket, pair, .. } = two(world).await;
    assert_eq!((pair.epoch, pair.base_generation, pair.base_keys, pair.keep_days), (0, 0, 0, 30));
    assert_eq!((pair.storage, pair.bucket, pair.created), (storage.id, bucket.id, at(5)));
    assert_eq!(metadata.sync_pair(main.id, pair.id).await.unwrap(), Some(pair.clone()));
    let again = NewSyncPair { created: at(9), ..wanted(&storage, &bucket, "", "") };
    assert_eq!(metadata.sync_pair_for(&again).await.unwrap(), pair);
    let swapped = pair_of(&metadata, &bucket, &storage, "", "").await;
    let deeper = pair_of(&metadata, &storage, &bucket, "a/", "ü/").await;
    assert_eq!((deeper.storage_prefix.as_str(), deeper.bucket_prefix.as_str()), ("a/", "ü/"));
    assert!(swapped.id != pair.id && deeper.id != pair.id);
    let within = pair_of(&metadata, &storage, &storage, "a/", "b/").await;
    let many = join_all((0..8).map(|_| metadata.sync_pair_for(&again))).await;
    assert!(many.into_iter().all(|found| found.unwrap() == pair));

    let ids = |pairs: Vec<SyncPairRow>| pairs.iter().map(|pair| pair.id).collect::<Vec<SyncPairId>>();
    let third =
        metadata.create_storage(new_storage(&metadata_admin(&metadata).await, "third")).await.unwrap();
    let other = pair_of(&metadata, &third, &bucket, "", "").await;
    let list = |storage: Option<&Storage>| {
        let (metadata, site, storage) = (metadata.clone(), main.id, storage.map(|storage| storage.id));
        all_pages(2, move |page| {
            let metadata = metadata.clone();
            async move { metadata.sync_pairs(site, storage, &page).await.unwrap() }
        })
    };
    assert_eq!(ids(list(None).await), [pair.id, swapped.id, deeper.id, within.id, other.id]);
    assert_eq!(ids(list(Some(&storage)).await), [pair.id, swapped.id, deeper.id, within.id]);
    assert_eq!(ids(list(Some(&third)).await), [other.id]);

    // Nothing of another site, and nothing that has ended.
    let elsewhere = site("elsewhere");
    metadata.create_site(&elsewhere).await.unwrap();
    let owner = metadata.create_user(new_user(elsewhere.id, "theirs")).await.unwrap();
    let theirs = metadata.create_storage(new_storage(&owner, "theirs")).await.unwrap();
    for (one, two) in [(&storage, &theirs), (&theirs, &storage)] {
        let error = metadata.sync_pair_for(&wanted(one, two, "", "")).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::NotFound);
    }
    assert_eq!(metadata.sync_pair(elsewhere.id, pair.id).await.unwrap(), None);
    metadata.end_storage(&third, None, at(30)).await.unwrap();
    let error = metadata.sync_pair_for(&wanted(&third, &bucket, "x/", "")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    let error = metadata.sync_pair_for(&wanted(&third, &third, "x/", "y/")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.storage(third.id).await.unwrap().unwrap().state, StorageState::Detached);
}

async fn metadata_admin(metadata: &Metadata) -> User {
    metadata.login(&"admin".parse().unwrap()).await.unwrap().unwrap().user
}

pub(crate) async fn one_process_makes_a_plan(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let new = NewSyncPlan { keep_days: Some(7), ..new_plan(&pair) };
    let plan = metadata.create_sync_plan(&new).await.unwrap();
    assert_eq!((plan.state, plan.fence, plan.version), (PlanState::Planning, 0, 0));
    assert_eq!((plan.terms.as_str(), plan.created, plan.planned), ("{\"a\":1}", at(10), None));
    assert_eq!(metadata.sync_pair(site.id, pair.id).await.unwrap().unwrap().keep_days, 7);

    let first = metadata.take_sync_plan("one", at(11), at(20)).await.unwrap().unwrap();
    assert_eq!((first.id, first.fence, first.held_by.as_str()), (plan.id, 1, "one"));
    assert_eq!(metadata.take_sync_plan("two", at(19), at(40)).await.unwrap(), None);
    let held = Fenced::Held(());
    assert_eq!(metadata.renew_sync_plan(plan.id, 1, at(25), Some("{\"keys\":9}")).await.unwrap(), held);
    assert_eq!(metadata.renew_sync_plan(plan.id, 1, at(26), None).await.unwrap(), held);
    assert_eq!(metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap().progress, "{\"keys\":9}");
    let pages = [page(0, 0, "a"), page(1, 512, "m")];
    assert_eq!(metadata.add_plan_pages(plan.id, 1, &pages).await.unwrap(), held);
    assert_eq!(metadata.take_sync_plan("two", at(25), at(40)).await.unwrap(), None);

    // The first has died, or was only slow: what it writes from now on finds nothing.
    let second = metadata.take_sync_plan("two", at(26), at(40)).await.unwrap().unwrap();
    assert_eq!((second.fence, second.progress.as_str()), (2, "{}"));
    let before = world.everything().await;
    assert_eq!(metadata.renew_sync_plan(plan.id, 1, at(90), Some("{}")).await.unwrap(), Fenced::Lost);
    assert!(metadata.add_plan_pages(plan.id, 1, &[page(2, 1024, "x")]).await.unwrap().is_lost());
    assert_eq!(metadata.finish_sync_plan(plan.id, 1, &ready()).await.unwrap(), PlanFinish::Lost);
    assert_eq!(world.everything().await, before);
    // Its pages are nobody's and go, those of the second stay.
    assert_eq!(metadata.add_plan_pages(plan.id, 2, &[page(0, 0, "b")]).await.unwrap(), held);
    assert_eq!(metadata.drop_sync_pages(100).await.unwrap(), 3);
    assert_eq!(metadata.drop_sync_pages(100).await.unwrap(), 0);
    assert_eq!(world.numbers("SELECT generation FROM sync_pages").await, [2]);

    assert_eq!(metadata.finish_sync_plan(plan.id, 2, &ready()).await.unwrap(), PlanFinish::Finished);
    let plan = metadata.sync_plan(site.id, plan.id).await.unwrap().unwrap();
    let texts = [&plan.totals, &plan.guards, &plan.cost, &plan.risks, &plan.choices];
    assert_eq!(texts, ["{\"write\":3}", "[\"emptied\"]", "{\"head\":2}", "[\"narrow\"]", "[]"]);
    assert_eq!((plan.state, plan.planned, plan.held_by.as_str()), (PlanState::Ready, Some(at(20)), ""));
    assert_eq!(plan.pages(), PagesOf::Plan { plan: plan.id, fence: 2 });
    assert_eq!(metadata.finish_sync_plan(plan.id, 2, &ready()).await.unwrap(), PlanFinish::Lost);
    assert_eq!(metadata.take_sync_plan("two", at(99), at(100)).await.unwrap(), None);
}

pub(crate) async fn many_take_one_plan_each(world: &World) {
    let Two { metadata, pair, .. } = two(world).await;
    let other = world.open().await;
    let mut wanted = Vec::new();
    for _ in 0..6 {
        wanted.push(metadata.create_sync_plan(&new_plan(&pair)).await.unwrap().id);
    }
    let mut taken = Vec::new();
    // Of several at once one gets each; whoever finds it taken asks again.
    for round in 0..6 {
        let takers = [&metadata, &other, &metadata, &other];
        let all = join_all(takers.map(|one| one.take_sync_plan("x", at(11), at(20 + round)))).await;
        taken.extend(all.into_iter().filter_map(|plan| plan.unwrap()));
    }
    assert!(taken.iter().all(|plan| plan.fence == 1));
    let mut taken: Vec<SyncPlanId> = taken.iter().map(|plan| plan.id).collect();
    taken.sort_unstable();
    assert_eq!(taken, wanted);
}

pub(crate) async fn pages_are_found_by_number_and_key(world: &World) {
    let Two { metadata, pair, .. } = two(world).await;
    let plan = metadata.create_sync_plan(&new_plan(&pair)).await.unwrap();
    let plan =
        metadata.take_sync_plan("one", at(11), at(20)).await.unwrap().filter(|found| found.id == plan.id);
    let (id, of) = plan.map(|plan| (plan.id, plan.pages())).unwrap();
    assert_eq!(metadata.sync_page_count(&of).await.unwrap(), 0);
    assert_eq!(metadata.sync_page(&of, 0).await.unwrap(), None);
    assert_eq!(metadata.sync_page_with_seq(&of, 0).await.unwrap(), None);
    assert_eq!(metadata.sync_page_with_key(&of, "a").await.unwrap(), None);
    // Keys in the order of their bytes: "Z" before "a", "z" before "é".
    let keys = ["Z", "a", "b/", "b/c", "m", "n", "o", "p", "z", "é", "写"];
    let pages: Vec<SyncPageRow> = keys.iter().zip(0..).map(|(key, no)| page(no, no * 512, key)).collect();
    assert_eq!(metadata.add_plan_pages(id, 1, &pages).await.unwrap(), Fenced::Held(()));
    assert_eq!(metadata.sync_page_count(&of).await.unwrap(), 11);
    for page in &pages {
        assert_eq!(metadata.sync_page(&of, page.no).await.unwrap().as_ref(), Some(page));
        for seq in [page.first_seq, page.first_seq + 511] {
            assert_eq!(metadata.sync_page_with_seq(&of, seq).await.unwrap().as_ref(), Some(page));
        }
        for key in [page.first_key.clone(), format!("{}!", page.first_key)] {
            let found = metadata.sync_page_with_key(&of, &key).await.unwrap();
            assert_eq!(found.as_ref(), Some(page), "{key}");
        }
    }
    assert_eq!(metadata.sync_page(&of, 11).await.unwrap(), None);
    assert_eq!(metadata.sync_page_with_seq(&of, u64::from(u32::MAX)).await.unwrap().unwrap().no, 10);
    assert_eq!(metadata.sync_page_with_key(&of, "A").await.unwrap().unwrap().no, 0, "it comes before all");

    let full = SyncPageRow { data: vec![7; 1 << 20], ..page(11, 5_632, "\u{10ffff}") };
    assert_eq!(metadata.add_plan_pages(id, 1, std::slice::from_ref(&full)).await.unwrap(), Fenced::Held(()));
    assert_eq!(metadata.sync_page(&of, 11).await.unwrap(), Some(full.clone()));
    let error = metadata.add_plan_pages(id, 1, std::slice::from_ref(&full)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("id"), "a page is written once");
    let over = SyncPageRow { data: vec![7; (1 << 20) + 1], ..page(12, 6_144, "\u{10ffff}a") };
    let error = metadata.add_plan_pages(id, 1, &[over]).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Refused);
    assert_eq!(metadata.sync_page_count(&of).await.unwrap(), 12);
}

pub(crate) async fn choices_need_the_plan_as_it_was_read(world: &World) {
    let Two { metadata, site: main, pair, .. } = two(world).await;
    let plan = ready_plan(&metadata, &pair).await;
    let choose = async |version: u64, choices: &str, totals: Option<&str>| {
        metadata.choose_in_sync_plan(main.id, plan.id, version, choices, totals).await
    };
    assert_eq!(choose(0, "[1]", None).await.unwrap(), 1);
    assert_eq!(choose(0, "[2]", None).await.unwrap_err().kind, MetadataErrorKind::Stale);
    let read = async || metadata.sync_plan(main.id, plan.id).await.unwrap().unwrap();
    let (found, old) = (read().await, plan.clone());
    assert_eq!((found.choices.as_str(), &found.totals, found.version), ("[1]", &old.totals, 1));
    assert_eq!(choose(1, "[3]", Some("{\"write\":1}")).await.unwrap(), 2);
    assert_eq!((read().await.choices.as_str(), read().await.totals.as_str()), ("[3]", "{\"write\":1}"));
    let elsewhere = site("elsewhere");
    let foreign = metadata.choose_in_sync_plan(elsewhere.id, plan.id, 2, "[]", None).await.unwrap_err();
    assert_eq!(foreign.kind, MetadataErrorKind::NotFound);
    started(&metadata, &plan).await;
    assert_eq!(choose(2, "[4]", None).await.unwrap_err().kind, MetadataErrorKind::Stale, "it is run");
}

pub(crate) async fn plans_are_listed_and_discarded(world: &World) {
    let Two { metadata, site: main, admin, storage, bucket, pair } = two(world).await;
    let third = metadata.create_storage(new_storage(&admin, "third")).await.unwrap();
    let other = pair_of(&metadata, &storage, &third, "", "").await;
    let some_job = job(&pair, "nightly");
    metadata.create_sync_job(&some_job).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..7 {
        let of = if n % 2 == 0 { &pair } else { &other };
        let job = (n == 0).then_some(some_job.id);
        ids.push(metadata.create_sync_plan(&NewSyncPlan { job, ..new_plan(of) }).await.unwrap().id);
    }
    make_ready(&metadata, ids[0]).await;
    let list = |filter: SyncPlanFilter| {
        let metadata = metadata.clone();
        async move {
            let listed = all_pages(2, |page| {
                let (metadata, filter) = (metadata.clone(), filter.clone());
                async move { metadata.sync_plans(&filter, &page).await.unwrap() }
            });
            listed.await.into_iter().map(|plan| plan.id).collect::<Vec<_>>()
        }
    };
    let of = SyncPlanFilter::of(main.id);
    let newest_first = |picked: &[usize]| picked.iter().rev().map(|n| ids[*n]).collect::<Vec<_>>();
    assert_eq!(list(of.clone()).await, newest_first(&[0, 1, 2, 3, 4, 5, 6]));
    assert_eq!(
        list(SyncPlanFilter { storage: Some(bucket.id), ..of.clone() }).await,
        newest_first(&[0, 2, 4, 6])
    );
    assert_eq!(list(SyncPlanFilter { storage: Some(storage.id), ..of.clone() }).await.len(), 7);
    assert_eq!(list(SyncPlanFilter { pair: Some(other.id), ..of.clone() }).await, newest_first(&[1, 3, 5]));
    assert_eq!(list(SyncPlanFilter { job: Some(some_job.id), ..of.clone() }).await, newest_first(&[0]));
    assert_eq!(
        list(SyncPlanFilter { state: Some(PlanState::Ready), ..of.clone() }).await,
        newest_first(&[0])
    );
    assert!(list(SyncPlanFilter::of(site("none").id)).await.is_empty());
    let cursor = PageRequest { limit: 1, after: Some("nonsense".to_owned()) };
    assert_eq!(metadata.sync_plans(&of, &cursor).await.unwrap_err().kind, MetadataErrorKind::BadCursor);

    let discard = async |id: SyncPlanId| metadata.discard_sync_plan(main.id, id).await.unwrap();
    assert!(!metadata.discard_sync_plan(site("none").id, ids[1]).await.unwrap());
    assert!(discard(ids[0]).await && discard(ids[1]).await);
    assert!(!discard(ids[0]).await && !discard(SyncPlanId::generate()).await);
    // Whoever makes a plan that nobody wants any more is told.
    let taken = metadata.take_sync_plan("one", at(11), at(20)).await.unwrap().unwrap();
    assert_eq!(taken.id, ids[2]);
    let pages: Vec<_> = (0..20).map(|no| page(no, no, &format!("{no:03}"))).collect();
    let added = metadata.add_plan_pages(taken.id, 1, &pages).await.unwrap();
    assert_eq!(added.held(), Some(()));
    assert!(discard(taken.id).await);
    assert!(metadata.renew_sync_plan(taken.id, 1, at(30), None).await.unwrap().is_lost());
    assert!(metadata.add_plan_pages(taken.id, 1, &[page(20, 20, "x")]).await.unwrap().is_lost());
    assert_eq!(metadata.finish_sync_plan(taken.id, 1, &ready()).await.unwrap(), PlanFinish::Lost);
    // Pages go a few at a time, and owners of none do not hold that up.
    let mut gone = Vec::new();
    loop {
        let deleted = metadata.drop_sync_pages(8).await.unwrap();
        if deleted == 0 {
            break;
        }
        gone.push(deleted);
    }
    assert_eq!(gone.iter().sum::<u64>(), 20 + 3);
    assert!(gone.len() >= 3, "{gone:?}");
    // A plan that is run, or was, is not discarded; one that could not be made is.
    let fourth = make_ready(&metadata, ids[3]).await;
    started(&metadata, &fourth).await;
    assert!(!discard(ids[3]).await);
    let fifth = metadata.take_sync_plan("one", at(11), at(20)).await.unwrap().unwrap();
    let failed = SyncPlanEnd { state: PlanState::Failed, told: "no answer".to_owned(), ..ready() };
    assert_eq!(metadata.finish_sync_plan(fifth.id, 1, &failed).await.unwrap(), PlanFinish::Finished);
    assert_eq!(metadata.sync_plan(main.id, fifth.id).await.unwrap().unwrap().told, "no answer");
    let error = metadata.create_sync_run(&new_run(&fifth)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    assert!(discard(fifth.id).await);
    let error =
        metadata.create_sync_plan(&NewSyncPlan { pair: SyncPairId::generate(), ..new_plan(&pair) }).await;
    assert_eq!(error.unwrap_err().kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn what_a_discarded_plan_held_up_goes_on(world: &World) {
    let Two { metadata, site, pair, .. } = two(world).await;
    let nightly = job(&pair, "nightly");
    metadata.create_sync_job(&nightly).await.unwrap();
    let plan = NewSyncPlan { job: Some(nightly.id), ..new_plan(&pair) };
    let next = Some(Timestamp::from_micros(at(200).micros()));
    metadata.begin_sync_job(&nightly, &plan, next).await.unwrap().unwrap();
    make_ready(&metadata, plan.id).await;
    assert!(metadata.note_sync_job(nightly.id, JobState::Stopped, "too many deletions").await.unwrap());
    let read = async || metadata.sync_job(site.id, nightly.id).await.unwrap().unwrap();
    assert_eq!((read().await.state, read().await.told.as_str()), (JobState::Stopped, "too many deletions"));
    // Another plan of its own is not what stopped it.
    let by_hand = NewSyncPlan { job: Some(nightly.id), ..new_plan(&pair) };
    metadata.create_sync_plan(&by_hand).await.unwrap();
    assert!(metadata.discard_sync_plan(site.id, by_hand.id).await.unwrap());
    assert_eq!(read().await.state, JobState::Stopped);
    assert!(metadata.discard_sync_plan(site.id, plan.id).await.unwrap());
    let found = read().await;
    assert_eq!((found.state, found.told.as_str(), found.next), (JobState::Waiting, "", next));
}
