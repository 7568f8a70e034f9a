//! Groups, and sharing with them and with people.

use http::StatusCode;
use portcullis_domain::Role;

use super::connection::path;
use super::people::user;
use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::World;

/// A new group's page.
async fn group(visit: &mut Visit<'_>, name: &str) -> Page {
    let page = visit.get("/groups").await;
    let page = visit.submit(&page, "#new", &[("name", name)]).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, name), "{page:?}");
    page
}

#[tokio::test]
async fn a_group_is_made_named_filled_and_deleted() {
    let world = World::new().await;
    let bob = world.user(world.main_site().await, "bob", Role::Member).await;
    let mut visit = Visit::admin(&world).await;
    assert!(visit.get("/groups").await.text("#list").contains("No groups yet"));
    let page = group(&mut visit, "Editors").await;
    assert_eq!(page.toast(), "The group is made");
    // The same name again, and no name.
    for name in ["editors", " "] {
        let list = visit.get("/groups").await;
        let refused = visit.submit(&list, "#new", &[("name", name)]).await;
        assert_eq!(
            (refused.status, refused.attr("#f-name", "value").as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, name)
        );
    }
    let page = visit.submit(&page, "#add", &[("user", " BOB ")]).await;
    assert_eq!(
        (page.toast().as_str(), page.texts("#members h3")),
        ("Added to the group", vec!["bob".to_owned()])
    );
    let missing = visit.submit(&page, "#add", &[("user", "<b>nobody")]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(missing.text("#e-user").contains("<b>nobody"));
    assert_eq!(missing.attr("#f-user", "value"), "<b>nobody");
    assert!(user(&mut visit, "bob").await.text("#facts").contains("Editors"));
    let renamed = visit.submit(&page, "#rename", &[("name", "Writers")]).await;
    assert_eq!(renamed.text("h1"), "Writers");
    let late = visit.submit(&page, "#rename", &[("name", "Readers")]).await;
    assert_eq!((late.status, late.text("h1").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "Writers"));
    let left = visit.submit(&renamed, "#members li form", &[("remove", &bob)]).await;
    assert!(left.texts("#members h3").is_empty());
    let gone = visit.submit(&left, "#delete", &[("understood", "yes")]).await;
    assert_eq!(
        (gone.path.as_str(), gone.toast().as_str()),
        ("/groups?done=group_deleted", "The group is deleted")
    );
    assert_eq!(visit.look(left.path.split('?').next().unwrap()).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_shared_is_told_to_everybody_it_concerns() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let storage = world.storage("Photo archive").await;
    let mut visit = Visit::admin(&world).await;
    let team = group(&mut visit, "Editors").await;
    let team = visit.submit(&team, "#add", &[("user", "bob")]).await;
    let page = visit.get(&path(&storage)).await;
    assert!(page.text("#people").contains("Shared with nobody"));
    let page = visit
        .submit(&page, "#share", &[("grantee", "bob"), ("permission", "read"), ("prefix", "2027/")])
        .await;
    assert_eq!(page.toast(), "Shared; it holds from now on");
    let page = visit.submit(&page, "#share", &[("grantee", "EDITORS"), ("permission", "read_write")]).await;
    assert_eq!(page.all("#people .keys li").len(), 2, "{page:?}");
    // The same again, nobody, and what cannot be shared.
    for given in [
        [("grantee", "bob"), ("prefix", "2027/")],
        [("grantee", "nobody"), ("prefix", "")],
        [("grantee", "group:bob"), ("prefix", "")],
    ] {
        let refused = visit.submit(&page, "#share", &given).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{given:?}");
        assert_eq!(refused.attr("#f-grantee", "value"), given[0].1);
        assert_eq!(refused.all("#people .keys li").len(), 2);
    }
    let reach = user(&mut visit, "bob").await;
    let lines = reach.texts("#reach li");
    assert!(lines.iter().any(|line| line.contains("2027/") && line.contains("Read Only")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("by the group Editors")), "{lines:?}");
    assert!(visit.get(team.path.split('?').next().unwrap()).await.text("#reach").contains("Photo archive"));
    // Changed, changed behind somebody's back, and ended.
    let before = visit.get(&path(&storage)).await;
    let form = |page: &Page, name: &str| {
        let at = page.texts("#people .keys li a").iter().position(|found| found == name).unwrap();
        format!("#people .keys li:nth-child({}) form", at + 1)
    };
    let of_bob = form(&before, "bob");
    let changed = visit.submit(&before, &of_bob, &[("permission", "write"), ("do", "change")]).await;
    assert!(changed.toast().starts_with("The share is changed"), "{changed:?}");
    let late = visit.submit(&before, &of_bob, &[("do", "remove")]).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(late.text("#people").contains("Nothing was done"));
    let removed = visit.submit(&late, &form(&late, "bob"), &[("do", "remove")]).await;
    assert_eq!(removed.texts("#people .keys li a"), ["Editors"]);
}

#[tokio::test]
async fn a_share_has_its_place_on_the_page_of_its_storage() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let (one, other) = (world.storage("one").await, world.storage("other").await);
    let mut visit = Visit::admin(&world).await;
    let page = visit.get(&path(&one)).await;
    let page = visit.submit(&page, "#share", &[("grantee", "bob")]).await;
    let action = page.attr("#people .keys li form", "action").replace(&path(&one), &path(&other));
    let action = action.split('#').next().unwrap().to_owned();
    let token = visit.csrf().await;
    let answer = visit.post(&action, &[("_csrf", &token), ("do", "remove")], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    world.other_site().await;
    let mut eve = Visit::of(&world, "eve").await;
    let token = eve.csrf().await;
    let own = page.attr("#people .keys li form", "action");
    let own = own.split('#').next().unwrap();
    let answer = eve.post(own, &[("_csrf", &token), ("do", "remove")], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(visit.get(&path(&one)).await.all("#people .keys li").len(), 1);
}

#[tokio::test]
async fn another_sites_groups_are_not_there() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let path = group(&mut visit, "Editors").await.path;
    let path = path.split('?').next().unwrap().to_owned();
    world.other_site().await;
    let mut eve = Visit::of(&world, "eve").await;
    let token = eve.csrf().await;
    assert_eq!(eve.look(&path).await.status, StatusCode::NOT_FOUND);
    for deed in ["name", "members", "delete"] {
        let fields = [("_csrf", token.as_str()), ("name", "x"), ("user", "eve"), ("understood", "yes")];
        let answer = eve.post(&format!("{path}/{deed}"), &fields, &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{deed}: {answer:?}");
    }
    assert_eq!(visit.get(&path).await.text("h1"), "Editors");
}
