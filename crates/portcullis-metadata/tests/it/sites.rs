//! Sites below sites: names, rules, who owns what, deletion, and records that were changed meanwhile.

use portcullis_domain::{Key, Role, SecondFactorRule, Site, SiteId, SiteRules, Storage, User, UserState};
use portcullis_metadata::{ChangeKind, Metadata, MetadataErrorKind, NewStorage, NewUser, StoredSecret};

use crate::world::{World, at, key_for, name, new_storage, new_user, session, site};

pub(crate) fn below(parent: &Site, display_name: &str) -> Site {
    Site { parent: Some(parent.id), ..site(display_name) }
}

pub(crate) async fn rules_and_names(world: &World) {
    let (metadata, main, _) = world.home().await;
    let strict = SiteRules {
        members_make_keys: false,
        longest_key_days: Some(90),
        keys_need_networks: true,
        idle_key_days: Some(u16::MAX),
        second_factor: SecondFactorRule::Everybody,
        data_events: portcullis_domain::DataEvents::None,
    };
    let child = Site { rules: strict, ..below(&main, "Büro") };
    metadata.create_site(&child).await.unwrap();
    assert_eq!(metadata.site(child.id).await.unwrap(), Some(child.clone()));
    let twin = below(&main, "BÜRO");
    let error = metadata.create_site(&twin).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("name"));
    assert_eq!(error.to_string(), "cannot create a site: another record has the same name");
    // The same name elsewhere in the tree is another one's.
    metadata.create_site(&below(&child, "Büro")).await.unwrap();
    let other = below(&main, "other");
    metadata.create_site(&other).await.unwrap();

    let seen = metadata.latest_change().await.unwrap();
    let after = Site { name: name("Office"), rules: SiteRules::OPEN, ..child.clone() };
    metadata.update_site(&child, &after).await.unwrap();
    assert_eq!(metadata.site(child.id).await.unwrap(), Some(after.clone()));
    let changes = metadata.changes_after(seen, 10).await.unwrap();
    assert_eq!(
        (changes.len(), changes[0].kind, &changes[0].id),
        (1, ChangeKind::Site, &child.id.to_string())
    );
    assert_eq!(
        metadata.update_site(&child, &after).await.unwrap_err().kind,
        MetadataErrorKind::Stale,
        "somebody else read it before the change"
    );
    let taken = Site { name: name("OFFICE"), ..other.clone() };
    assert_eq!(
        metadata.update_site(&other, &taken).await.unwrap_err().kind,
        MetadataErrorKind::Conflict("name")
    );
    let unknown = site("unknown");
    assert_eq!(metadata.update_site(&unknown, &unknown).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.latest_change().await.unwrap(), seen + 1, "what was refused is not in the feed");
}

pub(crate) async fn a_site_in_use_stays(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let kind = async |id| metadata.delete_site(id).await.unwrap_err().kind;
    let used = MetadataErrorKind::Conflict("in_use");
    assert_eq!(kind(main.id).await, used);
    assert_eq!(kind(SiteId::generate()).await, MetadataErrorKind::NotFound);
    // A site with nothing but a storage of those above.
    let storage = NewStorage { site: child.id, ..new_storage(&admin, "files") };
    let storage = metadata.create_storage(storage).await.unwrap();
    assert_eq!(kind(child.id).await, used);
    let key = Key { site: child.id, ..key_for(&storage, "key") };
    metadata.create_key(&key, &StoredSecret::None).await.unwrap();

    let empty = below(&main, "empty");
    metadata.create_site(&empty).await.unwrap();
    let mut visit = session(admin.id, 1, 100);
    visit.site = Some(empty.id);
    let at_home = session(admin.id, 2, 100);
    for session in [&visit, &at_home] {
        assert!(metadata.create_session(session, None).await.unwrap());
    }
    let seen = metadata.latest_change().await.unwrap();
    metadata.delete_site(empty.id).await.unwrap();
    assert_eq!(metadata.site(empty.id).await.unwrap(), None);
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), [at_home]);
    let changes: Vec<_> = metadata.changes_after(seen, 10).await.unwrap();
    let changes: Vec<_> = changes.into_iter().map(|change| (change.kind, change.id)).collect();
    let expected = [(ChangeKind::Session, visit.id.to_string()), (ChangeKind::Site, empty.id.to_string())];
    assert_eq!(changes, expected);
    assert_eq!(kind(empty.id).await, MetadataErrorKind::NotFound);
}

/// Admins of sites above own storages; nobody else does, and nobody who does not exist.
pub(crate) async fn storages_are_owned_from_above(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let (child, cousin) = (below(&main, "child"), below(&main, "cousin"));
    let grandchild = below(&child, "grandchild");
    for site in [&child, &cousin, &grandchild] {
        metadata.create_site(site).await.unwrap();
    }
    let in_child = metadata.create_user(new_user(child.id, "in-child")).await.unwrap();
    let in_cousin = metadata.create_user(new_user(cousin.id, "in-cousin")).await.unwrap();
    let made = async |owner: &User, site: &Site| {
        metadata.create_storage(NewStorage { site: site.id, ..new_storage(owner, "files") }).await
    };
    for owner in [&admin, &in_child] {
        let storage = made(owner, &grandchild).await.unwrap();
        assert_eq!((storage.site, storage.owner), (grandchild.id, owner.id));
        assert!(storage.bucket.as_str().starts_with(&format!("usr-{}-", owner.number)));
        assert_eq!(metadata.storage(storage.id).await.unwrap(), Some(storage));
    }
    for (owner, site) in [(&in_cousin, &grandchild), (&in_child, &main), (&in_child, &cousin)] {
        assert_eq!(made(owner, site).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    }
    let nobody = User { id: portcullis_domain::UserId::generate(), ..admin.clone() };
    assert_eq!(made(&nobody, &main).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    owners_must_exist(world, &metadata).await;
}

/// The constraint itself, past [`Metadata`]: an owner of whatever site, but one that exists.
pub(crate) async fn owners_must_exist(world: &World, metadata: &Metadata) {
    let owned = "SELECT COUNT(*) FROM storages s JOIN users u ON u.id = s.owner_id";
    let all = metadata.all_storages().await.unwrap().len();
    assert_eq!(world.numbers(owned).await, [i64::try_from(all).unwrap()]);
    let copied = |number: u32, site: &str, owner: &str| {
        let rest = "name, label, connection_id, folded, provider, region, path_style, permission, networks, \
                    s3_access, state, created_us";
        format!(
            "INSERT INTO storages (id, bucket, number, site_id, owner_id, {rest}) \
             SELECT '{number}', '{number}', {number}, {site}, {owner}, {rest} FROM storages WHERE number = 1"
        )
    };
    let nobody = "'00000000-0000-7000-8000-000000000000'";
    assert!(world.refuses(&copied(901, nobody, "owner_id")).await, "a site that does not exist");
    assert!(world.refuses(&copied(902, "site_id", nobody)).await, "an owner who does not exist");
    assert!(world.refuses("DELETE FROM users WHERE id IN (SELECT owner_id FROM storages)").await);
    let elsewhere = site("elsewhere");
    metadata.create_site(&elsewhere).await.unwrap();
    let stranger = metadata.create_user(new_user(elsewhere.id, "stranger")).await.unwrap();
    let moved = format!("UPDATE storages SET owner_id = '{}' WHERE number = 1", stranger.id);
    assert!(!world.refuses(&moved).await, "an owner of another site");
    let kept = "SELECT u.number FROM storages s JOIN users u ON u.id = s.owner_id WHERE s.number = 1";
    assert_eq!(world.numbers(kept).await, [i64::from(stranger.number)]);
    if world.dir.is_some() {
        assert_eq!(world.numbers("SELECT COUNT(*) FROM pragma_foreign_key_check").await, [0]);
        let keys = "SELECT COUNT(*) FROM pragma_foreign_key_list('storages')";
        assert_eq!(world.numbers(keys).await, [2], "the site and the owner, each for itself");
    }
}

pub(crate) async fn what_changed_meanwhile_is_stale(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "key");
    metadata.create_key(&key, &StoredSecret::None).await.unwrap();
    let renamed = Storage { name: name("photos"), ..storage.clone() };
    let changed = Key { name: name("changed"), ..key.clone() };
    metadata.update_storage_if_same(&storage, &renamed).await.unwrap();
    metadata.update_key_if_same(&key, &changed).await.unwrap();
    assert_eq!(metadata.storage(storage.id).await.unwrap(), Some(renamed.clone()));
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(changed.clone()));
    let seen = metadata.latest_change().await.unwrap();
    let error = metadata.update_storage_if_same(&storage, &renamed).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    assert_eq!(error.to_string(), "cannot change a storage: the record was changed meanwhile; read it again");
    assert!(!error.is_retryable());
    let error = metadata.update_key_if_same(&key, &changed).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    metadata.delete_key(key.id, at(9)).await.unwrap();
    let error = metadata.update_key_if_same(&changed, &key).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.latest_change().await.unwrap(), seen + 1);

    // Of two who read the same and change it at once, one is told.
    let nodes = [metadata.clone(), world.open().await];
    let made = (0..8).map(|n| {
        let after = Storage { name: name(&format!("name {n}")), ..renamed.clone() };
        let (node, before) = (&nodes[n % 2], &renamed);
        async move { node.update_storage_if_same(before, &after).await.is_ok() }
    });
    let won = futures_util::future::join_all(made).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let demoted = User { role: Role::Member, ..admin.clone() };
    let refused = metadata.update_user(&admin, &demoted).await.unwrap_err();
    assert_eq!(refused.kind, MetadataErrorKind::Conflict("last_admin"));
    assert_eq!(refused.to_string(), "cannot change a user: nobody would be left to run the site");
    let second = metadata.create_user(new_user(main.id, "second")).await.unwrap();
    let disabled = User { state: UserState::Disabled, ..second.clone() };
    let both = tokio::join!(nodes[0].update_user(&admin, &demoted), nodes[1].update_user(&second, &disabled));
    assert!(both.0.is_ok() != both.1.is_ok(), "two admins who remove each other: {both:?}");
    assert_eq!(metadata.count_active_admins(main.id).await.unwrap(), 1);
    // Below another site nobody need be left: those above run it.
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let only = metadata.create_user(new_user(child.id, "only")).await.unwrap();
    metadata.update_user(&only, &User { role: Role::Member, ..only.clone() }).await.unwrap();
    assert_eq!(metadata.count_active_admins(child.id).await.unwrap(), 0);
    let gone = NewUser { state: UserState::Disabled, ..new_user(child.id, "gone") };
    let gone = metadata.create_user(gone).await.unwrap();
    assert_eq!(metadata.user(gone.id).await.unwrap().unwrap().state, UserState::Disabled);
    let error = metadata.update_user(&only, &only).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
}

pub(crate) async fn what_is_in_them(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let holdings = async || {
        let all = metadata.site_holdings().await.unwrap();
        all.into_iter().map(|held| (held.site, held.users, held.storages, held.keys)).collect::<Vec<_>>()
    };
    assert_eq!(holdings().await, [(main.id, 1, 0, 0), (child.id, 0, 0, 0)]);
    let storage = metadata.create_storage(new_storage(&admin, "one")).await.unwrap();
    metadata.create_user(new_user(child.id, "eve")).await.unwrap();
    let key = key_for(&storage, "a key");
    metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
    assert_eq!(holdings().await, [(main.id, 1, 1, 1), (child.id, 1, 0, 0)]);
    metadata.delete_key(key.id, at(9)).await.unwrap();
    let detached = Storage { state: portcullis_domain::StorageState::Detached, ..storage.clone() };
    metadata.update_storage_if_same(&storage, &detached).await.unwrap();
    assert_eq!(holdings().await, [(main.id, 1, 0, 0), (child.id, 1, 0, 0)]);
}
