//! Users: inviting them, what is decided about them, and their way in.

use std::time::Duration;

use http::StatusCode;
use portcullis_domain::Role;

use super::visit::{Page, SAME_ORIGIN, Visit};
use crate::world::{PASSWORD, World};

/// What people choose themselves.
pub(super) const OWN: &str = "seven green bottles hanging";
const SIGN_IN: &str = "form[action='/sign-in']";
const NOBODY: &str = "01924f5c-0000-7000-8000-000000000000";

/// Invites somebody; the code of their link.
pub(super) async fn invite(visit: &mut Visit<'_>, username: &str, role: &str) -> String {
    let page = visit.get("/users/invite").await;
    let page = visit.submit(&page, "#invite", &[("username", username), ("role", role)]).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    code(&page)
}

/// The code of the link that a page shows.
fn code(page: &Page) -> String {
    let link = page.text("#v-link");
    let code = link.strip_prefix("https://gate.example.org/join#").unwrap_or_else(|| panic!("{link}"));
    assert!(code.len() >= 32, "{code}");
    code.to_owned()
}

/// Takes an invitation up with the password [`OWN`].
pub(super) async fn join(world: &World, code: &str) -> Page {
    let mut visit = Visit::nobody(world);
    let page = visit.get("/join").await;
    visit.submit(&page, "#join", &[("code", code), ("new", OWN), ("repeat", OWN)]).await
}

/// The page of a user.
pub(super) async fn user(visit: &mut Visit<'_>, username: &str) -> Page {
    let page = visit.get(&format!("/users?q={username}")).await;
    let link =
        page.all("#list td.named a").into_iter().find(|link| link.text().collect::<String>() == username);
    let path = link.unwrap_or_else(|| panic!("no {username}: {page:?}")).attr("href").unwrap().to_owned();
    visit.get(&path).await
}

#[tokio::test]
async fn an_invited_person_chooses_a_password_and_comes_in() {
    let world = World::new().await;
    let mut admin = Visit::admin(&world).await;
    let asked = admin.get("/users/invite").await;
    let shown = admin.submit(&asked, "#invite", &[("username", "Carla"), ("role", "member")]).await;
    let code = code(&shown);
    assert!(shown.text("h1").contains("carla") && shown.has("button[data-copy='#v-link']"), "{shown:?}");
    // Sent again it makes nobody, and the link is nowhere any more.
    let again = admin.submit(&asked, "#invite", &[("username", "dora"), ("role", "member")]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let page = user(&mut admin, "carla").await;
    assert_eq!(page.text("#state"), "Invited");
    assert!(!page.html.contains(&code) && !admin.get("/users").await.html.contains(&code));
    // Who is invited says what password they want; the code waits until it is right.
    let mut carla = Visit::nobody(&world);
    let page = carla.get("/join").await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::OK, "Welcome"));
    for (new, repeat, fault) in
        [(OWN, "else", "repeat"), ("short", "short", "new"), ("carlacarlacarla", "x", "repeat")]
    {
        let page = carla.submit(&page, "#join", &[("code", &code), ("new", new), ("repeat", repeat)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has(&format!("#e-{fault}")) && page.text("#join").contains("carla"), "{page:?}");
        assert_eq!(page.attr("#f-code", "value"), code, "the code need not be pasted again");
    }
    let link = format!("https://gate.example.org/join#{code}");
    let page = carla.submit(&page, "#join", &[("code", &link), ("new", OWN), ("repeat", OWN)]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/sign-in?done=joined"));
    assert!(page.text("main").contains("Your password is set"), "{page:?}");
    let page = carla.submit(&page, SIGN_IN, &[("username", "carla"), ("password", OWN)]).await;
    assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/account"));
    assert_eq!(user(&mut admin, "carla").await.text("#state"), "Active");
    // The code is used up.
    let page = join(&world, &code).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.has("#e-code") && !page.text("#join").contains("carla"), "{page:?}");
}

#[tokio::test]
async fn a_code_that_is_none_tells_nothing() {
    let world = World::new().await;
    let mut visit = Visit::nobody(&world);
    let page = visit.get("/join").await;
    for code in ["", "x", "0".repeat(64).as_str(), "<script>alert(1)</script>", "\u{0}"] {
        let given = [("code", code), ("new", OWN), ("repeat", OWN)];
        let answer = visit.submit(&page, "#join", &given).await;
        assert!(
            answer.status == StatusCode::UNPROCESSABLE_ENTITY
                || answer.status == StatusCode::TOO_MANY_REQUESTS
        );
        assert!(answer.has("#e-code"), "{answer:?}");
    }
    let answer = Visit::nobody(&world).post("/join", &[("code", "x")], &[SAME_ORIGIN]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "without the form's token");
}

#[tokio::test]
async fn what_cannot_be_is_said_at_the_field() {
    let world = World::new().await;
    let mut visit = Visit::admin(&world).await;
    let page = visit.get("/users/invite").await;
    assert!(page.has("input[name=role][value=member][checked]"), "who says nothing gets the lesser one");
    for (username, part) in [("admin", "already"), ("two words", "letters"), ("", "character")] {
        let fresh = visit.get("/users/invite").await;
        let page = visit.submit(&fresh, "#invite", &[("username", username), ("role", "admin")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{username}");
        assert!(page.text("#e-username").to_lowercase().contains(part), "{}", page.text("#e-username"));
        assert_eq!(page.attr("#f-username", "value"), username);
        assert!(page.has("input[name=role][value=admin][checked]"));
    }
}

#[tokio::test]
async fn role_and_access_hold_at_once() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let (mut admin, mut bob) = (Visit::admin(&world).await, Visit::of(&world, "bob").await);
    let (first, second) = (user(&mut admin, "bob").await, user(&mut admin, "bob").await);
    let page = admin.submit(&first, "#role", &[("role", "admin")]).await;
    assert_eq!(page.toast(), "The role is changed; it holds from now on");
    assert_eq!(bob.get("/users").await.status, StatusCode::OK);
    // Who still looks at the page as it was is asked again.
    let page = admin.submit(&second, "#access", &[("state", "disabled")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text("#access").contains("Nothing was done") && page.text("#state") == "Active", "{page:?}");
    let page = admin.submit(&page, "#access", &[("state", "disabled")]).await;
    assert!(page.toast().starts_with("This person is kept out"), "{page:?}");
    assert_eq!(page.text("#state"), "Disabled");
    assert!(!page.has("#reset"), "who is kept out gets no link");
    assert_eq!(bob.look("/users").await.status, StatusCode::SEE_OTHER, "the sign-in has ended");
    let page = admin.submit(&page, "#access", &[("state", "active")]).await;
    assert_eq!(page.text("#state"), "Active");
    Visit::of(&world, "bob").await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut admin = Visit::admin(&world).await;
    assert!(user(&mut admin, "bob").await.text("#sessions").contains("Nowhere"));
    let (mut one, mut two) = (Visit::of(&world, "bob").await, Visit::of(&world, "bob").await);
    let page = user(&mut admin, "bob").await;
    assert_eq!(page.all("#sessions li").len(), 2);
    assert!(page.texts("#sessions li").iter().all(|line| line.contains("192.0.2.1")));
    let page = admin.submit(&page, "#sessions form", &[]).await;
    assert!(page.toast().contains("has ended") && page.all("#sessions li").is_empty());
    for visit in [&mut one, &mut two] {
        assert_eq!(visit.look("/account").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_reset_makes_a_new_link_and_ends_the_old_password() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let (mut admin, mut bob) = (Visit::admin(&world).await, Visit::of(&world, "bob").await);
    let page = user(&mut admin, "bob").await;
    let shown = admin.submit(&page, "#reset", &[]).await;
    let first = code(&shown);
    assert_eq!(bob.look("/account").await.status, StatusCode::SEE_OTHER);
    let page = bob.get("/sign-in").await;
    let page = bob.submit(&page, SIGN_IN, &[("username", "bob"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "the password has stopped");
    // A second link takes the place of the first.
    let page = user(&mut admin, "bob").await;
    let second = code(&admin.submit(&page, "#reset", &[]).await);
    assert_eq!(join(&world, &first).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(join(&world, &second).await.path, "/sign-in?done=joined");
    Visit::with(&world, "bob", OWN).await;
}

#[tokio::test]
async fn nobody_decides_about_themselves() {
    let world = World::new().await;
    let mut admin = Visit::admin(&world).await;
    let page = user(&mut admin, "admin").await;
    for form in ["#role", "#reset", "#access"] {
        assert!(!page.has(form), "{form}");
    }
    let token = admin.csrf().await;
    let fields: [(&str, &[(&str, &str)]); 2] =
        [("role", &[("role", "member")]), ("state", &[("state", "disabled")])];
    for (deed, given) in fields {
        let mut sent = vec![("_csrf", token.as_str())];
        sent.extend(given);
        let answer = admin.post(&format!("{}/{deed}", page.path), &sent, &[SAME_ORIGIN]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{deed}: {answer:?}");
    }
    assert_eq!(admin.get("/users").await.status, StatusCode::OK);
}

#[tokio::test]
async fn dangerous_deeds_ask_who_one_is_after_a_while() {
    let world = World::new().await;
    world.user(world.main_site().await, "bob", Role::Member).await;
    let mut admin = Visit::admin(&world).await;
    let page = user(&mut admin, "bob").await;
    let invite = admin.get("/users/invite").await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let next = |path: &str| {
        let path: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        format!("/confirm?next={path}")
    };
    for (form, given, deed) in [
        ("#role", [("role", "admin")].as_slice(), "role"),
        ("#access", [("state", "disabled")].as_slice(), "state"),
        ("#reset", [].as_slice(), "reset"),
    ] {
        let answer = admin.send(&page, form, given).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{form}: {answer:?}");
        assert_eq!(answer.header("location"), next(&format!("{}/{deed}", page.path)), "{form}");
    }
    // Back from there it leads to the page with the form.
    assert_eq!(admin.get(&format!("{}/role", page.path)).await.path, page.path);
    let answer = admin.send(&invite, "#invite", &[("username", "carla"), ("role", "admin")]).await;
    let back = "/users/invite?username=carla&role=admin";
    assert_eq!(answer.header("location"), next(back));
    assert_eq!(admin.get(back).await.attr("#f-username", "value"), "carla");
    assert_eq!(user(&mut admin, "bob").await.text("#state"), "Active", "nothing was done");
}

#[tokio::test]
async fn the_list_is_found_through() {
    let world = World::new().await;
    let site = world.main_site().await;
    for number in 0..60 {
        world.user(site, &format!("user-{number:02}"), Role::Member).await;
    }
    let mut admin = Visit::admin(&world).await;
    invite(&mut admin, "carla", "admin").await;
    let page = admin.get("/users").await;
    assert_eq!(page.all("#list tbody tr").len(), 50);
    let next = page.attr("#list a[rel=next]", "href");
    let page = admin.get(&next).await;
    assert_eq!(page.all("#list tbody tr").len(), 12);
    assert_eq!(page.attr("#list a[rel=prev]", "href"), "/users");
    for (query, count) in
        [("q=user-0", 10), ("role=admin", 2), ("state=invited", 1), ("state=disabled", 0), ("q=%25", 0)]
    {
        let page = admin.get(&format!("/users?{query}")).await;
        assert_eq!((page.status, page.all("#list tbody tr").len()), (StatusCode::OK, count), "{query}");
    }
    let lost = admin.get("/users?after=nonsense").await;
    assert_eq!(lost.status, StatusCode::OK);
}

#[tokio::test]
async fn another_sites_people_are_not_there() {
    let world = World::new().await;
    let bob = world.user(world.main_site().await, "bob", Role::Member).await;
    world.other_site().await;
    let mut eve = Visit::of(&world, "eve").await;
    let token = eve.csrf().await;
    for id in [bob.as_str(), NOBODY, "x"] {
        assert_eq!(eve.look(&format!("/users/{id}")).await.status, StatusCode::NOT_FOUND, "{id}");
        for deed in ["role", "state", "reset", "sessions/end"] {
            let once = "0".repeat(64);
            let fields =
                [("_csrf", token.as_str()), ("role", "admin"), ("state", "disabled"), ("once", &once)];
            let path = format!("/users/{id}/{deed}");
            // What is claimed once is another claim for each.
            if deed == "reset" && id != bob {
                continue;
            }
            let answer = eve.post(&path, &fields, &[SAME_ORIGIN]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {answer:?}");
        }
    }
    assert!(!eve.get("/users").await.html.contains("bob"));
}
