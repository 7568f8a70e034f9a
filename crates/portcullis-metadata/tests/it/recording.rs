//! A change and its entry in the audit trail are committed together or not at all. A verb without an example here fails.

use portcullis_domain::{
    AdviceId, CredentialId, GrantId, Grantee, Group, GroupId, Key, KeyPrefix, Link, PasskeyId, Permission,
    Role, SessionId, Site, Storage, StorageGrant, User,
};
use portcullis_metadata::{
    AdviceTaken, AuditEvent, AuditFilter, Breadth, Metadata, MetadataError, NewPasskey, NewSecret,
    NewSyncPlan, Overlap, PageRequest, RunWish, StoredSecret, SyncJobRow, SyncPlanRow, SyncRunRow,
};

use crate::imports::account;
use crate::links::link;
use crate::sync::{job, make_ready, new_plan, new_run, pair_of, started};
use crate::verbs::verbs_to_record;
use crate::world::{World, at, key_for, name, new_storage, new_user, on_postgres, on_sqlite, session, site};

/// One of each thing that a verb can be about.
struct Things {
    metadata: Metadata,
    site: Site,
    empty: Site,
    admin: User,
    user: User,
    out: User,
    group: Group,
    storage: Storage,
    grant: StorageGrant,
    link: Link,
    key: Key,
    session: SessionId,
    passkey: PasskeyId,
    /// A plan that is ready, and one that is run.
    plan: SyncPlanRow,
    run: SyncRunRow,
    job: SyncJobRow,
}

fn passkey(user: &User, credential: u8) -> NewPasskey {
    let (id, name) = (PasskeyId::generate(), name("Laptop"));
    NewPasskey {
        id,
        user: user.id,
        credential_id: vec![credential],
        public_key: vec![0],
        name,
        created: at(1),
    }
}

fn grant(storage: &Storage, user: &User, prefix: &str) -> StorageGrant {
    StorageGrant {
        id: GrantId::generate(),
        site: storage.site,
        storage: storage.id,
        grantee: Grantee::User(user.id),
        prefix: KeyPrefix::parse(prefix).unwrap(),
        permission: Permission::Read,
        created: at(5),
    }
}

impl Things {
    async fn made(world: &World) -> Self {
        let (metadata, home, admin) = world.home().await;
        let empty = Site { parent: Some(home.id), ..site("empty") };
        metadata.create_site(&empty).await.unwrap();
        let user = metadata.create_user(new_user(home.id, "ada")).await.unwrap();
        let out = metadata.create_user(new_user(home.id, "bob")).await.unwrap();
        let group = Group { id: GroupId::generate(), site: home.id, name: name("desk"), created: at(1) };
        metadata.create_group(&group).await.unwrap();
        metadata.add_member(group.id, user.id).await.unwrap();
        let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
        let grant = grant(&storage, &user, "");
        metadata.create_grant(&grant).await.unwrap();
        let link = link(&storage, "link");
        metadata.create_link(&link, &[1; 32], None).await.unwrap();
        let key = key_for(&storage, "key");
        metadata.create_key(&key, &StoredSecret::Sealed(vec![1])).await.unwrap();
        let signed_in = session(user.id, 1, 100);
        metadata.create_session(&signed_in, None).await.unwrap();
        metadata.create_session(&session(user.id, 2, 100), None).await.unwrap();
        let passkey = passkey(&user, 1);
        metadata.add_passkey(&passkey).await.unwrap();
        metadata.set_invitation(out.id, &[9; 32], at(0), at(100)).await.unwrap();
        let (session, passkey) = (signed_in.id, passkey.id);
        let bucket = metadata.create_storage(new_storage(&admin, "bucket")).await.unwrap();
        let mut plans = Vec::new();
        for prefix in ["a/", "b/"] {
            let plan = new_plan(&pair_of(&metadata, &storage, &bucket, prefix, prefix).await);
            metadata.create_sync_plan(&plan).await.unwrap();
            plans.push(make_ready(&metadata, plan.id).await);
        }
        let run = started(&metadata, &plans.remove(1)).await;
        let (plan, job) =
            (plans.remove(0), job(&pair_of(&metadata, &storage, &bucket, "a/", "a/").await, "nightly"));
        metadata.create_sync_job(&job).await.unwrap();
        let site = home;
        Self {
            metadata,
            site,
            empty,
            admin,
            user,
            out,
            group,
            storage,
            grant,
            link,
            key,
            session,
            passkey,
            plan,
            run,
            job,
        }
    }

    /// Calls this verb so that it has something to change.
    async fn call(&self, verb: &str) -> Result<(), MetadataError> {
        if let Some(done) = self.about_people(verb).await {
            return done;
        }
        if let Some(done) = self.about_sign_in(verb).await {
            return done;
        }
        if let Some(done) = self.about_sync(verb).await {
            return done;
        }
        match self.about_storages(verb).await {
            Some(done) => done,
            None => self
                .about_keys(verb)
                .await
                .unwrap_or_else(|| panic!("{verb} has no example here, and is not among the notes")),
        }
    }

    async fn about_people(&self, verb: &str) -> Option<Result<(), MetadataError>> {
        let Self { metadata, site: home, empty, user, out, group, .. } = self;
        let renamed = |text: &str| Site { name: name(text), ..home.clone() };
        Some(match verb {
            "create_site" => metadata.create_site(&site("new")).await,
            "update_site" => metadata.update_site(home, &renamed("other")).await,
            "delete_site" => metadata.delete_site(empty.id).await,
            "import_accounts" => {
                metadata.import_accounts(vec![account(&self.admin, home.id, "1", &[None])]).await.map(drop)
            }
            "create_user" => metadata.create_user(new_user(home.id, "eve")).await.map(drop),
            "create_external_user" => {
                metadata.create_external_user(new_user(home.id, "eve"), "issuer\neve").await.map(drop)
            }
            "update_user" => metadata.update_user(user, &User { role: Role::Member, ..user.clone() }).await,
            "create_group" => {
                let created = Group { id: GroupId::generate(), name: name("new"), ..group.clone() };
                metadata.create_group(&created).await
            }
            "update_group" => {
                metadata.update_group(group, &Group { name: name("other"), ..group.clone() }).await
            }
            "delete_group" => metadata.delete_group(group.id).await.map(drop),
            "add_member" => metadata.add_member(group.id, out.id).await.map(drop),
            "remove_member" => metadata.remove_member(group.id, user.id).await.map(drop),
            _ => return None,
        })
    }

    async fn about_sign_in(&self, verb: &str) -> Option<Result<(), MetadataError>> {
        let Self { metadata, user, out, empty, .. } = self;
        Some(match verb {
            "set_external" => metadata.set_external(user.id, Some("issuer\nada")).await,
            "set_password" => metadata.set_password(user.id, "$argon2id$new").await,
            "change_password" => {
                metadata.change_password(user.id, "$argon2id$new", self.session).await.map(drop)
            }
            "clear_password" => metadata.clear_password(user.id).await.map(drop),
            "set_password_printed" => metadata.set_password_printed(user.id, true).await,
            "set_totp" => metadata.set_totp(user.id, Some(vec![1])).await,
            "set_recovery_codes" => metadata.set_recovery_codes(user.id, &[[1; 32]]).await,
            "add_passkey" => metadata.add_passkey(&passkey(user, 2)).await,
            "delete_passkey" => metadata.delete_passkey(user.id, self.passkey).await.map(drop),
            "set_invitation" => metadata.set_invitation(user.id, &[8; 32], at(0), at(100)).await,
            "accept_invitation" => {
                metadata.accept_invitation(&[9; 32], "$argon2id$new", at(1)).await.map(drop)
            }
            "create_session" => metadata.create_session(&session(out.id, 3, 100), None).await.map(drop),
            "confirm_session" => metadata.confirm_session(self.session, at(5), true).await,
            "set_session_site" => metadata.set_session_site(self.session, Some(empty.id)).await,
            "delete_session" => metadata.delete_session(self.session).await.map(drop),
            "delete_sessions_of" => metadata.delete_sessions_of(user.id).await.map(drop),
            "delete_sessions_but" => metadata.delete_sessions_but(user.id, self.session).await.map(drop),
            _ => return None,
        })
    }

    async fn about_storages(&self, verb: &str) -> Option<Result<(), MetadataError>> {
        let Self { metadata, admin, user, storage, grant: shared, link: open, .. } = self;
        Some(match verb {
            "create_storage" => metadata.create_storage(new_storage(admin, "more")).await.map(drop),
            "update_storage_if_same" => {
                let after = Storage { permission: Permission::Read, ..storage.clone() };
                metadata.update_storage_if_same(storage, &after).await
            }
            "set_provider_credentials" => metadata.set_provider_credentials(storage.id, &[7]).await,
            "end_storage" => metadata.end_storage(storage, None, at(9)).await.map(drop),
            "attach_storage" => metadata.attach_storage(storage.id, at(9)).await.map(drop),
            "create_grant" => metadata.create_grant(&grant(storage, user, "new/")).await,
            "update_grant" => {
                let after = StorageGrant { permission: Permission::Write, ..shared.clone() };
                metadata.update_grant(shared, &after).await
            }
            "delete_grant" => metadata.delete_grant(shared.id).await.map(drop),
            "create_link" => metadata.create_link(&link(storage, "new"), &[2; 32], None).await,
            "update_link" => {
                metadata.update_link(open, &Link { name: name("other"), ..open.clone() }, None).await
            }
            "cut_transfer" => metadata.cut_transfer("7").await,
            "end_link" => metadata.end_link(open.id).await.map(drop),
            _ => return None,
        })
    }

    async fn about_sync(&self, verb: &str) -> Option<Result<(), MetadataError>> {
        let Self { metadata, site, plan, run, job: nightly, .. } = self;
        let new = NewSyncPlan {
            id: portcullis_domain::SyncPlanId::generate(),
            site: site.id,
            pair: plan.pair,
            job: None,
            restores: None,
            mode: plan.mode.clone(),
            policy: plan.policy.clone(),
            terms: plan.terms.clone(),
            keep_days: None,
            actor: plan.actor.clone(),
            created: at(9),
        };
        Some(match verb {
            "create_sync_plan" => metadata.create_sync_plan(&new).await.map(drop),
            "choose_in_sync_plan" => {
                metadata.choose_in_sync_plan(site.id, plan.id, 0, "[1]", None).await.map(drop)
            }
            "discard_sync_plan" => metadata.discard_sync_plan(site.id, plan.id).await.map(drop),
            "create_sync_run" => metadata.create_sync_run(&new_run(plan)).await.map(drop),
            "wish_for_sync_run" => {
                metadata.wish_for_sync_run(site.id, run.id, RunWish::Cancel).await.map(drop)
            }
            "create_sync_job" => {
                let id = portcullis_domain::SyncJobId::generate();
                metadata.create_sync_job(&SyncJobRow { id, ..nightly.clone() }).await
            }
            "update_sync_job" => {
                let after = SyncJobRow { enabled: false, ..nightly.clone() };
                metadata.update_sync_job(0, &after).await.map(drop)
            }
            "begin_sync_job" => metadata.begin_sync_job(nightly, &new, None).await.map(drop),
            "delete_sync_job" => metadata.delete_sync_job(site.id, nightly.id).await.map(drop),
            _ => return None,
        })
    }

    async fn about_keys(&self, verb: &str) -> Option<Result<(), MetadataError>> {
        let Self { metadata, storage, key, .. } = self;
        let stored = StoredSecret::Sealed(vec![2]);
        Some(match verb {
            "create_key" => metadata.create_key(&key_for(storage, "new"), &stored).await,
            "update_key_if_same" => {
                metadata.update_key_if_same(key, &Key { name: name("other"), ..key.clone() }).await
            }
            "rotate_key" => {
                let new = NewSecret { credential: CredentialId::from_entropy([3; 16]), login: None, stored };
                metadata.rotate_key(key.id, 0, &new, at(9), at(9)).await
            }
            "set_overlap" => metadata.set_overlap(&self.overlap().await, at(200), at(9)).await,
            "settle_overlap" => metadata.settle_overlap(&self.overlap().await, at(150)).await.map(drop),
            "take_advice" => metadata.take_advice(key, &self.advice()).await,
            "undo_advice" => {
                let narrow = self.advice().after.put_on(key);
                metadata.undo_advice(&narrow, key, self.advice().id, at(12)).await
            }
            "delete_key" => metadata.delete_key(key.id, at(9)).await.map(drop),
            _ => return None,
        })
    }

    fn advice(&self) -> AdviceTaken {
        let Self { key, site, .. } = self;
        let before = Breadth::of(key);
        let after = Breadth { permission: Permission::None, ..before.clone() };
        let (id, actor, taken) = (AdviceId::from_u128(1), "user:ada".to_owned(), at(11));
        let what = "unused".to_owned();
        AdviceTaken { id, site: site.id, key: key.id, what, before, after, actor, taken, undone: None }
    }

    async fn overlap(&self) -> Overlap {
        self.metadata.overlaps(&[self.key.id], at(9)).await.unwrap().remove(0)
    }

    /// What has to be so before this verb has something to change.
    async fn prepare(&self, verb: &str) {
        match verb {
            "attach_storage" => drop(self.metadata.end_storage(&self.storage, None, at(8)).await.unwrap()),
            "undo_advice" => self.metadata.take_advice(&self.key, &self.advice()).await.unwrap(),
            "set_overlap" | "settle_overlap" => {
                let stored = StoredSecret::Sealed(vec![2]);
                let new = NewSecret { credential: CredentialId::from_entropy([3; 16]), login: None, stored };
                self.metadata.rotate_key(self.key.id, 0, &new, at(100), at(8)).await.unwrap();
            }
            _ => {}
        }
    }
}

fn entry(things: &Things, verb: &str) -> AuditEvent {
    AuditEvent {
        site: Some(things.site.id),
        action: verb.to_owned(),
        allowed: true,
        ..crate::audit::event(1, verb)
    }
}

async fn refuse_entries(world: &World, refuse: bool) {
    let sql = match (world.dir.is_some(), refuse) {
        (true, true) => {
            "CREATE TRIGGER no_entries BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END"
        }
        (true, false) => "DROP TRIGGER no_entries",
        (false, true) => {
            "CREATE FUNCTION no_entries() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$; \
             CREATE TRIGGER no_entries BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION no_entries()"
        }
        (false, false) => "DROP TRIGGER no_entries ON audit; DROP FUNCTION no_entries()",
    };
    world.execute(sql).await;
}

async fn entries(things: &Things, verb: &str) -> usize {
    let page = PageRequest::first(100);
    let all = things.metadata.audit(&AuditFilter::default(), &page).await.unwrap();
    all.items.iter().filter(|event| event.action == verb).count()
}

async fn one_verb(world: &World, verb: &str) {
    let things = Things::made(world).await;
    things.prepare(verb).await;
    let before = world.everything().await;
    refuse_entries(world, true).await;
    let refused = things.metadata.recording(vec![entry(&things, verb)], things.call(verb)).await;
    assert!(refused.is_err(), "{verb} happened without its entry");
    assert_eq!(world.everything().await, before, "{verb} changed something and left no entry");
    refuse_entries(world, false).await;
    things.metadata.recording(vec![entry(&things, verb)], things.call(verb)).await.unwrap();
    assert_ne!(world.everything().await, before, "{verb}: the example changes nothing");
    assert_eq!(entries(&things, verb).await, 1, "{verb}");
    things.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_without_its_entry_on_sqlite() {
    for verb in verbs_to_record() {
        on_sqlite(move |world| Box::pin(async move { one_verb(world, &verb).await })).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_without_its_entry_on_postgres() {
    for verb in verbs_to_record() {
        on_postgres(move |world| Box::pin(async move { one_verb(world, &verb).await })).await;
    }
}

/// What finds nothing to change says nothing, and the next entry follows the last one without a gap.
pub(crate) async fn what_changes_nothing_leaves_no_entry(world: &World) {
    let things = Things::made(world).await;
    let Things { metadata, key, group, out, .. } = &things;
    let recorded = async |verb: &str, work: bool| {
        assert!(!work, "{verb} changed something");
        entries(&things, verb).await
    };
    let events = |verb: &str| vec![entry(&things, verb)];
    let not_in_it =
        metadata.recording(events("nobody"), metadata.remove_member(group.id, out.id)).await.unwrap();
    assert_eq!(recorded("nobody", not_in_it).await, 0);
    metadata.delete_key(key.id, at(9)).await.unwrap();
    let gone = metadata.recording(events("gone"), metadata.delete_key(key.id, at(9))).await.unwrap();
    assert_eq!(recorded("gone", gone).await, 0);
    let stale = Key { name: name("stale"), ..key.clone() };
    let stale = metadata.recording(events("stale"), metadata.update_key_if_same(&stale, key)).await;
    assert_eq!(recorded("stale", stale.is_ok()).await, 0);
    // Entries of several trails come with one change, and outside of it nothing waits.
    let both =
        vec![entry(&things, "both"), AuditEvent { site: Some(things.empty.id), ..entry(&things, "both") }];
    let done = metadata.recording(both, metadata.add_member(group.id, out.id)).await.unwrap();
    assert!(done && entries(&things, "both").await == 2);
    assert!(metadata.remove_member(group.id, out.id).await.unwrap());
    assert_eq!(entries(&things, "both").await, 2);
    let head = metadata.audit_head(&things.site.id.to_string()).await.unwrap();
    assert_eq!(head.map(|head| head.seq), Some(1));
}
