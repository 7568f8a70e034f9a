//! Groups, grants and what they come to.

use std::collections::BTreeSet;

use portcullis_domain::{
    GrantId, Grantee, Group, GroupId, KeyPrefix, Permission, Reach, Role, Site, Storage, StorageGrant,
    StorageId, User, UserId,
};
use portcullis_metadata::{
    ChangeKind, GrantFilter, Metadata, MetadataErrorKind, NewUser, PageRequest, ShareCount,
};

use crate::sites::below;
use crate::world::{World, at, name, new_storage, new_user};

pub(crate) fn group(site: &Site, text: &str) -> Group {
    Group { id: GroupId::generate(), site: site.id, name: name(text), created: at(4) }
}

fn grant(storage: &Storage, grantee: Grantee, prefix: &str, permission: Permission) -> StorageGrant {
    StorageGrant {
        id: GrantId::generate(),
        site: storage.site,
        storage: storage.id,
        grantee,
        prefix: KeyPrefix::parse(prefix).unwrap(),
        permission,
        created: at(5),
    }
}

async fn member(metadata: &Metadata, site: &Site, username: &str) -> User {
    let new = NewUser { role: Role::Member, ..new_user(site.id, username) };
    metadata.create_user(new).await.unwrap()
}

/// The users in the feed after a number, each once; everything in it must be of users.
async fn noted(metadata: &Metadata, seen: i64) -> BTreeSet<UserId> {
    let changes = metadata.changes_after(seen, 100).await.unwrap();
    assert!(changes.iter().all(|change| change.kind == ChangeKind::User), "{changes:?}");
    changes.iter().map(|change| change.id.parse().unwrap()).collect()
}

pub(crate) async fn groups_and_their_members(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let (ada, ben) = (member(&metadata, &main, "ada").await, member(&metadata, &main, "ben").await);
    let team = group(&main, "Büro & Söhne");
    metadata.create_group(&team).await.unwrap();
    assert_eq!(metadata.group(team.id).await.unwrap(), Some(team.clone()));
    assert_eq!(metadata.group_named(main.id, " BÜRO & söhne").await.unwrap(), Some(team.clone()));
    assert_eq!(metadata.group_named(main.id, "Büro").await.unwrap(), None);
    let error = metadata.create_group(&group(&main, "büro & SÖHNE")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("name"));

    let seen = metadata.latest_change().await.unwrap();
    assert!(metadata.add_member(team.id, ada.id).await.unwrap());
    assert!(!metadata.add_member(team.id, ada.id).await.unwrap());
    assert!(metadata.add_member(team.id, ben.id).await.unwrap());
    assert_eq!(noted(&metadata, seen).await, BTreeSet::from([ada.id, ben.id]));
    assert_eq!(metadata.latest_change().await.unwrap(), seen + 2);
    assert_eq!(metadata.members_of(team.id).await.unwrap(), [ada.clone(), ben.clone()]);
    for (group, user) in [(GroupId::generate(), ada.id), (team.id, UserId::generate())] {
        let error = metadata.add_member(group, user).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::NotFound);
    }
    assert!(!metadata.remove_member(team.id, admin.id).await.unwrap());
    assert!(metadata.remove_member(team.id, ben.id).await.unwrap());
    assert_eq!(metadata.members_of(team.id).await.unwrap(), std::slice::from_ref(&ada));

    let renamed = Group { name: name("team"), ..team.clone() };
    metadata.update_group(&team, &renamed).await.unwrap();
    assert_eq!(metadata.group(team.id).await.unwrap(), Some(renamed.clone()));
    let error = metadata.update_group(&team, &renamed).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Stale);
    for text in ["a", "B", "ü%", "c_d"] {
        metadata.create_group(&group(&main, text)).await.unwrap();
    }
    let taken = Group { name: name("A"), ..renamed.clone() };
    let error = metadata.update_group(&renamed, &taken).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("name"));
    let (mut names, mut page) = (Vec::new(), PageRequest::first(2));
    loop {
        let found = metadata.groups_page(main.id, None, &page).await.unwrap();
        names.extend(found.items.into_iter().map(|row| (row.group.name.to_string(), row.members)));
        let Some(next) = found.next else { break };
        page.after = Some(next);
    }
    let names: Vec<(&str, u32)> = names.iter().map(|(name, members)| (name.as_str(), *members)).collect();
    assert_eq!(names, [("a", 0), ("B", 0), ("c_d", 0), ("team", 1), ("ü%", 0)]);
    let found = metadata.groups_page(main.id, Some("Ü%"), &PageRequest::first(9)).await.unwrap();
    assert_eq!((found.items.len(), found.items[0].group.name.as_str()), (1, "ü%"));

    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let shared = grant(&storage, Grantee::Group(team.id), "", Permission::Read);
    metadata.create_grant(&shared).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    assert_eq!(metadata.delete_group(team.id).await.unwrap(), [ada.id]);
    assert_eq!(noted(&metadata, seen).await, BTreeSet::from([ada.id]));
    assert_eq!(metadata.grant(shared.id).await.unwrap(), None);
    assert_eq!(metadata.reach_of(ada.id).await.unwrap(), []);
    assert_eq!(metadata.delete_group(team.id).await.unwrap_err().kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn what_grants_come_to(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let (ada, ben) = (member(&metadata, &main, "ada").await, member(&metadata, &main, "ben").await);
    let team = group(&main, "team");
    metadata.create_group(&team).await.unwrap();
    for user in [&ada, &ben] {
        metadata.add_member(team.id, user.id).await.unwrap();
    }
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let other = metadata.create_storage(new_storage(&admin, "other")).await.unwrap();
    let own = grant(&storage, Grantee::User(ada.id), "in/", Permission::ReadWrite);
    let ours = grant(&storage, Grantee::Group(team.id), "", Permission::Read);
    let seen = metadata.latest_change().await.unwrap();
    metadata.create_grant(&own).await.unwrap();
    assert_eq!(noted(&metadata, seen).await, BTreeSet::from([ada.id]));
    metadata.create_grant(&ours).await.unwrap();
    assert_eq!(noted(&metadata, seen + 1).await, BTreeSet::from([ada.id, ben.id]));
    let again = StorageGrant { id: GrantId::generate(), permission: Permission::Write, ..own.clone() };
    let error = metadata.create_grant(&again).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("prefix"));

    let reach = |storage: &Storage, prefix: &str, permission| Reach {
        storage: storage.id,
        prefix: KeyPrefix::parse(prefix).unwrap(),
        permission,
    };
    let (narrow, wide) = (reach(&storage, "in/", own.permission), reach(&storage, "", ours.permission));
    assert_eq!(metadata.reach_of(ada.id).await.unwrap(), [narrow.clone(), wide.clone()]);
    assert_eq!(metadata.reach_of(ben.id).await.unwrap(), std::slice::from_ref(&wide));
    assert_eq!(metadata.reach_of(admin.id).await.unwrap(), []);
    let all = [(ada.id, narrow), (ada.id, wide.clone()), (ben.id, wide.clone())];
    assert_eq!(metadata.all_reach().await.unwrap(), all);
    assert_eq!(metadata.grantees(&ours.grantee).await.unwrap(), [ada.id, ben.id]);
    assert_eq!(metadata.grantees(&own.grantee).await.unwrap(), [ada.id]);
    let counts = metadata.share_counts(&[storage.id, other.id, StorageId::generate()], at(0)).await.unwrap();
    assert_eq!(counts, [ShareCount { storage: storage.id, people: 2, links: 0 }]);

    let page = metadata.grants_page(&GrantFilter::of(main.id), &PageRequest::first(1)).await.unwrap();
    assert_eq!((&page.items[0].grant, page.items[0].grantee_name.as_str()), (&own, "ada"));
    let rest = PageRequest { limit: 5, after: page.next };
    let page = metadata.grants_page(&GrantFilter::of(main.id), &rest).await.unwrap();
    assert_eq!((&page.items[0].grant, page.items[0].grantee_name.as_str()), (&ours, "team"));
    assert_eq!((page.items.len(), page.next, page.items[0].storage_name.as_str()), (1, None, "files"));
    let found = async |filter: GrantFilter| {
        let page = metadata.grants_page(&filter, &PageRequest::first(9)).await.unwrap();
        page.items.into_iter().map(|row| row.grant.id).collect::<Vec<_>>()
    };
    let of = GrantFilter::of(main.id);
    assert_eq!(found(GrantFilter { user: Some(ada.id), ..of }).await, [own.id]);
    assert_eq!(found(GrantFilter { group: Some(team.id), ..of }).await, [ours.id]);
    assert_eq!(found(GrantFilter { storage: Some(other.id), ..of }).await, []);

    let wider = StorageGrant { permission: Permission::ReadWrite, ..ours.clone() };
    let seen = metadata.latest_change().await.unwrap();
    metadata.update_grant(&ours, &wider).await.unwrap();
    assert_eq!(noted(&metadata, seen).await, BTreeSet::from([ada.id, ben.id]));
    assert_eq!(metadata.grant(ours.id).await.unwrap(), Some(wider.clone()));
    assert_eq!(metadata.update_grant(&ours, &wider).await.unwrap_err().kind, MetadataErrorKind::Stale);
    // Who leaves the group loses what it had; who was given it alone keeps that.
    metadata.remove_member(team.id, ada.id).await.unwrap();
    assert_eq!(metadata.reach_of(ada.id).await.unwrap().len(), 1);
    let seen = metadata.latest_change().await.unwrap();
    assert!(metadata.delete_grant(own.id).await.unwrap());
    assert!(!metadata.delete_grant(own.id).await.unwrap());
    assert_eq!(noted(&metadata, seen).await, BTreeSet::from([ada.id]));
    let error = metadata.update_grant(&own, &own).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
}

/// Neither a group nor a grant nor a link crosses from one site to another, whatever a caller hands in.
pub(crate) async fn nothing_shared_crosses_sites(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let ours = member(&metadata, &main, "ours").await;
    let theirs = member(&metadata, &child, "theirs").await;
    let (here, there) = (group(&main, "team"), group(&child, "team"));
    for group in [&here, &there] {
        metadata.create_group(group).await.unwrap();
    }
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    for (group, user) in [(&here, &theirs), (&there, &ours), (&there, &admin)] {
        let error = metadata.add_member(group.id, user.id).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::NotFound);
    }
    for (site, grantee) in [
        (main.id, Grantee::User(theirs.id)),
        (main.id, Grantee::Group(there.id)),
        (child.id, Grantee::User(theirs.id)),
        (child.id, Grantee::User(ours.id)),
    ] {
        let across = StorageGrant { site, ..grant(&storage, grantee, "", Permission::Read) };
        let error = metadata.create_grant(&across).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::NotFound, "{across:?}");
    }
    let sql = format!("INSERT INTO group_members VALUES ('{}', '{}', '{}')", child.id, here.id, theirs.id);
    assert!(world.refuses(&sql).await, "not even past the verbs");
    assert_eq!(metadata.latest_change().await.unwrap(), seen);
    assert_eq!(metadata.all_reach().await.unwrap(), []);
}
