//! Accounts of another system that become sites, all of them or none.

use portcullis_domain::{
    Channel, DisplayName, Key, KeyId, KeyState, LoginName, NetworkEntry, Networks, Scope, Site, SiteId,
    StorageId, User,
};
use portcullis_metadata::{
    ImportedAccount, ImportedKey, Metadata, MetadataErrorKind, NewAccount, NewStorage, StoredSecret,
};

use crate::world::{World, at, key_for, new_storage, site};

/// An account below a site with these keys.
pub(crate) fn account(admin: &User, above: SiteId, id: &str, logins: &[Option<&str>]) -> NewAccount {
    let own = Site { id: SiteId::generate(), parent: Some(above), ..site(&format!("site of {id}")) };
    let storage = NewStorage {
        id: StorageId::generate(),
        site: own.id,
        ..new_storage(admin, &format!("files of {id}"))
    };
    let logins = logins.iter().map(|login| login.map(|login| LoginName::parse(login).unwrap()));
    let imported: Vec<_> = logins
        .zip([Channel::Ftp, Channel::WebService])
        .map(|(login, channel)| ImportedKey {
            id: KeyId::generate(),
            channel,
            chosen: login.is_some(),
            login,
        })
        .collect();
    let keys = imported.iter().map(|key| (record(&own, storage.id, key), StoredSecret::Hash([7; 32])));
    let keys = keys.collect();
    let account = ImportedAccount {
        into: admin.site,
        account: id.to_owned(),
        parent: (above != admin.site).then(|| "1".to_owned()),
        site: own.id,
        storage: storage.id,
        name: own.name.clone(),
        storage_name: storage.name.clone(),
        created: at(5),
        networks: Networks::new(vec![NetworkEntry::parse("192.0.2.0/24", "the office").unwrap()]).unwrap(),
        expires: Some(at(900)),
        keys: imported,
        import: "0123456789abcdef".to_owned(),
        imported: at(20),
    };
    NewAccount { account, site: own, storage, keys }
}

fn record(own: &Site, storage: StorageId, key: &ImportedKey) -> Key {
    // Of which only the shape is taken.
    let shape = portcullis_domain::Storage {
        id: storage,
        site: own.id,
        owner: portcullis_domain::UserId::generate(),
        number: 1,
        name: DisplayName::parse("files").unwrap(),
        label: portcullis_domain::Label::parse("files").unwrap(),
        bucket: "usr-00001-itm-00001-files".parse().unwrap(),
        connection: portcullis_domain::Connection::builtin("us-east-1".to_owned()),
        permission: portcullis_domain::Permission::ReadWrite,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        state: portcullis_domain::StorageState::Active,
        created: at(20),
        paused_until: None,
        trial: None,
    };
    Key { id: key.id, channel: key.channel, login: key.login.clone(), ..key_for(&shape, "imported") }
}

async fn refused(metadata: &Metadata, accounts: Vec<NewAccount>) -> MetadataErrorKind {
    metadata.import_accounts(accounts).await.unwrap_err().kind
}

pub(crate) async fn accounts_round_trip(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let before = metadata.latest_change().await.unwrap();
    let first = account(&admin, main.id, "1", &[Some("north"), None]);
    let second = account(&admin, first.site.id, "2", &[]);
    let storages = metadata.import_accounts(vec![first.clone(), second.clone()]).await.unwrap();
    assert_eq!(storages.iter().map(|storage| storage.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(storages[1].bucket.as_str(), "usr-10001-itm-00002-files-of-2");
    for (new, storage) in [&first, &second].into_iter().zip(&storages) {
        assert_eq!(metadata.site(new.site.id).await.unwrap().as_ref(), Some(&new.site));
        assert_eq!(metadata.storage(new.storage.id).await.unwrap().as_ref(), Some(storage));
        assert_eq!((storage.site, storage.owner), (new.site.id, admin.id));
        for (key, secret) in &new.keys {
            let found = metadata.key_with_secret(key.id).await.unwrap();
            assert_eq!(found, Some((key.clone(), secret.clone())));
        }
    }
    let noted = metadata.imported_accounts(main.id).await.unwrap();
    assert_eq!(noted, [first.account.clone(), second.account.clone()]);
    assert_eq!(metadata.imported_accounts(first.site.id).await.unwrap(), []);
    let changes = metadata.changes_after(before, 100).await.unwrap();
    assert_eq!(changes.len(), 6, "two sites, two storages and two keys");
    assert!(changes.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
    // The next storage of anybody has the next number.
    let next = metadata.create_storage(new_storage(&admin, "more")).await.unwrap();
    assert_eq!(next.number, 3);
    assert_eq!(metadata.import_accounts(Vec::new()).await.unwrap(), []);
}

pub(crate) async fn all_or_none(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let there = account(&admin, main.id, "1", &[Some("north"), None]);
    metadata.import_accounts(vec![there.clone()]).await.unwrap();
    let before = (world.everything().await, metadata.latest_change().await.unwrap());
    let good = || account(&admin, main.id, "10", &[Some("east"), Some("east")]);
    let again = account(&admin, main.id, "1", &[]);
    let again =
        NewAccount { site: Site { name: DisplayName::parse("other").unwrap(), ..again.site }, ..again };
    assert_eq!(refused(&metadata, vec![good(), again]).await, MetadataErrorKind::Conflict("account"));
    let mut named = account(&admin, main.id, "11", &[]);
    named.site.name = DisplayName::parse("SITE OF 1").unwrap();
    assert_eq!(refused(&metadata, vec![good(), named]).await, MetadataErrorKind::Conflict("name"));
    let taken = account(&admin, main.id, "12", &[Some("north")]);
    assert_eq!(refused(&metadata, vec![good(), taken]).await, MetadataErrorKind::Conflict("login"));
    let lost = account(&admin, SiteId::generate(), "13", &[]);
    assert_eq!(refused(&metadata, vec![good(), lost]).await, MetadataErrorKind::NotFound);
    let mut elsewhere = account(&admin, main.id, "14", &[]);
    elsewhere.storage.site = main.id;
    assert_eq!(refused(&metadata, vec![good(), elsewhere]).await, MetadataErrorKind::NotFound);
    let nobody = User { id: portcullis_domain::UserId::generate(), ..admin.clone() };
    let ownerless = account(&nobody, main.id, "15", &[]);
    assert_eq!(refused(&metadata, vec![ownerless]).await, MetadataErrorKind::NotFound);
    assert_eq!((world.everything().await, metadata.latest_change().await.unwrap()), before);
    metadata.import_accounts(vec![good()]).await.unwrap();
}

pub(crate) async fn user_names_that_are_taken(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let new = account(&admin, main.id, "1", &[Some("north"), Some("north")]);
    let ftp = new.keys[0].0.id;
    metadata.import_accounts(vec![new]).await.unwrap();
    let names: Vec<_> = ["north", "south"].iter().map(|name| LoginName::parse(name).unwrap()).collect();
    let taken = metadata.taken_logins(&names, at(30)).await.unwrap();
    let north = |channel| (channel, names[0].clone());
    assert_eq!(taken, [north(Channel::Ftp), north(Channel::WebService)].into());
    assert_eq!(metadata.taken_logins(&[], at(30)).await.unwrap(), [].into());
    // Given another name, with the old one beside it for a while.
    let key = metadata.key(ftp).await.unwrap().unwrap();
    let new = portcullis_metadata::NewSecret {
        credential: portcullis_domain::CredentialId::from_entropy([9; 16]),
        login: None,
        stored: StoredSecret::Hash([8; 32]),
    };
    metadata.rotate_key(ftp, key.generation, &new, at(100), at(40)).await.unwrap();
    assert!(metadata.taken_logins(&names, at(50)).await.unwrap().contains(&north(Channel::Ftp)));
    assert!(!metadata.taken_logins(&names, at(100)).await.unwrap().contains(&north(Channel::Ftp)));
    let late = Key { created: at(50), ..account(&admin, main.id, "2", &[Some("north")]).keys[0].0.clone() };
    let late = Key { site: main.id, scope: Scope::Site, state: KeyState::Active, ..late };
    let made = metadata.create_key(&late, &StoredSecret::Hash([6; 32])).await;
    assert_eq!(made.unwrap_err().kind, MetadataErrorKind::Conflict("login"));
}

/// More than one statement takes.
pub(crate) async fn many_at_once(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let before = metadata.latest_change().await.unwrap();
    let accounts: Vec<_> =
        (0..1_100).map(|n| account(&admin, main.id, &format!("{n:04}"), &[None])).collect();
    let keys: Vec<_> = accounts.iter().map(|new| new.keys[0].0.id).collect();
    let storages = metadata.import_accounts(accounts).await.unwrap();
    assert!(storages.iter().zip(1u32..).all(|(storage, number)| storage.number == number));
    assert_eq!(metadata.imported_accounts(main.id).await.unwrap().len(), 1_100);
    assert_eq!(metadata.all_keys().await.unwrap().len(), keys.len());
    assert_eq!(metadata.latest_change().await.unwrap() - before, 3 * 1_100);
}
