//! All of them or none, whoever else does what.

use std::time::Duration;

use portcullis_access::SiteAdmin;
use portcullis_control::{
    AccountState, AccountsDraft, AuditQuery, ControlError, Imported, MOST_ACCOUNTS, PageRequest, RulesDraft,
    SiteChange,
};
use portcullis_domain::Role;

use super::{CHANNELS, anywhere, chosen, family, master, of, states};
use crate::world::{World, fields, is_not_for_keys, problems};

#[tokio::test]
async fn too_many_are_refused_and_faults_have_a_bound() {
    let world = World::new().await;
    assert_eq!(fields(world.dry(&world.admin, Vec::new()).await), ["accounts"]);
    let bad = |count: usize| (0..count).map(|_| master("", "", "")).collect::<Vec<_>>();
    assert_eq!(fields(world.dry(&world.admin, bad(MOST_ACCOUNTS + 1)).await), ["accounts"]);
    let refused = problems(world.dry(&world.admin, bad(1_000)).await);
    assert_eq!((refused.len(), refused.last().unwrap().1.as_str()), (1_001, "and 2000 more faults"));
    let many = (0..600).map(|at| {
        let mut account = master(&at.to_string(), &format!("a {at}"), "2021-01-01");
        account.channels =
            CHANNELS.map(|channel| (channel, chosen("", &format!("{channel} words of {at}")))).into();
        for (_, credentials) in &mut account.channels {
            credentials.login = None;
        }
        account
    });
    let refused = problems(world.dry(&world.admin, many.collect()).await);
    assert!(refused.len() == 1 && refused[0].1.starts_with("2400 secrets"), "{refused:?}");
}

#[tokio::test]
async fn all_of_them_or_none() {
    let world = World::new().await;
    let told = world.dry(&world.admin, family()).await.unwrap();
    let before = world.site_count().await;
    // The very last row does not go in.
    world
        .execute(
            "CREATE TRIGGER broken BEFORE INSERT ON imported_accounts WHEN NEW.account = '9' \
             BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        .await;
    let failed = world.with(&world.admin, family(), told.ticket.clone()).await;
    assert!(matches!(failed, Err(ControlError::Metadata(_))), "{failed:?}");
    assert_eq!(world.site_count().await, before);
    let key = &of(&told, "7").keys[0];
    assert!(!world.opens(key.channel, key.credential.unwrap().as_str(), key.secret.as_ref().unwrap()).await);
    let trail = world.trail().await;
    assert_eq!((trail[0].action.as_str(), trail[0].allowed), ("import_accounts", false));
    assert!(!trail.iter().any(|event| event.action.starts_with("import_account") && event.allowed));
    world.execute("DROP TRIGGER broken").await;
    world.with(&world.admin, family(), told.ticket.clone()).await.unwrap();
    assert!(world.opens(key.channel, key.credential.unwrap().as_str(), key.secret.as_ref().unwrap()).await);
}

#[tokio::test]
async fn a_ticket_is_for_its_accounts_its_admin_and_an_hour() {
    let world = World::new().await;
    let told = world.dry(&world.admin, family()).await.unwrap();
    let ticket = || told.ticket.clone();
    let refused = async |admin: &SiteAdmin, accounts, ticket| {
        matches!(world.with(admin, accounts, ticket).await, Err(ControlError::NotNow(_)))
    };
    assert!(refused(&world.admin, family()[..2].to_vec(), ticket()).await);
    let mut more = family();
    more.push(master("12", "Westwind", "2019-01-01"));
    assert!(refused(&world.admin, more, ticket()).await);
    let bob = world.user(world.admin.site(), "bob", Role::Admin).await;
    assert!(refused(&world.access.admin(&bob).unwrap(), family(), ticket()).await);
    for wrong in ["", "x", &"A".repeat(200)] {
        assert_eq!(fields(world.with(&world.admin, family(), Some(wrong.to_owned())).await), ["ticket"]);
    }
    // Somebody else was faster with one of them: the secret that was told is not the one that holds.
    let quick = world.dry(&world.admin, vec![master("7", "Northwind", "2021-03-31")]).await.unwrap();
    let one = vec![master("7", "Northwind", "2021-03-31")];
    world.with(&world.admin, one, quick.ticket).await.unwrap();
    assert!(refused(&world.admin, family(), ticket()).await);
    let again = world.dry(&world.admin, family()).await.unwrap();
    world.clock.advance(Duration::from_secs(3601));
    assert_eq!(fields(world.with(&world.admin, family(), again.ticket).await), ["ticket"]);
}

#[tokio::test]
async fn of_two_at_once_one_makes_them() {
    let world = World::new().await;
    let other = world.other_node().await;
    let (one, two) = tokio::join!(world.dry(&world.admin, family()), world.dry(&world.admin, family()));
    let (one, two) = (one.unwrap(), two.unwrap());
    let draft =
        |told: &Imported| AccountsDraft { accounts: family(), dry_run: false, ticket: told.ticket.clone() };
    let (first, second) = (draft(&one), draft(&two));
    let (a, b) = tokio::join!(
        world.control.import_accounts(&world.admin, &first),
        other.import_accounts(&world.admin, &second)
    );
    assert_ne!(a.is_ok(), b.is_ok(), "{a:?} {b:?}");
    let holds = if a.is_ok() { &one } else { &two };
    let key = &of(holds, "7").keys[0];
    world.access.refresh(&world.system).await.unwrap();
    assert!(world.opens(key.channel, key.credential.unwrap().as_str(), key.secret.as_ref().unwrap()).await);
    // The same call, sent twice at once, succeeds at last both times.
    let more = vec![master("20", "Westwind", "2020-01-01")];
    let told = world.dry(&world.admin, more.clone()).await.unwrap();
    let twice = AccountsDraft { accounts: more, dry_run: false, ticket: told.ticket };
    let (a, b) = tokio::join!(
        world.control.import_accounts(&world.admin, &twice),
        other.import_accounts(&world.admin, &twice)
    );
    for answer in [a, b] {
        let again = async || other.import_accounts(&world.admin, &twice).await;
        let answer = match answer {
            Err(ControlError::Stale) => again().await,
            other => other,
        };
        assert!(answer.is_ok(), "{answer:?}");
    }
}

#[tokio::test]
async fn who_may() {
    let world = World::new().await;
    let key = world.access.admin(&world.bearer(&world.key(|_| {}).await).await.unwrap()).unwrap();
    assert!(is_not_for_keys(world.dry(&key, family()).await));
    // Each site has its own accounts: the same ids below another site are others.
    let north = world.site(world.admin.site(), "north").await;
    world.import(family()).await;
    let below = world.admin_in(north).await;
    let told = world.dry(&below, family()).await.unwrap();
    assert_eq!(states(&told), [AccountState::New; 4]);
    let made = world.with(&below, family(), told.ticket).await.unwrap();
    let parent = world.control.site(&world.admin, of(&made, "7").site.unwrap()).await.unwrap().parent;
    assert_eq!(parent, Some(north));
    let stranger = world.stranger().await;
    let told = world.dry(&stranger, family()).await.unwrap();
    assert_eq!(states(&told), [AccountState::New; 4], "what others imported is not told");
    // It cannot be taken back in a moment: whoever signed in long ago shows once more who they are.
    world.clock.advance(Duration::from_secs(1800));
    let later = world.with(&stranger, family(), told.ticket).await;
    assert!(matches!(later, Err(ControlError::ConfirmationNeeded)), "{later:?}");
}

#[tokio::test]
async fn the_rules_of_the_site_hold_for_what_comes() {
    let world = World::new().await;
    let rules = RulesDraft {
        keys_need_networks: Some(true),
        longest_key_days: Some(Some(30)),
        ..RulesDraft::default()
    };
    let change = SiteChange { name: None, rules };
    world.control.update_site(&world.admin, world.admin.site(), &change).await.unwrap();
    let refused = fields(world.dry(&world.admin, family()).await);
    assert_eq!(refused, ["accounts[1].expires_at", "accounts[1].networks"]);
    let mut accounts = family();
    accounts[1].networks = anywhere("192.0.2.0/24");
    accounts[1].expires_at = Some(world.clock_after(86_400));
    let (_, made) = world.import(accounts.clone()).await;
    let key = world.metadata.key(of(&made, "7").keys[0].id.unwrap()).await.unwrap().unwrap();
    assert_eq!((key.networks.entries().len(), key.expires.is_some()), (1, true));
    // Their time being over later does not make them other accounts.
    world.clock.advance(Duration::from_secs(2 * 86_400));
    let who = world.sign_in("admin", crate::world::PASSWORD).await.unwrap();
    let admin = world.access.admin(&who).unwrap();
    assert_eq!(states(&world.dry(&admin, accounts).await.unwrap()), [AccountState::Unchanged; 4]);
}

#[tokio::test]
async fn it_stands_in_the_trails_of_all_whom_it_concerns() {
    let world = World::new().await;
    let (told, made) = world.import(family()).await;
    let main = world.trail().await;
    let whole = main.iter().find(|event| event.action == "import_accounts").unwrap();
    assert_eq!(whole.object.as_deref(), Some(&*format!("4 accounts, 4 keys (import {})", told.import)));
    assert_eq!(main.iter().filter(|event| event.action == "import_account").count(), 4);
    let north = of(&made, "7");
    let admin = world.admin_in(north.site.unwrap()).await;
    let page = PageRequest::first(100);
    let events = world.control.audit_events(&admin, AuditQuery::default(), &page).await.unwrap().items;
    let made_here: Vec<_> = events.iter().filter(|event| event.action == "create_key").collect();
    assert_eq!(made_here.len(), 4);
    assert!(made_here.iter().all(|event| event.storage == north.storage && event.actor == "user:admin"));
    // Its own, and those of the two below it.
    assert_eq!(events.iter().filter(|event| event.action == "import_account").count(), 3);
    assert!(
        events.iter().any(|event| event
            .object
            .as_deref()
            .is_some_and(|told| told.contains("account 7 of 2021-03-31")))
    );
}
