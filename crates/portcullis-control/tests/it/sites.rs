//! The tree of sites: who sees what of it, what holds in it, and acting in one below one's own.

use std::time::Duration;

use portcullis_access::{Principal, SiteAdmin};
use portcullis_control::{
    AuditQuery, ControlError, KeyDraft, PageRequest, RulesDraft, ScopeDraft, SiteChange, SiteDraft, SiteView,
};
use portcullis_domain::{Role, SecondFactorRule, SiteId, SiteRules};

use crate::world::{PASSWORD, World, fields, is_not_for_keys, problems};

fn draft(name: &str, parent: Option<SiteId>) -> SiteDraft {
    SiteDraft {
        name: name.to_owned(),
        parent: parent.map(|parent| parent.to_string()),
        rules: RulesDraft::default(),
    }
}

fn renamed(name: &str) -> SiteChange {
    SiteChange { name: Some(name.to_owned()), rules: RulesDraft::default() }
}

fn ruled(change: impl FnOnce(&mut RulesDraft)) -> SiteChange {
    let mut rules = RulesDraft::default();
    change(&mut rules);
    SiteChange { name: None, rules }
}

impl World {
    async fn names(&self, admin: &SiteAdmin) -> Vec<String> {
        let seen = self.control.site_tree(admin).await.unwrap();
        seen.iter().map(|view| view.site.name.to_string()).collect()
    }

    async fn view(&self, admin: &SiteAdmin, id: SiteId) -> SiteView {
        self.control.site(admin, id).await.unwrap()
    }

    /// The deeds of this kind in the trail of a site.
    async fn deeds_in(&self, admin: &SiteAdmin, action: &str) -> Vec<(String, Option<String>)> {
        let page = PageRequest::first(1000);
        let trail = self.control.audit_events(admin, AuditQuery::default(), &page).await.unwrap().items;
        let deeds = trail.into_iter().filter(|event| event.action == action && event.allowed);
        deeds.map(|event| (event.actor, event.object)).collect()
    }
}

#[tokio::test]
async fn who_sees_which_part_of_the_tree() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let harbour = world.site(north, "harbour").await;
    let east = world.site(main, "East").await;
    assert_eq!(world.names(&world.admin).await, ["main", "East", "north", "harbour"]);
    let view = world.view(&world.admin, harbour).await;
    assert_eq!((view.parent, view.depth, view.home, view.current), (Some(north), 2, false, false));

    // Who acts in a site below still sees all that is theirs.
    let acting = world.admin_in(harbour).await;
    assert_eq!(acting.site(), harbour);
    assert_eq!(world.names(&acting).await, ["main", "East", "north", "harbour"]);
    assert!(world.view(&acting, harbour).await.current && world.view(&acting, main).await.home);

    let held = world.control.site_holdings(&acting).await.unwrap();
    assert_eq!((held.len(), held[&main].users, held[&harbour].users), (4, 1, 0));

    // Who belongs below sees from there down.
    let eve = world.user(north, "eve", Role::Admin).await;
    let eve = world.access.admin(&eve).unwrap();
    assert_eq!(world.names(&eve).await, ["north", "harbour"]);
    assert_eq!(world.control.site_holdings(&eve).await.unwrap().len(), 2);
    assert_eq!(world.view(&eve, north).await.parent, None, "what is above is not told");
    for unseen in [main, east, SiteId::generate()] {
        assert!(matches!(world.control.site(&eve, unseen).await, Err(ControlError::NotFound)));
        let change = world.control.update_site(&eve, unseen, &renamed("taken")).await;
        assert!(matches!(change, Err(ControlError::NotFound)));
        assert!(matches!(world.control.delete_site(&eve, unseen).await, Err(ControlError::NotFound)));
        assert_eq!(fields(world.control.create_site(&eve, &draft("x", Some(unseen))).await), ["parent"]);
    }

    // A key sees the one site that it was made in, wherever its maker belongs.
    let key = world.bearer(&world.key(|_| {}).await).await.unwrap();
    let key = world.access.admin(&key).unwrap();
    assert_eq!(world.names(&key).await, ["main"]);
    assert!(matches!(world.control.site(&key, north).await, Err(ControlError::NotFound)));
    let own =
        world.key(|draft| draft.scope = ScopeDraft::User(world.admin.user().unwrap().to_string())).await;
    let own = world.access.admin(&world.bearer(&own).await.unwrap()).unwrap();
    assert_eq!(world.names(&own).await, ["main"]);
    assert!(is_not_for_keys(world.control.create_site(&key, &draft("x", None)).await));
    assert!(is_not_for_keys(world.control.delete_site(&key, main).await));
    let switch = world.control.switch_site(key.principal(), &north.to_string()).await;
    assert!(is_not_for_keys(switch));
}

#[tokio::test]
async fn pages_and_searches() {
    let world = World::new().await;
    for name in ["north", "North-East", "south"] {
        world.site(world.admin.site(), name).await;
    }
    let list = async |search: Option<&str>, limit| {
        let (mut page, mut seen) = (PageRequest::first(limit), Vec::new());
        loop {
            let found = world.control.sites(&world.admin, search, &page).await.unwrap();
            seen.extend(found.items.iter().map(|view| view.site.name.to_string()));
            page.after = found.next;
            if page.after.is_none() {
                return seen;
            }
        }
    };
    assert_eq!(list(None, 2).await, ["main", "north", "North-East", "south"]);
    assert_eq!(list(Some(" NORTH "), 1).await, ["north", "North-East"]);
    assert_eq!(list(Some("west"), 1).await, [""; 0]);
    let foreign = PageRequest { limit: 1, after: Some(SiteId::generate().to_string()) };
    assert_eq!(fields(world.control.sites(&world.admin, None, &foreign).await), ["cursor"]);
}

#[tokio::test]
async fn rules_are_inherited_and_only_tightened() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let harbour = world.site(north, "harbour").await;
    assert_eq!(world.view(&world.admin, harbour).await.site.rules, SiteRules::OPEN);
    let set = async |id, change: &SiteChange| world.control.update_site(&world.admin, id, change).await;
    set(main, &ruled(|rules| rules.longest_key_days = Some(Some(90)))).await.unwrap();
    set(north, &ruled(|rules| rules.keys_need_networks = Some(true))).await.unwrap();
    let view = world.view(&world.admin, harbour).await;
    assert_eq!((view.effective.longest_key_days, view.effective.keys_need_networks), (Some(90), true));
    assert_eq!(world.control.effective_rules(harbour).await.unwrap(), view.effective);
    assert_eq!(view.above, Some(world.view(&world.admin, north).await.effective));
    assert_eq!(world.view(&world.admin, main).await.above, None);

    let looser = ruled(|rules| {
        rules.longest_key_days = Some(Some(91));
        rules.keys_need_networks = Some(false);
    });
    let refused = problems(set(harbour, &looser).await);
    assert_eq!(refused.len(), 2);
    assert!(refused[0].0 == "rules.keys_need_networks" && refused[0].1.contains("true"), "{refused:?}");
    assert!(refused[1].0 == "rules.longest_key_days" && refused[1].1.contains("90 days"), "{refused:?}");
    let unlimited = ruled(|rules| rules.longest_key_days = Some(None));
    assert_eq!(fields(set(harbour, &unlimited).await), ["rules.longest_key_days"]);
    set(harbour, &ruled(|rules| rules.longest_key_days = Some(Some(30)))).await.unwrap();
    assert_eq!(world.control.effective_rules(harbour).await.unwrap().longest_key_days, Some(30));

    // What is tightened above later binds what was allowed below before.
    set(main, &ruled(|rules| rules.longest_key_days = Some(Some(7)))).await.unwrap();
    assert_eq!(world.control.effective_rules(harbour).await.unwrap().longest_key_days, Some(7));
    assert_eq!(world.view(&world.admin, harbour).await.site.rules.longest_key_days, Some(30));

    // The trail of the site that is changed says so, as does that of the site in which it was done.
    let there = world.admin_in(harbour).await;
    let deeds = world.deeds_in(&there, "update_site").await;
    assert_eq!(deeds.len(), 1);
    assert!(deeds[0].1.as_deref().unwrap().ends_with("longest_key_days: none → 30"), "{deeds:?}");
    assert_eq!(world.deeds_in(&world.admin, "update_site").await.len(), 4);
    assert!(matches!(world.control.effective_rules(SiteId::generate()).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn rules_hold_below_as_soon_as_they_are_set() {
    let world = World::new().await;
    let north = world.site(world.admin.site(), "north").await;
    let eve = world.user(north, "eve", Role::Admin).await;
    assert!(world.access.admin(&eve).is_ok());
    let everybody = ruled(|rules| rules.second_factor = Some("everybody".to_owned()));
    let view = world.control.update_site(&world.admin, world.admin.site(), &everybody).await.unwrap();
    assert_eq!(view.effective.second_factor, SecondFactorRule::Everybody);
    assert!(world.access.admin(&eve).is_err(), "she signed in without one");
}

#[tokio::test]
async fn wrong_fields_and_names_that_are_taken() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let bad = SiteDraft {
        name: " ".to_owned(),
        parent: None,
        rules: RulesDraft {
            longest_key_days: Some(Some(0)),
            idle_key_days: Some(Some(u64::MAX)),
            second_factor: Some("never".to_owned()),
            ..RulesDraft::default()
        },
    };
    assert_eq!(
        fields(world.control.create_site(&world.admin, &bad).await),
        ["name", "rules.longest_key_days", "rules.idle_key_days", "rules.second_factor"]
    );
    let parent = SiteDraft { parent: Some("x".to_owned()), ..draft("y", None) };
    assert_eq!(fields(world.control.create_site(&world.admin, &parent).await), ["parent"]);
    let taken = world.control.create_site(&world.admin, &draft("NORTH", Some(main))).await;
    assert!(matches!(taken, Err(ControlError::Conflict { field: "name" })), "{taken:?}");
    world.site(north, "north").await;
    let south = world.site(main, "south").await;
    let taken = world.control.update_site(&world.admin, south, &renamed("north")).await;
    assert!(matches!(taken, Err(ControlError::Conflict { field: "name" })), "{taken:?}");
    assert_eq!(fields(world.control.update_site(&world.admin, south, &renamed("")).await), ["name"]);
    let renamed = world.control.update_site(&world.admin, south, &renamed("deep south")).await.unwrap();
    assert_eq!(renamed.site.name.as_str(), "deep south");
}

#[tokio::test]
async fn a_change_that_was_overtaken_is_not_made() {
    let world = World::new().await;
    let north = world.site(world.admin.site(), "north").await;
    let seen = world.view(&world.admin, north).await.site;
    world.control.update_site(&world.admin, north, &renamed("first")).await.unwrap();
    let second = renamed("second");
    let overtaken = world.control.update_site_if(&world.admin, north, &second, |now| *now == seen).await;
    assert_eq!(overtaken.unwrap(), None);
    assert_eq!(world.control.delete_site_if(&world.admin, north, |now| *now == seen).await.unwrap(), None);
    assert_eq!(world.view(&world.admin, north).await.site.name.as_str(), "first");
}

#[tokio::test]
async fn sites_lie_at_most_32_deep() {
    let world = World::new().await;
    let mut parent = world.admin.site();
    for level in 2..=32 {
        parent = world.site(parent, &format!("level {level}")).await;
    }
    let deeper = world.control.create_site(&world.admin, &draft("level 33", Some(parent))).await;
    let refused = problems(deeper);
    assert!(refused[0].0 == "parent" && refused[0].1.contains("32"), "{refused:?}");
    assert_eq!(world.admin_in(parent).await.site(), parent);
    assert_eq!(world.view(&world.admin, parent).await.depth, 31);
}

#[tokio::test]
async fn only_an_empty_site_can_be_deleted() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let harbour = world.site(north, "harbour").await;
    let refusal = async |id| match world.control.delete_site(&world.admin, id).await {
        Err(ControlError::InUse(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal(north).await, "sites below it");
    assert!(refusal(main).await.starts_with("sites below it, users"));
    world.user(harbour, "eve", Role::Member).await;
    assert_eq!(refusal(harbour).await, "users");
    let east = world.site(main, "east").await;
    let there = world.admin_in(east).await;
    let key = KeyDraft {
        name: "a key".to_owned(),
        channel: "rest".to_owned(),
        scope: ScopeDraft::Site,
        permission: "full".to_owned(),
        overwrite: None,
        networks: Vec::new(),
        prefix: None,
        expires_at: None,
        on_leak: None,
        login: None,
        secret: None,
        public_keys: Vec::new(),
        mail: portcullis_control::MailDraft::default(),
    };
    let made = world.control.create_key(&there, &key).await.unwrap();
    assert_eq!(refusal(east).await, "keys");
    world.control.delete_key(&there, made.view.key.id).await.unwrap();
    assert_eq!(
        refusal(east).await,
        "traces of what was deleted in it",
        "a key that was deleted is not forgotten"
    );

    let west = world.site(main, "west").await;
    world.control.delete_site(&world.admin, west).await.unwrap();
    assert!(matches!(world.control.site(&world.admin, west).await, Err(ControlError::NotFound)));
    let deleted = world.deeds_in(&world.admin, "delete_site").await;
    assert_eq!(deleted[0].1, Some(format!("west ({west})")));
    assert_eq!(world.site(main, "west").await.to_string().len(), 36, "the name is free again");
}

#[tokio::test]
async fn acting_below_stands_in_both_trails() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let there = world.admin_in(north).await;
    let named = |id: SiteId, name: &str| vec![("user:admin".to_owned(), Some(format!("{name} ({id})")))];
    assert_eq!(world.deeds_in(&world.admin, "switch_site").await, named(north, "north"));
    assert_eq!(world.deeds_in(&there, "switch_site").await, named(north, "north"));

    // What is done there stands there alone.
    let storage = portcullis_control::StorageDraft {
        name: "there".to_owned(),
        provider: "builtin".to_owned(),
        ..portcullis_control::StorageDraft::default()
    };
    let made = world.control.create_storage(&there, &storage).await.unwrap().storage;
    assert_eq!((made.site, made.owner), (north, world.admin.user().unwrap()));
    let number = world.metadata.user(made.owner).await.unwrap().unwrap().number;
    assert!(made.bucket.as_str().starts_with(&format!("usr-{number}-")), "{}", made.bucket);
    assert_eq!(world.deeds_in(&there, "create_storage").await.len(), 1);
    assert_eq!(world.deeds_in(&world.admin, "create_storage").await, []);
    assert!(matches!(world.control.storage(&world.admin, made.id).await, Err(ControlError::NotFound)));
    assert!(world.control.storage(&there, made.id).await.is_ok());

    // And back.
    let who = world.acting("admin", north).await;
    world.control.switch_site(&who, &main.to_string()).await.unwrap();
    assert_eq!(world.deeds_in(&there, "switch_site").await.len(), 3);
}

/// A site's key has nobody behind it, and the site nobody of its own: whoever runs it from above owns what it makes.
#[tokio::test]
async fn a_key_of_a_site_without_admins_makes_storages() {
    let world = World::new().await;
    let north = world.site(world.admin.site(), "north").await;
    let there = world.admin_in(north).await;
    let key = KeyDraft {
        name: "a key".to_owned(),
        channel: "rest".to_owned(),
        scope: ScopeDraft::Site,
        permission: "full".to_owned(),
        overwrite: None,
        networks: Vec::new(),
        prefix: None,
        expires_at: None,
        on_leak: None,
        login: None,
        secret: None,
        public_keys: Vec::new(),
        mail: portcullis_control::MailDraft::default(),
    };
    let made = world.control.create_key(&there, &key).await.unwrap();
    let key = world.access.admin(&world.bearer(&made).await.unwrap()).unwrap();
    let storage = portcullis_control::StorageDraft {
        name: "there".to_owned(),
        provider: "builtin".to_owned(),
        ..portcullis_control::StorageDraft::default()
    };
    let made = world.control.create_storage(&key, &storage).await.unwrap().storage;
    assert_eq!((made.site, made.owner), (north, world.admin.user().unwrap()));
}

#[tokio::test]
async fn who_may_act_where() {
    let world = World::new().await;
    let main = world.admin.site();
    let north = world.site(main, "north").await;
    let harbour = world.site(north, "harbour").await;
    let east = world.site(main, "east").await;
    let eve = world.user(north, "eve", Role::Admin).await;
    let bob = world.user(main, "bob", Role::Member).await;
    let switch =
        async |who: &Principal, to: &str| world.control.switch_site(who, to).await.map(|site| site.id);
    assert_eq!(switch(&eve, &harbour.to_string()).await.unwrap(), harbour);
    assert_eq!(switch(&bob, &main.to_string()).await.unwrap(), main, "where one is anyway");
    let outside = [main.to_string(), east.to_string(), SiteId::generate().to_string(), String::new()];
    let refusals: Vec<_> = futures_util::future::join_all(outside.iter().map(|to| switch(&eve, to))).await;
    let mut refusals: Vec<_> = refusals.into_iter().map(problems).collect();
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "a site that is not theirs is like none: {refusals:?}");
    assert_eq!(refusals[0][0].0, "site");
    for to in [north, harbour, east] {
        assert_eq!(fields(switch(&bob, &to.to_string()).await), ["site"]);
    }
    // Who is an admin no longer acts below no longer.
    let acting = world.acting("eve", harbour).await;
    assert!(world.access.admin(&acting).is_ok());
    let there = world.admin_in(north).await;
    let member = portcullis_control::UserChange { role: Some("member".to_owned()), state: None };
    world.control.update_user(&there, eve.user_id().unwrap(), &member).await.unwrap();
    assert!(world.access.admin(&acting).is_err());
    assert!(world.control.own_reach(&acting, None, &PageRequest::first(10)).await.unwrap().items.is_empty());
    assert_eq!(switch(&acting, &north.to_string()).await.unwrap(), north, "the way back is open");
}

#[tokio::test]
async fn rules_and_deletions_are_confirmed() {
    let world = World::new().await;
    let north = world.site(world.admin.site(), "north").await;
    world.clock.advance(Duration::from_secs(11 * 60));
    let rules = ruled(|rules| rules.members_make_keys = Some(false));
    let unconfirmed = world.control.update_site(&world.admin, north, &rules).await;
    assert!(matches!(unconfirmed, Err(ControlError::ConfirmationNeeded)), "{unconfirmed:?}");
    let unconfirmed = world.control.delete_site(&world.admin, north).await;
    assert!(matches!(unconfirmed, Err(ControlError::ConfirmationNeeded)), "{unconfirmed:?}");
    world.control.update_site(&world.admin, north, &renamed("a name is no danger")).await.unwrap();
    let who = world.sign_in("admin", PASSWORD).await.unwrap();
    let fresh = world.access.admin(&who).unwrap();
    world.control.update_site(&fresh, north, &rules).await.unwrap();
    world.control.delete_site(&fresh, north).await.unwrap();
}
