//! What stops a plan until somebody says that it is right.

use portcullis_access::{Change, ProviderCredentials, RemoteCapabilities};
use portcullis_control::{PlanState, PlanView, RunState};
use portcullis_domain::{Clock as _, DisplayName, Label, Networks, Permission, Provider, Storage, StorageId};
use portcullis_metadata::NewStorage;

use super::Two;
use crate::world::{World, problems};

fn codes(plan: &PlanView) -> Vec<&str> {
    plan.guards.iter().map(|guard| guard.code.as_str()).collect()
}

/// Both sides with so many files that they agree on.
async fn agreed(files: usize) -> Two {
    let two = Two::new().await;
    for number in 0..files {
        two.put(&two.left, &format!("{number:03}"), "as before").await;
    }
    assert_eq!(two.synced("two_way").await.state, RunState::Done);
    two
}

#[tokio::test]
async fn an_emptied_side_deletes_nothing_by_itself() {
    let two = agreed(3).await;
    for number in 0..3 {
        two.delete(&two.right, &format!("{number:03}")).await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["emptied"]);
    assert!(plan.guards[0].what.contains("right is empty"), "{:?}", plan.guards);
    assert!(!plan.preparation.last().unwrap().ok);
    let said = problems(two.start(&plan, &["mass_deletion", "nonsense"]).await);
    assert_eq!(said.len(), 3);
    assert!(said.iter().all(|(field, _)| field == "approve"));
    assert!(
        said[0].1.starts_with("emptied:")
            && said[1].1.contains("does not stop")
            && said[2].1.contains("clock_skew")
    );
    assert_eq!(two.all(&two.left).await.len(), 3);
    // Somebody says that it is right.
    let run = two.start(&plan, &["emptied"]).await.unwrap();
    two.round().await;
    let run = two.run(&run).await;
    assert_eq!((run.state, run.kept.files, run.approved), (RunState::Done, 3, vec!["emptied".to_owned()]));
    assert_eq!(two.all(&two.left).await, []);
}

#[tokio::test]
async fn many_deletions_and_many_changes_stop_a_plan() {
    let two = agreed(100).await;
    for number in 0..20 {
        two.delete(&two.left, &format!("{number:03}")).await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["mass_deletion"]);
    assert!(plan.guards[0].what.contains("20 of 100"), "{:?}", plan.guards);
    // With limits of one's own it is as usual.
    let mut draft = two.draft("two_way");
    draft.settings.max_delete_percent = Some(20);
    let plan = two.planned(&draft).await;
    assert_eq!(codes(&plan), [""; 0]);
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    for number in 20..60 {
        two.put(&two.right, &format!("{number:03}"), "scrambled").await;
    }
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["mass_change"]);
    draft.settings.max_change_percent = Some(100);
    assert_eq!(codes(&two.planned(&draft).await), [""; 0]);
}

#[tokio::test]
async fn what_does_not_fit_is_left_and_said() {
    let two = Two::new().await;
    two.put(&two.left, "large", &"x".repeat(2_000)).await;
    let small = Storage { quota_bytes: Some(1_000), ..two.right.clone() };
    two.world.metadata.update_storage_if_same(&two.right, &small).await.unwrap();
    two.world.access.applied(Change::Storage(small.id)).await.unwrap();
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["quota"]);
    assert_eq!(two.told(&plan).await, [("large".to_owned(), "leave")]);
}

/// A storage in a bucket of somebody else.
async fn elsewhere(world: &World, name: &str) -> Storage {
    let id = StorageId::generate();
    let credentials = ProviderCredentials {
        access_key_id: "AKIA".to_owned(),
        secret_access_key: crate::world::secret("not asked for"),
        capabilities: RemoteCapabilities::default(),
    };
    let sealed = world.access.seal_provider_credentials(&world.admin, id, &credentials).unwrap();
    let new = NewStorage {
        id,
        site: world.admin.site(),
        owner: world.admin.user().unwrap(),
        name: DisplayName::parse(name).unwrap(),
        label: Label::parse(name).unwrap(),
        provider: Provider::S3,
        region: "eu".to_owned(),
        endpoint: Some("https://s3.example.com".to_owned()),
        bucket: Some(name.to_owned()),
        path_style: true,
        provider_credentials: Some(sealed),
        permission: Permission::Full,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        created: world.clock.now(),
    };
    let storage = world.metadata.create_storage(new).await.unwrap();
    world.access.applied(Change::Storage(id)).await.unwrap();
    storage
}

async fn with_bucket() -> Two {
    let world = World::new().await;
    let (left, right) = (world.storage("left").await, elsewhere(&world, "right").await);
    Two { world, left, right }
}

impl Two {
    /// Replaces the marker that runs leave in the bucket; none removes it.
    async fn mark(&self, plan: &PlanView, text: Option<&str>) {
        let key = format!(".portcullis/pair-{}.json", plan.pair);
        let at = self.reserved().await;
        match text {
            Some(text) => {
                let body = portcullis_access::Body::Full(text.to_owned().into());
                let grant = at.grant::<portcullis_access::Put>(super::object(&key)).unwrap();
                grant.put(body, Default::default()).await.unwrap();
            }
            None => {
                let grant = at.grant::<portcullis_access::Delete>(super::object(&key)).unwrap();
                grant.delete(Default::default()).await.unwrap();
            }
        }
    }

    /// The bucket, as runs enter it.
    async fn reserved(&self) -> portcullis_access::StorageAccess {
        let side = || portcullis_domain::RunSide {
            storage: self.right.id,
            prefix: portcullis_domain::KeyPrefix::default(),
            permission: Permission::ReadWrite,
        };
        let pass = portcullis_domain::RunPass {
            run: "test".to_owned(),
            site: self.world.admin.site(),
            sides: [side(), side()],
        };
        let who = self.world.access.run_principal(&self.world.system, pass);
        self.world.access.storage_by_id(&who, self.right.id).await.unwrap()
    }

    async fn marker(&self, plan: &PlanView) -> serde_json::Value {
        let key = super::object(&format!(".portcullis/pair-{}.json", plan.pair));
        let grant = self.reserved().await.grant::<portcullis_access::Get>(key).unwrap();
        let found = grant.get(Default::default()).await.unwrap();
        let portcullis_access::GetOutcome::Found(found) = found else { panic!("no condition was set") };
        serde_json::from_str(&super::text(found.body).await).unwrap()
    }
}

#[tokio::test]
async fn a_bucket_without_our_marker_is_another_one() {
    let two = with_bucket().await;
    two.put(&two.left, "a", "a").await;
    two.put(&two.right, "b", "b").await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), [""; 0]);
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    assert_eq!(two.marker(&plan).await["epoch"], 1);
    two.put(&two.left, "c", "c").await;
    assert_eq!(two.synced("two_way").await.state, RunState::Done);
    assert_eq!(two.marker(&plan).await["epoch"], 2);
    // Nobody but a run sees it.
    let keys: Vec<_> = two.all(&two.right).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b", "c"]);
    two.delete(&two.right, "a").await;
    two.mark(&plan, None).await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["other_bucket"]);
    // As if for the first time: what is missing there is written, not deleted here.
    let told = two.told(&plan).await;
    assert_eq!(told[0], ("a".to_owned(), "write_to_bucket"));
    assert_eq!(plan.totals.as_ref().unwrap().delete.storage.files, 0);
}

#[tokio::test]
async fn a_newer_marker_means_that_our_records_are_old() {
    let two = with_bucket().await;
    two.put(&two.left, "a", "a").await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    two.delete(&two.right, "a").await;
    let mut marker = two.marker(&plan).await;
    marker["epoch"] = 7.into();
    two.mark(&plan, Some(&marker.to_string())).await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["older_state"]);
    assert_eq!(two.told(&plan).await, [("a".to_owned(), "write_to_bucket")]);
}

#[tokio::test]
async fn clocks_that_are_far_apart_stop_a_plan() {
    let two = with_bucket().await;
    two.put(&two.left, "a", "a").await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(two.ran(&plan).await.state, RunState::Done);
    let mut marker = two.marker(&plan).await;
    marker["written"] = (marker["written"].as_i64().unwrap() - 400_000_000).into();
    two.mark(&plan, Some(&marker.to_string())).await;
    two.put(&two.left, "b", "b").await;
    let plan = two.planned(&two.draft("two_way")).await;
    assert_eq!(codes(&plan), ["clock_skew"]);
    assert!(plan.guards[0].what.contains("400 seconds"), "{:?}", plan.guards);
    // Who asks for the younger one looks at the clock itself.
    let mut draft = two.draft("two_way");
    draft.conflicts = Some("newest".to_owned());
    assert_eq!(codes(&two.planned(&draft).await), [""; 0]);
    assert_eq!(two.all(&two.right).await.len(), 1);
}

#[tokio::test]
async fn a_side_that_is_not_there_is_not_an_empty_one() {
    let two = agreed(3).await;
    let (control, admin) = (&two.world.control, &two.world.admin);
    let plan = control.make_sync_plan(admin, &two.draft("two_way")).await.unwrap();
    let gone = Storage { state: portcullis_domain::StorageState::Detached, ..two.right.clone() };
    // Past everything, as another node would that is quicker.
    two.world.execute("UPDATE storages SET state = 'detached' WHERE name = 'right'").await;
    two.world.access.applied(Change::Storage(gone.id)).await.unwrap();
    two.round().await;
    let plan = control.sync_plan(admin, plan.id).await.unwrap();
    assert_eq!(plan.state, PlanState::Failed);
    assert!(plan.told.contains("right"), "{}", plan.told);
    assert!(!plan.sides.bucket.active && plan.sides.storage.active);
    assert_eq!(two.all(&two.left).await.len(), 3);
}

#[tokio::test]
async fn a_run_whose_side_does_not_answer_waits_and_then_asks_for_somebody() {
    let two = with_bucket().await;
    two.put(&two.left, "a", "a").await;
    let plan = two.planned(&two.draft("two_way")).await;
    let run = two.start(&plan, &[]).await.unwrap();
    two.world.execute("CREATE TABLE kept AS SELECT id, provider_sealed AS sealed FROM storages").await;
    two.world.execute("UPDATE storages SET provider_sealed = x'00' WHERE name = 'right'").await;
    two.world.access.applied(Change::Storage(two.right.id)).await.unwrap();
    two.round().await;
    let waits = two.run(&run).await;
    assert_eq!(waits.state, RunState::Running);
    assert!(waits.told.contains("does not answer"), "{}", waits.told);
    for _ in 0..45 {
        two.world.clock.advance(std::time::Duration::from_secs(16));
        two.round().await;
    }
    let paused = two.run(&run).await;
    assert_eq!(paused.state, RunState::Paused);
    assert!(two.world.trail().await.iter().any(|event| event.action == "sync_run_paused"));
    two.world
        .execute(
            "UPDATE storages SET provider_sealed = (SELECT sealed FROM kept WHERE kept.id = storages.id)",
        )
        .await;
    two.world.access.applied(Change::Storage(two.right.id)).await.unwrap();
    two.world.control.resume_sync(&two.world.admin, run.id).await.unwrap();
    two.round().await;
    let ended = two.run(&run).await;
    assert_eq!((ended.state, ended.told.as_str()), (RunState::Done, ""));
    assert_eq!(two.get(&two.right, "a").await.as_deref(), Some("a"));
}
