//! Sharing with people and groups: what they reach, and what ends when they no longer do.

use portcullis_access::{Get, Principal, Put, SiteAdmin};
use portcullis_control::{
    ControlError, GrantChange, GrantDraft, GrantQuery, GrantRow, GranteeDraft, GroupChange, GroupDraft,
    PageRequest, ScopeDraft, ShareStatus,
};
use portcullis_domain::{GrantId, GroupId, ObjectKey, Role, Storage, StorageId, UserId};

use crate::world::{World, fields, problems};

pub(crate) fn object(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

pub(crate) fn with_user(user: UserId) -> GranteeDraft {
    GranteeDraft::User(user.to_string())
}

pub(crate) fn with_group(group: GroupId) -> GranteeDraft {
    GranteeDraft::Group(group.to_string())
}

fn draft(storage: StorageId, grantee: GranteeDraft, prefix: &str, permission: &str) -> GrantDraft {
    GrantDraft {
        storage: storage.to_string(),
        grantee,
        prefix: Some(prefix.to_owned()),
        permission: permission.to_owned(),
    }
}

fn not_found<T: std::fmt::Debug>(outcome: Result<T, ControlError>) {
    let refused = outcome.unwrap_err();
    assert!(matches!(refused, ControlError::NotFound), "{refused:?}");
}

impl World {
    pub(crate) async fn share(
        &self,
        storage: &Storage,
        grantee: GranteeDraft,
        prefix: &str,
        permission: &str,
    ) -> GrantRow {
        let draft = draft(storage.id, grantee, prefix, permission);
        self.control.create_grant(&self.admin, &draft).await.unwrap()
    }

    pub(crate) async fn group(&self, name: &str) -> GroupId {
        let draft = GroupDraft { name: name.to_owned() };
        self.control.create_group(&self.admin, &draft).await.unwrap().group.id
    }

    pub(crate) async fn member(&self, name: &str) -> (Principal, UserId) {
        let who = self.user(self.admin.site(), name, Role::Member).await;
        let id = who.user_id().unwrap();
        (who, id)
    }

    /// What somebody reaches: `name: prefix permission, …`.
    async fn reach(&self, who: &Principal) -> Vec<String> {
        let own = self.control.own_reach(who, None, &PageRequest::first(100)).await.unwrap();
        let line = |own: portcullis_control::OwnStorage| {
            let mut parts: Vec<_> =
                own.reach.iter().map(|part| format!("{} {}", part.prefix, part.permission)).collect();
            parts.sort();
            format!("{}: {}", own.storage.name, parts.join(", "))
        };
        own.items.into_iter().map(line).collect()
    }

    async fn may_put(&self, who: &Principal, storage: &Storage, key: &str) -> bool {
        match self.access.storage_by_id(who, storage.id).await {
            Ok(at) => at.grant::<Put>(object(key)).is_ok(),
            Err(_) => false,
        }
    }

    async fn may_get(&self, who: &Principal, storage: &Storage, key: &str) -> bool {
        match self.access.storage_by_id(who, storage.id).await {
            Ok(at) => at.grant::<Get>(object(key)).is_ok(),
            Err(_) => false,
        }
    }
}

#[tokio::test]
async fn what_is_shared_is_reached_at_once_and_no_longer_when_it_is_not() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let (bob, id) = world.member("bob").await;
    assert_eq!(world.reach(&bob).await, [""; 0]);
    let reports = world.share(&storage, with_user(id), "reports/", "read").await;
    assert_eq!((reports.grantee_name.as_str(), reports.storage_name.as_str()), ("bob", "files"));
    assert_eq!(world.reach(&bob).await, ["files: reports/ read"]);
    assert!(world.may_get(&bob, &storage, "reports/a").await);
    assert!(!world.may_put(&bob, &storage, "reports/a").await);
    assert!(!world.may_get(&bob, &storage, "other").await);

    let group = world.group("Editors").await;
    world.share(&storage, with_group(group), "drafts/", "read_write").await;
    assert!(!world.may_put(&bob, &storage, "drafts/a").await);
    assert!(world.control.add_to_group(&world.admin, group, id).await.unwrap());
    assert!(!world.control.add_to_group(&world.admin, group, id).await.unwrap(), "he is in it");
    assert_eq!(world.reach(&bob).await, ["files: drafts/ read_write, reports/ read"]);
    assert!(world.may_put(&bob, &storage, "drafts/a").await);

    // His keys follow, within what they are for.
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(id.to_string());
            draft.permission = "read".to_owned();
        })
        .await;
    let key = world.bearer(&key).await.unwrap();
    assert_eq!(world.reach(&key).await, ["files: drafts/ read, reports/ read"]);
    assert!(
        world.may_get(&key, &storage, "drafts/a").await && !world.may_put(&key, &storage, "drafts/a").await
    );

    assert_eq!(world.control.remove_from_group(&world.admin, group, id).await.unwrap(), 0);
    not_found(world.control.remove_from_group(&world.admin, group, id).await);
    assert_eq!(world.reach(&bob).await, ["files: reports/ read"]);
    let write = GrantChange { prefix: Some(String::new()), permission: Some("write".to_owned()) };
    let changed = world.control.update_grant(&world.admin, reports.grant.id, &write).await.unwrap();
    assert_eq!((changed.cut, changed.row.grant.permission.as_str()), (0, "write"));
    assert_eq!(world.reach(&bob).await, ["files:  write"]);
    assert!(
        world.may_put(&bob, &storage, "anywhere").await && !world.may_get(&bob, &storage, "reports/a").await
    );
    world.control.delete_grant(&world.admin, reports.grant.id).await.unwrap();
    assert_eq!(world.reach(&bob).await, [""; 0]);
    assert_eq!(world.reach(&key).await, [""; 0]);
    not_found(world.control.delete_grant(&world.admin, reports.grant.id).await);
}

#[tokio::test]
async fn what_admins_and_keys_reach() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    world.storage("Books").await;
    assert_eq!(world.reach(world.admin.principal()).await, ["files:  read_write", "Books:  read_write"]);
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "write".to_owned();
            draft.prefix = Some("in/".to_owned());
        })
        .await;
    assert_eq!(world.reach(&world.bearer(&key).await.unwrap()).await, ["files: in/ write"]);
    let (mut page, mut seen) = (PageRequest::first(1), Vec::new());
    loop {
        let found = world.control.own_reach(world.admin.principal(), None, &page).await.unwrap();
        seen.extend(found.items.iter().map(|own| own.storage.name.to_string()));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["files", "Books"]);
    let search = world.control.own_reach(world.admin.principal(), Some("BOOK"), &PageRequest::first(9)).await;
    assert_eq!(search.unwrap().items.len(), 1);
}

#[tokio::test]
async fn wrong_fields_and_what_is_of_another_site() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let (_, bob) = world.member("bob").await;
    let group = world.group("Editors").await;
    let eve = world.stranger().await;
    let create = async |draft: GrantDraft| world.control.create_grant(&world.admin, &draft).await;
    let bad = draft(storage.id, with_user(bob), &"x".repeat(2000), "full");
    assert_eq!(fields(create(bad).await), ["prefix", "permission"]);
    for permission in ["none", "everything", ""] {
        assert_eq!(fields(create(draft(storage.id, with_user(bob), "", permission)).await), ["permission"]);
    }
    let nothing = GrantDraft {
        storage: "x".to_owned(),
        grantee: GranteeDraft::Group("y".to_owned()),
        prefix: None,
        permission: "read".to_owned(),
    };
    assert_eq!(fields(create(nothing).await), ["storage", "group"]);
    // What is of another site is as good as none.
    let there = world.admin_in(eve.site()).await;
    let same_name = GroupDraft { name: "Editors".to_owned() };
    let foreign_group = world.control.create_group(&there, &same_name).await.unwrap().group.id;
    let foreign = draft(storage.id, with_user(eve.user().unwrap()), "", "read");
    assert_eq!(fields(world.control.create_grant(&there, &foreign).await), ["storage"]);
    let both = [
        (with_user(eve.user().unwrap()), with_user(UserId::generate())),
        (with_group(foreign_group), with_group(GroupId::generate())),
    ];
    for (foreign, none) in both {
        let foreign = problems(create(draft(storage.id, foreign, "", "read")).await);
        assert_eq!(foreign, problems(create(draft(storage.id, none, "", "read")).await));
    }
    not_found(world.control.add_to_group(&world.admin, group, eve.user().unwrap()).await);
    not_found(world.control.add_to_group(&world.admin, foreign_group, bob).await);
    not_found(world.control.group(&world.admin, foreign_group).await);
    not_found(world.control.members_of_group(&world.admin, foreign_group, &PageRequest::first(1)).await);
    not_found(world.control.delete_group(&world.admin, foreign_group).await);
    let renamed = GroupChange { name: Some("Taken".to_owned()) };
    not_found(world.control.update_group(&world.admin, foreign_group, &renamed).await);
    let own = world.share(&storage, with_user(bob), "", "read").await.grant.id;
    for admin in [&there, &eve] {
        not_found(world.control.grant(admin, own).await);
        not_found(world.control.update_grant(admin, own, &GrantChange::default()).await);
        not_found(world.control.delete_grant(admin, own).await);
        assert!(grants(&world, admin, GrantQuery::default()).await.is_empty());
        let query = GrantQuery { storage: Some(storage.id), ..GrantQuery::default() };
        assert!(grants(&world, admin, query).await.is_empty());
    }
}

async fn grants(world: &World, admin: &SiteAdmin, query: GrantQuery) -> Vec<GrantId> {
    let (mut page, mut seen) = (PageRequest::first(1), Vec::new());
    loop {
        let found = world.control.grants(admin, query.clone(), &page).await.unwrap();
        seen.extend(found.items.iter().map(|row| row.grant.id));
        page.after = found.next;
        if page.after.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn the_same_is_not_shared_twice_and_lists_are_filtered() {
    let world = World::new().await;
    let (files, books) = (world.storage("files").await, world.storage("books").await);
    let (_, bob) = world.member("bob").await;
    let group = world.group("Editors").await;
    let first = world.share(&files, with_user(bob), "", "read").await.grant.id;
    let second = world.share(&files, with_user(bob), "a/", "read").await.grant.id;
    let third = world.share(&books, with_group(group), "", "write").await.grant.id;
    let again =
        world.control.create_grant(&world.admin, &draft(files.id, with_user(bob), "a/", "write")).await;
    assert!(matches!(again, Err(ControlError::Conflict { field: "prefix" })), "{again:?}");
    let onto = GrantChange { prefix: Some(String::new()), permission: None };
    let again = world.control.update_grant(&world.admin, second, &onto).await;
    assert!(matches!(again, Err(ControlError::Conflict { field: "prefix" })), "{again:?}");
    let list = async |query| grants(&world, &world.admin, query).await;
    assert_eq!(list(GrantQuery::default()).await, [first, second, third]);
    assert_eq!(list(GrantQuery { storage: Some(files.id), ..GrantQuery::default() }).await, [first, second]);
    assert_eq!(list(GrantQuery { user: Some(bob), ..GrantQuery::default() }).await, [first, second]);
    assert_eq!(list(GrantQuery { group: Some(group), ..GrantQuery::default() }).await, [third]);
    let seen = world.control.grant(&world.admin, second).await.unwrap().grant;
    let change = GrantChange { prefix: None, permission: Some("write".to_owned()) };
    world.control.update_grant(&world.admin, second, &change).await.unwrap();
    let late = world.control.update_grant_if(&world.admin, second, &onto, |now| *now == seen).await.unwrap();
    assert!(late.is_none());
    assert_eq!(world.control.delete_grant_if(&world.admin, second, |now| *now == seen).await.unwrap(), None);
}

#[tokio::test]
async fn groups() {
    let world = World::new().await;
    let (_, bob) = world.member("bob").await;
    let (_, ada) = world.member("ada").await;
    let editors = world.group("Editors").await;
    world.group("authors").await;
    let create = async |name: &str| {
        world.control.create_group(&world.admin, &GroupDraft { name: name.to_owned() }).await
    };
    assert_eq!(fields(create(" ").await), ["name"]);
    let taken = create("EDITORS").await;
    assert!(matches!(taken, Err(ControlError::Conflict { field: "name" })), "{taken:?}");
    let rename = GroupChange { name: Some("Authors".to_owned()) };
    let taken = world.control.update_group(&world.admin, editors, &rename).await;
    assert!(matches!(taken, Err(ControlError::Conflict { field: "name" })), "{taken:?}");
    for user in [bob, ada] {
        world.control.add_to_group(&world.admin, editors, user).await.unwrap();
    }
    let first = world.control.members_of_group(&world.admin, editors, &PageRequest::first(1)).await.unwrap();
    assert_eq!(first.items[0].username.as_str(), "bob");
    let rest = PageRequest { limit: 1, after: first.next };
    let rest = world.control.members_of_group(&world.admin, editors, &rest).await.unwrap();
    assert_eq!((rest.items[0].username.as_str(), rest.next), ("ada", None));
    let all = world.control.groups(&world.admin, None, &PageRequest::first(9)).await.unwrap();
    let all: Vec<_> = all.items.iter().map(|row| (row.group.name.as_str(), row.members)).collect();
    assert_eq!(all, [("authors", 0), ("Editors", 2)]);
    let found = world.control.groups(&world.admin, Some("DIT"), &PageRequest::first(9)).await.unwrap();
    assert_eq!(found.items.len(), 1);
    let row = world.control.user(&world.admin, bob).await.unwrap();
    assert_eq!(row.groups.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["Editors"]);
    let seen = world.control.group(&world.admin, editors).await.unwrap().group;
    let rename = GroupChange { name: Some("Redaktion".to_owned()) };
    let renamed = world.control.update_group(&world.admin, editors, &rename).await.unwrap();
    assert_eq!((renamed.group.name.as_str(), renamed.members), ("Redaktion", 2));
    let late = world.control.update_group_if(&world.admin, editors, &rename, |now| *now == seen).await;
    assert_eq!(late.unwrap(), None);
    assert_eq!(world.control.delete_group_if(&world.admin, editors, |now| *now == seen).await.unwrap(), None);
    world.control.delete_group(&world.admin, editors).await.unwrap();
    not_found(world.control.group(&world.admin, editors).await);
    assert!(world.control.user(&world.admin, bob).await.unwrap().groups.is_empty());
}

#[tokio::test]
async fn storages_say_whether_they_are_shared() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let other = world.storage("other").await;
    let ((_, bob), (_, ada)) = (world.member("bob").await, world.member("ada").await);
    let status = async || {
        let view = world.control.storage(&world.admin, storage.id).await.unwrap().share;
        let listed = world.control.connections(&world.admin, &Default::default()).await.unwrap();
        let of = |id| listed.rows.iter().find(|row| row.storage.id == id).unwrap().share;
        assert_eq!(of(storage.id), view);
        assert_eq!(of(other.id), ShareStatus::Private);
        view
    };
    assert_eq!(status().await, ShareStatus::Private);
    let group = world.group("Editors").await;
    world.share(&storage, with_group(group), "", "read").await;
    world.share(&storage, with_user(bob), "", "read").await;
    world.share(&storage, with_user(bob), "a/", "write").await;
    assert_eq!(status().await, ShareStatus::Shared { people: 1, links: 0 });
    for user in [bob, ada] {
        world.control.add_to_group(&world.admin, group, user).await.unwrap();
    }
    assert_eq!(status().await, ShareStatus::Shared { people: 2, links: 0 });
    let page =
        world.control.storages(&world.admin, Default::default(), &PageRequest::first(9)).await.unwrap();
    let shared: Vec<_> = page.items.iter().map(|view| view.share.is_shared()).collect();
    assert_eq!(shared, [true, false]);
}
