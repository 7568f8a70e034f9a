//! What becomes of accounts, and what is wrong with them.

use std::collections::HashSet;

use portcullis_control::{
    AccountState, CredentialsDraft, Imported, ImportedView, KeyQuery, PageRequest, Rotation, RulesDraft,
    SiteChange, StorageQuery,
};
use portcullis_domain::{Channel, Scope};

use super::{CHANNELS, CHOSEN, anywhere, chosen, family, master, of, states, sub};
use crate::world::{World, fields, problems, secret};

#[tokio::test]
async fn a_family_of_accounts_and_what_each_opens() {
    let world = World::new().await;
    let (told, made) = world.import(family()).await;
    assert_eq!(states(&told), [AccountState::New; 4]);
    assert_eq!(states(&made), [AccountState::Made; 4]);
    assert_eq!(told.import, made.import);
    assert!(
        made.ticket.is_none() && made.accounts.iter().flat_map(|of| &of.keys).all(|key| key.secret.is_none())
    );
    let (north, south) = (of(&made, "7"), of(&made, "10"));
    assert!(!format!("{told:?}").contains(of(&told, "7").keys[0].secret.as_ref().unwrap().reveal()));

    let main = world.admin.site();
    let site = async |id: &str| world.control.site(&world.admin, of(&made, id).site.unwrap()).await.unwrap();
    assert_eq!((site("7").await.parent, site("10").await.parent), (Some(main), Some(main)));
    assert_eq!((site("8").await.parent, site("9").await.parent), (north.site, north.site));
    assert_eq!(site("8").await.site.name.as_str(), "Harbour");

    // Sub-accounts, however old, and masters from that day on begin without an active channel.
    for id in ["8", "9", "10"] {
        assert!(of(&made, id).keys.is_empty());
        assert_eq!(world.keys_in(of(&made, id).site.unwrap()).await, [], "{id}");
    }
    assert_eq!(world.keys_in(north.site.unwrap()).await, CHANNELS);
    for (key, promised) in north.keys.iter().zip(&of(&told, "7").keys) {
        let (name, text) = (promised.credential.unwrap(), promised.secret.as_ref().unwrap());
        assert_eq!((key.channel, key.credential), (promised.channel, promised.credential));
        for channel in CHANNELS {
            assert_eq!(world.opens(channel, name.as_str(), text).await, channel == key.channel, "{channel}");
        }
        let record = world.metadata.key(key.id.unwrap()).await.unwrap().unwrap();
        assert_eq!(
            (record.scope, record.site),
            (Scope::Storage(north.storage.unwrap()), north.site.unwrap())
        );
        assert!(record.networks.is_anywhere() && record.expires.is_none());
    }
    let secrets: HashSet<_> =
        of(&told, "7").keys.iter().map(|key| key.secret.as_ref().unwrap().reveal().to_owned()).collect();
    assert_eq!(secrets.len(), 4);
    let there = world.admin_in(south.site.unwrap()).await;
    let storages =
        world.control.storages(&there, StorageQuery::default(), &PageRequest::first(10)).await.unwrap();
    let storage = &storages.items[0].storage;
    assert_eq!((storages.items.len(), storage.name.as_str()), (1, "Southwind"));
    assert_eq!((Some(storage.id), Some(storage.bucket.to_string())), (south.storage, south.bucket.clone()));
}

#[tokio::test]
async fn the_day_that_parts_old_from_new_is_one_of_utc() {
    let world = World::new().await;
    let days = [
        ("2023-06-05", true),
        ("2023-06-05T23:59:59.999999Z", true),
        ("2023-06-06T01:59:59+02:00", true),
        ("2023-06-06", false),
        ("2023-06-06T00:00:00Z", false),
        ("2023-06-05T22:00:00-02:00", false),
    ];
    let accounts: Vec<_> = days
        .iter()
        .enumerate()
        .map(|(at, (day, _))| master(&at.to_string(), &format!("a {at}"), day))
        .collect();
    let told = world.dry(&world.admin, accounts).await.unwrap();
    for (account, (day, old)) in told.accounts.iter().zip(days) {
        assert_eq!(account.keys.len(), if old { 4 } else { 0 }, "{day}");
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new().await;
    let (sites, trail) = (world.site_count().await, world.trail().await.len());
    let one = world.dry(&world.admin, family()).await.unwrap();
    let other = world.dry(&world.admin, family()).await.unwrap();
    assert_eq!((world.site_count().await, world.trail().await.len()), (sites, trail));
    let text = |told: &Imported| of(told, "7").keys[0].secret.as_ref().unwrap().reveal().to_owned();
    assert_ne!(text(&one), text(&other), "every dry run tells others");
    // Without a ticket nobody would know the secrets.
    assert_eq!(fields(world.with(&world.admin, family(), None).await), ["ticket"]);
    assert_eq!(world.site_count().await, sites);
    // Where none are generated there is nothing to be told.
    let quiet = vec![master("10", "Southwind", "2023-06-06")];
    let made = world.with(&world.admin, quiet, None).await.unwrap();
    assert_eq!(states(&made), [AccountState::Made]);
}

#[tokio::test]
async fn said_again_nothing_happens() {
    let world = World::new().await;
    let (told, made) = world.import(family()).await;
    let (sites, trail) = (world.site_count().await, world.trail().await.len());
    // The answer was lost and is asked for again, or the whole import is made again.
    let again = world.with(&world.admin, family(), told.ticket.clone()).await.unwrap();
    let afresh = world.dry(&world.admin, family()).await.unwrap();
    let without = world.with(&world.admin, family(), None).await.unwrap();
    for answer in [&again, &afresh, &without] {
        assert_eq!(states(answer), [AccountState::Unchanged; 4]);
        assert!(answer.ticket.is_none());
        for (account, first) in answer.accounts.iter().zip(&made.accounts) {
            assert_eq!((account.site, account.storage), (first.site, first.storage));
            assert_eq!(account.import.as_ref(), Some(&told.import));
            let ids = |of: &ImportedView| of.keys.iter().map(|key| key.id).collect::<Vec<_>>();
            assert_eq!(ids(account), ids(first));
        }
    }
    assert_eq!((world.site_count().await, world.trail().await.len()), (sites, trail));
    let first = &of(&told, "7").keys[0];
    assert!(
        world.opens(first.channel, first.credential.unwrap().as_str(), first.secret.as_ref().unwrap()).await
    );

    // More of them: the new ones are made, below masters that are there.
    let mut more = family();
    more.push(sub("11", "Quay", "2022-01-01", "7"));
    more.push(master("12", "Westwind", "2019-01-01"));
    let (_, made) = world.import(more).await;
    assert_eq!(states(&made)[4..], [AccountState::Made; 2]);
    let quay = world.control.site(&world.admin, of(&made, "11").site.unwrap()).await.unwrap();
    assert_eq!(quay.parent, of(&made, "7").site);
    // A sub-account alone finds its master too.
    let (_, made) = world.import(vec![sub("13", "Mole", "2022-01-01", "7")]).await;
    assert_eq!(states(&made), [AccountState::Made]);
}

#[tokio::test]
async fn what_is_not_as_it_was_is_told() {
    let world = World::new().await;
    let mut accounts = vec![master("7", "Northwind", "2021-03-31"), sub("8", "Harbour", "2020-02-02", "7")];
    accounts[0].credentials = chosen("north", CHOSEN);
    accounts[0].networks = anywhere("192.0.2.0/24");
    world.import(accounts.clone()).await;
    // What has been changed here since is no matter.
    let site = of(&world.dry(&world.admin, accounts.clone()).await.unwrap(), "8").site.unwrap();
    let renamed = SiteChange { name: Some("Haven".to_owned()), rules: RulesDraft::default() };
    world.control.update_site(&world.admin, site, &renamed).await.unwrap();
    let told = world.dry(&world.admin, accounts.clone()).await.unwrap();
    assert_eq!(states(&told), [AccountState::Unchanged; 2]);

    let mut other = accounts.clone();
    other[0].name = "Northwind Ltd".to_owned();
    other[0].created = "2021-04-01".to_owned();
    other[0].storage = Some("Files".to_owned());
    other[0].networks.clear();
    other[0].expires_at = Some("2030-01-01T00:00:00Z".to_owned());
    other[0].credentials = chosen("bureau", CHOSEN);
    other[1].name = "Haven".to_owned();
    let refused = problems(world.dry(&world.admin, other).await);
    let told: Vec<_> = refused.iter().map(|(field, _)| field.as_str()).collect();
    let of_first =
        ["name", "created", "storage", "networks", "expires_at"].map(|field| format!("accounts[0].{field}"));
    let names = CHANNELS.map(|channel| format!("accounts[0].channels.{channel}.user_name"));
    let wanted: Vec<_> =
        of_first.iter().chain(&names).map(String::as_str).chain(["accounts[1].name"]).collect();
    assert_eq!(told, wanted);
    assert!(refused[0].1.contains("\"Northwind\"") && refused[3].1.contains("192.0.2.0/24"), "{refused:?}");

    let mut secret_changed = accounts.clone();
    secret_changed[0].credentials = chosen("north", "green door in a wall");
    assert_eq!(
        fields(world.dry(&world.admin, secret_changed.clone()).await),
        ["accounts[0].channels.ftp.secret"]
    );
    let mut generated = accounts.clone();
    generated[0].credentials.secret = None;
    assert_eq!(fields(world.dry(&world.admin, generated).await).len(), 4);
    // A key with new credentials is its holder's business.
    let north = of(&world.dry(&world.admin, accounts.clone()).await.unwrap(), "7").site.unwrap();
    let there = world.admin_in(north).await;
    let keys = world.control.keys(&there, KeyQuery::default(), &PageRequest::first(10)).await.unwrap();
    for view in &keys.items {
        world.control.rotate_key(&there, view.key.id, &Rotation::default()).await.unwrap();
    }
    for given in [accounts, secret_changed] {
        assert_eq!(states(&world.dry(&world.admin, given).await.unwrap()), [AccountState::Unchanged; 2]);
    }
}

#[tokio::test]
async fn credentials_are_brought_along() {
    let world = World::new().await;
    let mut north = master("7", "Northwind", "2021-03-31");
    north.credentials = chosen("North", CHOSEN);
    let mut east = master("8", "Eastwind", "2021-03-31");
    east.channels = vec![
        (Channel::Ftp, chosen("east", "green door in a wall")),
        (Channel::Email, chosen("post", CHOSEN)),
    ];
    east.channels[1].1.secret = None;
    let accounts = vec![north, east];
    assert!(!format!("{accounts:?}").contains(CHOSEN));
    let (told, made) = world.import(accounts.clone()).await;
    let north = of(&told, "7");
    assert!(north.keys.iter().all(|key| key.chosen && key.secret.is_none()));
    for channel in CHANNELS {
        assert!(world.opens(channel, "north", &secret(CHOSEN)).await, "{channel}");
        assert!(!world.opens(channel, "north", &secret("green door in a wall")).await, "{channel}");
    }
    let east = of(&told, "8");
    let own: Vec<_> = east.keys.iter().map(|key| (key.login.as_deref(), key.chosen)).collect();
    assert_eq!(own, [(Some("east"), true), (None, false), (Some("post"), false), (None, false)]);
    assert!(world.opens(Channel::Ftp, "east", &secret("green door in a wall")).await);
    assert!(world.opens(Channel::Email, "post", east.keys[2].secret.as_ref().unwrap()).await);
    assert!(!world.opens(Channel::Http, "east", &secret("green door in a wall")).await);
    let trail = format!("{:?}", world.trail().await);
    assert!(!trail.contains(CHOSEN) && !trail.contains(east.keys[2].secret.as_ref().unwrap().reveal()));
    assert_eq!(states(&made), [AccountState::Made; 2]);
    assert_eq!(states(&world.dry(&world.admin, accounts).await.unwrap()), [AccountState::Unchanged; 2]);
}

#[tokio::test]
async fn every_fault_of_every_account_at_once() {
    let world = World::new().await;
    world.site(world.admin.site(), "Taken").await;
    world.import(vec![master("1", "Known", "2021-01-01"), sub("2", "Below", "2021-01-01", "1")]).await;
    let mut taken = master("90", "Ninety", "2021-01-01");
    taken.credentials = chosen("ninety", CHOSEN);
    world.import(vec![taken]).await;

    let weak = |text: &str| {
        let mut account = master("20", "Northwind", "2021-01-01");
        account.credentials =
            CredentialsDraft { login: Some("bureau".to_owned()), secret: Some(secret(text)) };
        account
    };
    for (text, _) in
        [("short", ()), ("Password 1234", ()), ("my northwind key", ()), ("the bureau secret", ())]
    {
        assert_eq!(
            fields(world.dry(&world.admin, vec![weak(text)]).await),
            ["accounts[0].credentials.secret"],
            "{text}"
        );
    }
    let mut accounts = vec![
        master("", "  ", "31.03.2021"),
        master(" 21", "TAKEN", "2021-01-01"),
        master("22", "Twice", "2021-01-01"),
        master("22", "twice", "2021-01-01"),
        sub("23", "Deeper", "2021-01-01", "2"),
        sub("24", "Lost", "2021-01-01", "999"),
        master("25", "Later", "2099-01-01"),
        master("26", "Named", "2021-01-01"),
        master("27", "Newer", "2024-01-01"),
        sub("28", "below", "2021-01-01", "1"),
        master("29", "Known", "2021-01-01"),
    ];
    accounts[7].credentials = chosen("NINETY", "green door in a wall");
    accounts[7].networks = anywhere("nowhere");
    accounts[7].expires_at = Some("soon".to_owned());
    accounts[8].channels = vec![(Channel::Ftp, chosen("newer", CHOSEN))];
    accounts[9].credentials = chosen("below", CHOSEN);
    let refused = problems(world.dry(&world.admin, accounts).await);
    let told: Vec<_> = refused.iter().map(|(field, _)| field.strip_prefix("accounts").unwrap()).collect();
    for wanted in [
        "[0].id",
        "[0].name",
        "[0].created",
        "[1].id",
        "[3].id",
        "[4].parent",
        "[6].created",
        "[7].networks[0]",
        "[7].expires_at",
        "[8].channels.ftp",
        "[9].credentials",
        "[9].name",
        "[10].name",
    ] {
        assert!(told.contains(&wanted), "{wanted} is not in {told:?}");
    }
    let said = |field: &str| &refused.iter().find(|(told, _)| told == field).unwrap().1;
    assert_eq!(said("accounts[3].id"), "accounts[2] has the same id");
    assert!(said("accounts[0].created").contains("2022-03-31"));
    // Once the rest can be read, what is between them is told.
    let mut between = vec![sub("24", "Lost", "2021-01-01", "999"), master("26", "Named", "2021-01-01")];
    between.push(master("30", "taken", "2021-01-01"));
    between.push(master("31", "NAMED", "2021-01-01"));
    between[1].credentials = chosen("NINETY", "green door in a wall");
    between[3].credentials = chosen("ninety", "green door in a wall");
    let refused = fields(world.dry(&world.admin, between).await);
    let names = |at: usize| CHANNELS.map(|channel| format!("accounts[{at}].channels.{channel}.user_name"));
    let mut wanted =
        vec!["accounts[0].parent".to_owned(), "accounts[2].name".to_owned(), "accounts[3].name".to_owned()];
    wanted.extend(names(1));
    wanted.extend(names(3));
    assert_eq!(refused, wanted);
    let mut same = vec![master("26", "One", "2021-01-01"), master("27", "Two", "2021-01-01")];
    same[0].credentials.login = Some("same".to_owned());
    same[1].channels =
        vec![(Channel::Http, CredentialsDraft { login: Some("SAME".to_owned()), secret: None })];
    assert_eq!(fields(world.dry(&world.admin, same).await), ["accounts[1].channels.http.user_name"]);
}

#[tokio::test]
async fn new_sites_begin_without_an_active_channel() {
    let world = World::new().await;
    let north = world.site(world.admin.site(), "north").await;
    let harbour = world.site(north, "harbour").await;
    for site in [north, harbour] {
        assert_eq!(world.keys_in(site).await, []);
        let admin = world.admin_in(site).await;
        let draft = portcullis_control::StorageDraft {
            name: "Files".to_owned(),
            provider: "builtin".to_owned(),
            ..portcullis_control::StorageDraft::default()
        };
        world.control.create_storage(&admin, &draft).await.unwrap();
        assert_eq!(world.keys_in(site).await, [], "nor does a storage bring one");
    }
    let all = world.metadata.all_keys().await.unwrap();
    assert!(all.iter().all(|(key, _)| key.site != north && key.site != harbour));
}
