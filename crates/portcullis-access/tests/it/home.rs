//! What protocols with folders show at their top.

use portcullis_access::{Home, Principal, StorageAccess};
use portcullis_domain::{Channel, Key, KeyPrefix, Permission, Role, Scope, Storage, User};

use crate::channel_keys::login;
use crate::world::{Holder, World, origin, put};

impl World {
    async fn door(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> (Holder, Principal) {
        let holder = self
            .key(storage, |key| {
                key.channel = Channel::Http;
                change(key);
            })
            .await;
        let name = holder.key.user_name();
        let who = self.access.authenticate_password(origin(Channel::Http), name, &holder.secret).await;
        (holder, who.unwrap())
    }

    async fn places(&self, who: &Principal, storage: &Storage) -> Vec<String> {
        let at: StorageAccess = self.access.storage_by_id(who, storage.id).await.unwrap();
        at.places().iter().map(|prefix| prefix.as_str().to_owned()).collect()
    }

    async fn member(&self, name: &str) -> User {
        self.person(self.admin.site(), name, Role::Member).await
    }
}

fn prefix(text: &str) -> KeyPrefix {
    KeyPrefix::parse(text).unwrap()
}

#[tokio::test]
async fn a_key_for_one_storage_has_it_or_its_folder_at_the_top() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    for folder in ["", "team/", "team/a"] {
        let (holder, who) =
            world.door(&storage, |key| (key.prefix, key.login) = (prefix(folder), None)).await;
        match world.access.home(&who).unwrap() {
            Home::Storage(found, own) => assert_eq!((found.id, own.as_str()), (storage.id, folder)),
            Home::Storages => panic!("a key for one storage"),
        }
        assert_eq!(world.places(&who, &storage).await, [folder]);
        world.delete(&holder).await;
        assert!(world.access.still(&who).is_err());
    }
    let (holder, who) = world.door(&storage, |key| key.login = login("office")).await;
    assert!(matches!(world.access.home(&who), Ok(Home::Storage(..))));
    let paused = world.change(&holder, |key| key.permission = Permission::None).await;
    assert_eq!(paused, 0);
    assert!(matches!(world.access.home(&who), Ok(Home::Storage(..))));
    assert!(world.access.storage_by_id(&who, storage.id).await.is_err(), "the top is no right to enter");
}

#[tokio::test]
async fn keys_of_people_have_the_storages_that_reach_them_and_places_in_those() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let hidden = world.storage(|new| new.label = portcullis_domain::Label::parse("hidden").unwrap()).await;
    let ada = world.member("ada").await;
    let of_ada = |key: &mut Key| key.scope = Scope::User(ada.id);
    let (_, who) = world.door(&storage, of_ada).await;
    assert!(matches!(world.access.home(&who), Ok(Home::Storages)));
    assert_eq!(world.access.visible_storages(&who).unwrap().len(), 0);
    for (folder, permission) in [
        ("team/", Permission::Read),
        ("team/inner/", Permission::ReadWrite),
        ("zoo/", Permission::Write),
        ("box", Permission::Read),
    ] {
        world.share(&storage, &ada, folder, permission).await;
    }
    let visible = world.access.visible_storages(&who).unwrap();
    assert_eq!(visible.iter().map(|found| found.id).collect::<Vec<_>>(), [storage.id]);
    assert!(world.access.storage_by_id(&who, hidden.id).await.is_err());
    assert_eq!(world.places(&who, &storage).await, ["box", "team/", "zoo/"], "none within another");
    let whole = world.share(&storage, &ada, "", Permission::Read).await;
    assert_eq!(world.places(&who, &storage).await, [""]);
    assert_eq!(whole.storage, storage.id);

    // Their session on the panel and an admin's key have them too; those of admins are all of each.
    let signed_in = world.sign_in("ada").await;
    assert!(matches!(world.access.home(&signed_in), Ok(Home::Storages)));
    assert_eq!(world.places(&signed_in, &storage).await, [""]);
    let admin = world.admin.user().unwrap();
    let (_, admins) = world.door(&storage, |key| key.scope = Scope::User(admin)).await;
    assert_eq!(world.access.visible_storages(&admins).unwrap().len(), 2);
    assert_eq!(world.places(&admins, &hidden).await, [""]);
    let at = world.access.storage_by_id(&admins, hidden.id).await.unwrap();
    put(&at, "a", "b").await;
}
