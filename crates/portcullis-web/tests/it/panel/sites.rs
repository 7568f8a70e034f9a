//! Sites, acting in one below, and the rules of a site.

use std::time::Duration;

use http::StatusCode;

use super::people::{OWN, invite, join};
use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::World;

/// A new site's page.
pub(super) async fn site(visit: &mut Visit<'_>, name: &str, parent: Option<&str>) -> Page {
    let page = visit.get("/sites/new").await;
    let mut given = vec![("name", name)];
    given.extend(parent.map(|parent| ("parent", parent)));
    let page = visit.submit(&page, "#new-site", &given).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, name), "{page:?}");
    page
}

/// The id in the address of a page.
fn id(page: &Page) -> String {
    page.path.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn sites_form_a_tree() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/sites").await;
    assert!(!page.has("#site-menu") && !page.has("#acting"), "with one site there is nothing to switch");
    let agency = site(&mut visit, "Agency", None).await;
    let north = site(&mut visit, "North", Some(&id(&agency))).await;
    site(&mut visit, "Zoo", None).await;
    let page = visit.get("/sites").await;
    let names = page.texts(".tree a");
    assert_eq!(names[1..], ["Agency", "North", "Zoo"], "{names:?}");
    assert!(page.has(".tree .tree .tree a"));
    let details = page.texts(".tree small");
    assert_eq!(details, ["1 user · 2 sites below", "1 site below", "Empty", "Empty"]);
    assert_eq!(page.all("#tree button").len(), 3, "one is acted in already");
    // Side by side a name is there once.
    let form = visit.get("/sites/new").await;
    let refused = visit.submit(&form, "#new-site", &[("name", "agency")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text("#e-name").contains("has this name"));
    let renamed = visit.submit(&north, "#rename", &[("name", "Nord")]).await;
    assert_eq!(renamed.text("h1"), "Nord");
    let late = visit.submit(&north, "#rename", &[("name", "Norte")]).await;
    assert_eq!((late.status, late.text("h1").as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "Nord"));
    // Only an empty one goes.
    assert!(!visit.get(&format!("/sites/{}", id(&agency))).await.has("#delete button"));
    let gone = visit.submit(&renamed, "#delete", &[("understood", "yes")]).await;
    assert_eq!(gone.toast(), "The site is deleted");
    assert_eq!(visit.get("/sites").await.texts(".tree a")[1..], ["Agency", "Zoo"]);
}

#[tokio::test]
async fn an_admin_acts_in_a_site_below_and_comes_back() {
    let world = World::new().await;
    world.storage("NAS of main").await;
    let mut visit = Visit::admin(&world).await;
    let north = site(&mut visit, "North", None).await;
    let page = visit.submit(&north, "#act", &[("site", &id(&north))]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/connections"));
    assert!(!page.html.contains("NAS of main") && page.text(".site-switch").contains("North"), "{page:?}");
    assert!(page.text("#acting").starts_with("You are acting in North, below"), "{}", page.text("#acting"));
    // Whoever is invited here belongs here.
    let code = invite(&mut visit, "nora", "admin").await;
    join(&world, &code).await;
    assert!(visit.get("/users").await.html.contains("nora"));
    let mut nora = Visit::with(&world, "nora", OWN).await;
    let own = nora.get("/sites").await;
    assert_eq!(own.texts(".tree a"), ["North"], "what is above is not there");
    assert!(!own.has("#site-menu") && !own.has("#acting"));
    // A site with people in it stays.
    let home = visit.get("/users").await.attr("#acting button", "value");
    let page = visit.get("/users").await;
    let page = visit.submit(&page, "#acting", &[("site", &home)]).await;
    assert!(!page.has("#acting") && page.html.contains("NAS of main"), "{page:?}");
    assert!(!visit.get("/users").await.html.contains("nora"));
    let page = visit.get(&format!("/sites/{}", id(&north))).await;
    let page = visit.submit(&page, "#delete", &[("understood", "yes")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#delete").contains("users"), "{}", page.text("#delete"));
    // By the menu of the frame.
    let page = visit.submit(&page, "#site-menu", &[("site", &id(&north))]).await;
    assert!(page.has("#acting"));
}

#[tokio::test]
async fn what_is_above_or_beside_is_not_there() {
    let world = World::new().await;
    let mut admin = Visit::admin(&world).await;
    let (north, south) = (site(&mut admin, "North", None).await, site(&mut admin, "South", None).await);
    admin.submit(&north, "#act", &[("site", &id(&north))]).await;
    let code = invite(&mut admin, "nora", "admin").await;
    join(&world, &code).await;
    let code = invite(&mut admin, "mia", "member").await;
    join(&world, &code).await;
    let mut nora = Visit::with(&world, "nora", OWN).await;
    let token = nora.csrf().await;
    let main = world.main_site().await.to_string();
    for foreign in [main.as_str(), &id(&south), "01924f5c-0000-7000-8000-000000000000", "x"] {
        assert_eq!(nora.look(&format!("/sites/{foreign}")).await.status, StatusCode::NOT_FOUND);
        for (deed, fields) in [
            ("switch".to_owned(), [("_csrf", token.as_str()), ("site", foreign)]),
            (format!("{foreign}/name"), [("_csrf", token.as_str()), ("name", "x")]),
            (format!("{foreign}/delete"), [("_csrf", token.as_str()), ("understood", "yes")]),
        ] {
            let answer = nora.post(&format!("/sites/{deed}"), &fields, &[SAME_ORIGIN]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{deed}: {answer:?}");
        }
        let fields = [("_csrf", token.as_str()), ("name", "x"), ("parent", foreign)];
        let answer = nora.post("/sites/new", &fields, &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{foreign}");
    }
    let mut mia = Visit::with(&world, "mia", OWN).await;
    let token = mia.csrf().await;
    let fields = [("_csrf", token.as_str()), ("site", &id(&south))];
    let answer = mia.post("/sites/switch", &fields, &[SAME_ORIGIN]).await;
    assert!(answer.status == StatusCode::NOT_FOUND || answer.status == StatusCode::FORBIDDEN, "{answer:?}");
}

#[tokio::test]
async fn who_lacks_the_second_factor_of_a_site_below_finds_back() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let north = site(&mut visit, "North", None).await;
    visit.submit(&north, "#act", &[("site", &id(&north))]).await;
    let page = visit.get("/security").await;
    visit.submit(&page, "#rules", &[("second_factor", "everybody")]).await;
    let page = visit.get("/users").await;
    assert_ne!(page.path, "/users", "nothing but the second factor is open");
    assert!(page.text("#acting").starts_with("You are acting in North"), "{page:?}");
    let home = page.attr("#acting button", "value");
    let page = visit.submit(&page, "#acting", &[("site", &home)]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/connections"));
    assert!(!page.has("#acting"));
}

#[tokio::test]
async fn rules_are_inherited_and_only_tightened() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/security").await;
    assert!(page.text("main").contains("The site has 0 keys"), "{page:?}");
    let rules = [("longest_key_days", "90"), ("keys_need_networks", "yes"), ("second_factor", "optional")];
    let late = visit.get("/security").await;
    let page = visit.submit(&page, "#rules", &rules).await;
    assert_eq!(page.toast(), "The rules are changed; they hold from now on");
    assert_eq!(page.attr("#f-longest_key_days", "value"), "90");
    let stale = visit.submit(&late, "#rules", &[("longest_key_days", "7")]).await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(stale.attr("#f-longest_key_days", "value"), "90", "what holds is shown");
    for wrong in ["0", "x", "4000", "-1"] {
        let refused = visit.submit(&page, "#rules", &[("idle_key_days", wrong)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.has("#e-idle_key_days"));
        assert_eq!(refused.attr("#f-idle_key_days", "value"), wrong);
    }
    // Below, the same rules hold and cannot be loosened.
    let north = site(&mut visit, "North", None).await;
    visit.submit(&north, "#act", &[("site", &id(&north))]).await;
    let page = visit.get("/security").await;
    assert!(page.text("main").contains("This site is below another one"));
    assert_eq!(page.attr("#f-longest_key_days", "max"), "90");
    assert!(
        page.has("#f-keys_need_networks[checked][disabled]") && page.has("#f-members_make_keys[disabled]")
    );
    let refused = visit.submit(&page, "#rules", &[("longest_key_days", "91")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.has("#e-longest_key_days"), "{refused:?}");
    let tighter = visit.submit(&page, "#rules", &[("longest_key_days", "30")]).await;
    assert!(tighter.toast().starts_with("The rules are changed"), "{tighter:?}");
    assert_eq!(tighter.attr("#f-longest_key_days", "value"), "30");
    // Sent as it is, nothing is loosened or refused; emptied, what is above holds again.
    let same = visit.submit(&tighter, "#rules", &[]).await;
    assert_eq!(same.attr("#f-longest_key_days", "value"), "30");
    let emptied = visit.submit(&same, "#rules", &[("longest_key_days", "")]).await;
    assert_eq!(emptied.attr("#f-longest_key_days", "value"), "");
    assert_eq!(emptied.attr("#f-longest_key_days", "placeholder"), "90");
}

#[tokio::test]
async fn keys_that_a_rule_would_switch_off_are_counted_first() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    super::connection::s3_key(&world, &storage, "old", "read").await;
    world.clock.advance(Duration::from_secs(5 * 24 * 60 * 60));
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/security").await;
    assert!(page.text("main").contains("1 key names none") && page.text("main").contains("1 key has no end"));
    let asked = visit.submit(&page, "#rules", &[("idle_key_days", "3")]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.text("#affected").contains("switch off 1 key"), "{asked:?}");
    assert_eq!(asked.attr("#f-idle_key_days", "value"), "3");
    let saved = visit.submit(&asked, "#rules", &[("sure", "yes")]).await;
    assert_eq!((saved.status, saved.attr("#f-idle_key_days", "value").as_str()), (StatusCode::OK, "3"));
    let saved = visit.submit(&saved, "#rules", &[("idle_key_days", "10")]).await;
    assert_eq!(saved.status, StatusCode::OK, "what gets looser asks nothing");
    world.clock.advance(Duration::from_secs(11 * 60));
    let answer = visit.send(&saved, "#rules", &[("longest_key_days", "10")]).await;
    assert_eq!(answer.header("location"), "/confirm?next=%2Fsecurity");
}
