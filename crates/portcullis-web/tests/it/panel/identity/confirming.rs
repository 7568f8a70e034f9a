//! A provider and the second factor: what counts as one, and confirming who one is.

use super::*;

#[tokio::test]
async fn second_factors() {
    for trusted in [true, false] {
        let (world, fake) = world_with(rules(), trusted).await;
        let mut visit = Visit::nobody(&world);
        let page = sign_in(&mut visit, &fake).await;
        moved_on(&mut visit, &page).await;
        let ada = user(&world, "ada").await;
        let me: Oneself = {
            let token = visit.cookies["__Host-portcullis"].clone();
            let origin = portcullis_access::Origin {
                channel: portcullis_domain::Channel::Rest,
                peer: visit.peer,
                request_id: "r",
                tool: "t",
                line: None,
            };
            world.access.oneself(&world.access.authenticate_bearer(origin, &token).await.unwrap()).unwrap()
        };
        let seed = [7u8; portcullis_signin::totp::SEED_LEN];
        let sealed = world.access.seal_totp(&me, &seed).unwrap();
        world.metadata.set_totp(ada.id, Some(sealed)).await.unwrap();

        claims(&fake, json!({"amr": ["pwd", "mfa"]}));
        let mut other = Visit::nobody(&world);
        let page = sign_in(&mut other, &fake).await;
        assert_eq!(page.text("h1") == "Signed in", trusted, "a trusted provider saw the second factor");
        claims(&fake, json!({"amr": ["pwd"]}));
        let mut other = Visit::nobody(&world);
        let page = sign_in(&mut other, &fake).await;
        assert_eq!(page.text("h1"), "Second factor");
        assert_eq!(other.look("/account").await.status, StatusCode::SEE_OTHER, "not in yet");
        let code = portcullis_signin::totp::code_now(&seed, world.clock.now()).unwrap();
        let page = other.submit(&page, "#code-form", &[("code", &code)]).await;
        assert_eq!((page.status, page.path.as_str()), (StatusCode::OK, "/account"));
    }
}

#[tokio::test]
async fn confirming_who_one_is() {
    let (world, fake) = world().await;
    let mut visit = Visit::nobody(&world);
    let page = sign_in(&mut visit, &fake).await;
    moved_on(&mut visit, &page).await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let account = visit.get("/account").await;
    let page = visit.submit(&account, "#identity form", &[]).await;
    assert!(page.path.starts_with("/confirm?next="), "{}", page.path);
    let page = visit.get("/confirm?next=%2Faccount%2Fpassword").await;
    assert_eq!(page.text("#provider"), "Confirm with Example");
    let way = page.attr("#provider", "href");
    // The provider did not ask again.
    let before = world.clock.now().seconds() - 600;
    claims(&fake, json!({"auth_time": before}));
    let back = there_and_back(&mut visit, &fake, &way).await;
    let page = visit.get(&back).await;
    assert_eq!((page.status, page.text("h1").as_str()), (StatusCode::FORBIDDEN, "That was not done"));
    // Somebody else came back.
    claims(&fake, json!({"sub": "eve-1"}));
    let back = there_and_back(&mut visit, &fake, &way).await;
    let page = visit.get(&back).await;
    assert!(page.text("p").contains("somebody else"), "{page:?}");
    let page = visit.submit(&account, "#identity form", &[]).await;
    assert!(page.path.starts_with("/confirm?next="), "still to be confirmed");
    // Nobody is signed in here.
    let back = there_and_back(&mut visit, &fake, &way).await;
    let session = visit.cookies.remove("__Host-portcullis").unwrap();
    let page = visit.get(&format!("{back}&again=1")).await;
    assert!(page.text("p").contains("Sign in first"), "{page:?}");
    visit.cookies.insert("__Host-portcullis".to_owned(), session);
    // She herself.
    claims(&fake, json!({}));
    let back = there_and_back(&mut visit, &fake, &way).await;
    let page = visit.get(&back).await;
    assert_eq!(page.text("h1"), "Confirmed");
    assert_eq!(moved_on(&mut visit, &page).await.path, "/account/password");
    let page = visit.submit(&account, "#identity form", &[]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "confirmed, though it cannot be done");
}
