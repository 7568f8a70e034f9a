//! People: let in, invited, changed, reset, kept out; and what ends with that.

use std::time::Duration;

use portcullis_access::{AccessError, Denial, Origin, Principal};
use portcullis_control::{
    ChangedUser, ControlError, CreatedKey, CreatedUser, Ended, NetworkDraft, PageRequest, ScopeDraft,
    UserChange, UserDraft, UserQuery,
};
use portcullis_domain::{Clock as _, Role, UserId, UserState};

use crate::world::{PASSWORD, World, fields, origin, problems, secret};

const NEW: &str = "red kettle in the hall";
const MINUTE: Duration = Duration::from_secs(60);

fn draft(username: &str, role: &str) -> UserDraft {
    UserDraft { username: username.to_owned(), role: role.to_owned(), password: None }
}

fn to(role: Option<&str>, state: Option<&str>) -> UserChange {
    UserChange { role: role.map(str::to_owned), state: state.map(str::to_owned) }
}

fn is_throttled_or_wrong(error: &ControlError) -> bool {
    matches!(error, ControlError::Access(AccessError::Denied(Denial::BadSecret)))
}

impl World {
    async fn invite(&self, username: &str, role: &str) -> CreatedUser {
        self.control.create_user(&self.admin, &draft(username, role)).await.unwrap()
    }

    async fn accept(&self, token: &str, password: &str) -> Result<String, ControlError> {
        let accepted =
            self.control.accept_invitation(origin("192.0.2.1"), &secret(token), &secret(password)).await;
        accepted.map(|user| user.username.to_string())
    }

    async fn set(&self, id: UserId, change: &UserChange) -> Result<ChangedUser, ControlError> {
        self.control.update_user(&self.admin, id, change).await
    }

    async fn state(&self, id: UserId) -> UserState {
        self.control.user(&self.admin, id).await.unwrap().user.state
    }

    /// A REST key of this person.
    async fn key_of(&self, user: UserId, permission: &str) -> CreatedKey {
        self.key(|draft| {
            draft.scope = ScopeDraft::User(user.to_string());
            draft.permission = permission.to_owned();
        })
        .await
    }
}

#[tokio::test]
async fn somebody_is_invited_and_chooses_a_password() {
    let world = World::new().await;
    let made = world.invite("Ada", "member").await;
    let id = made.row.user.id;
    let invitation = made.invitation.unwrap();
    assert_eq!(
        (made.row.user.username.as_str(), made.row.user.state, made.row.has_password),
        ("ada", UserState::Invited, false)
    );
    assert_eq!(invitation.expires, world.clock.now().after(7 * 24 * 60 * MINUTE));
    let token = invitation.token.reveal();
    let view = world.control.invitation(token).await.unwrap().unwrap();
    assert_eq!((view.username.as_str(), view.site.as_str()), ("ada", "main"));
    for password in ["", PASSWORD] {
        assert!(is_throttled_or_wrong(&world.sign_in("ada", password).await.unwrap_err()));
    }
    assert_eq!(fields(world.accept(token, "short").await), ["password"]);
    assert_eq!(fields(world.accept(token, "password1234").await), ["password"]);
    assert_eq!(world.accept(token, NEW).await.unwrap(), "ada");
    assert_eq!(world.state(id).await, UserState::Active);
    assert!(world.sign_in("ada", NEW).await.is_ok());
    assert!(world.control.user(&world.admin, id).await.unwrap().has_password);

    // Once, and never again.
    assert_eq!(fields(world.accept(token, PASSWORD).await), ["token"]);
    assert_eq!(world.control.invitation(token).await.unwrap(), None);
    assert!(world.sign_in("ada", NEW).await.is_ok());
    let trail = world.trail().await;
    let accepted = trail.iter().find(|event| event.action == "accept_invitation").unwrap();
    assert_eq!((accepted.actor.as_str(), accepted.peer.as_str()), ("user:ada", "192.0.2.1"));
    assert!(!format!("{trail:?}").contains(token) && !format!("{trail:?}").contains(NEW));
    assert!(!format!("{invitation:?}").contains(token));
}

#[tokio::test]
async fn an_invitation_that_is_none_looks_like_one_that_ran_out() {
    let world = World::new().await;
    let old = world.invite("ada", "member").await.invitation.unwrap();
    let other = world.access.mint_token().unwrap().0;
    let disabled = world.invite("bob", "member").await;
    world.set(disabled.row.user.id, &to(None, Some("disabled"))).await.unwrap();
    world.clock.advance(7 * 24 * 60 * MINUTE);
    let fresh = world.invite("eve", "member").await.invitation.unwrap();
    let disabled = disabled.invitation.unwrap();
    let mut refusals = Vec::new();
    for token in [old.token.reveal(), other.reveal(), disabled.token.reveal(), "", "a b", &"x".repeat(10_000)]
    {
        assert_eq!(world.control.invitation(token).await.unwrap(), None);
        refusals.push(problems(world.accept(token, NEW).await));
        refusals.push(problems(world.accept(token, "short").await));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0][0].0, "token");
    world.accept(&format!(" {}\n", fresh.token.reveal()), NEW).await.unwrap();
}

#[tokio::test]
async fn somebody_is_let_in_with_a_password() {
    let world = World::new().await;
    let with = UserDraft { password: Some(secret(NEW)), ..draft("ada", "member") };
    let made = world.control.create_user(&world.admin, &with).await.unwrap();
    assert!(made.invitation.is_none());
    assert_eq!((made.row.user.state, made.row.has_password), (UserState::Active, true));
    assert!(world.sign_in("ada", NEW).await.is_ok());
    assert!(!format!("{with:?}").contains(NEW));
}

#[tokio::test]
async fn wrong_fields_and_names_that_are_taken() {
    let world = World::new().await;
    world.stranger().await;
    let create = async |draft: UserDraft| world.control.create_user(&world.admin, &draft).await;
    assert_eq!(fields(create(draft("a b", "owner")).await), ["username", "role"]);
    assert_eq!(fields(create(draft(&"x".repeat(65), "Member")).await), ["username", "role"]);
    let short = UserDraft { password: Some(secret("short")), ..draft("ada", "member") };
    assert_eq!(fields(create(short).await), ["password"]);
    for taken in ["admin", "ADMIN", "eve"] {
        let refused = create(draft(taken, "member")).await;
        assert!(matches!(refused, Err(ControlError::Conflict { field: "username" })), "{taken}: {refused:?}");
    }
    let bob = world.invite("bob", "member").await.row.user.id;
    assert_eq!(fields(world.set(bob, &to(Some("root"), Some("gone"))).await), ["role", "state"]);
    assert_eq!(fields(world.set(bob, &to(None, Some("active"))).await), ["state"]);
    assert_eq!(world.state(bob).await, UserState::Invited);
}

#[tokio::test]
async fn people_of_other_sites_are_not_there() {
    let world = World::new().await;
    let eve = world.stranger().await;
    let foreign = [eve.user().unwrap(), UserId::generate()];
    for id in foreign {
        let not_found = |outcome: Result<(), ControlError>| {
            assert!(matches!(outcome, Err(ControlError::NotFound)), "{outcome:?}");
        };
        not_found(world.control.user(&world.admin, id).await.map(drop));
        not_found(world.set(id, &to(None, Some("disabled"))).await.map(drop));
        not_found(world.control.reset_user(&world.admin, id, false).await.map(drop));
        not_found(world.control.sessions_of_user(&world.admin, id).await.map(drop));
        not_found(world.control.end_sessions_of_user(&world.admin, id).await.map(drop));
    }
    assert!(world.access.admin(eve.principal()).is_ok());
    let all = world.control.users(&world.admin, UserQuery::default(), &PageRequest::first(10)).await.unwrap();
    assert_eq!(all.items.iter().map(|row| row.user.username.as_str()).collect::<Vec<_>>(), ["admin"]);
    // From above they are, once one acts in their site.
    let there = world.admin_in(eve.site()).await;
    assert!(world.control.user(&there, foreign[0]).await.is_ok());
    assert!(matches!(
        world.control.user(&there, world.admin.user().unwrap()).await,
        Err(ControlError::NotFound)
    ));
}

#[tokio::test]
async fn lists() {
    let world = World::new().await;
    for name in ["zoe", "ada", "adam"] {
        world.invite(name, "member").await;
    }
    world.user(world.admin.site(), "mia", Role::Member).await;
    let list = async |query: UserQuery, limit| {
        let (mut page, mut seen) = (PageRequest::first(limit), Vec::new());
        loop {
            let found = world.control.users(&world.admin, query.clone(), &page).await.unwrap();
            seen.extend(found.items.iter().map(|row| row.user.username.to_string()));
            page.after = found.next;
            if page.after.is_none() {
                return seen;
            }
        }
    };
    assert_eq!(list(UserQuery::default(), 2).await, ["ada", "adam", "admin", "mia", "zoe"]);
    let search = UserQuery { search: Some("ADA".to_owned()), ..UserQuery::default() };
    assert_eq!(list(search, 1).await, ["ada", "adam"]);
    let role = UserQuery { role: Some(Role::Admin), ..UserQuery::default() };
    assert_eq!(list(role, 10).await, ["admin"]);
    let state =
        UserQuery { state: Some(UserState::Active), role: Some(Role::Member), ..UserQuery::default() };
    assert_eq!(list(state, 10).await, ["mia"]);
}

#[tokio::test]
async fn who_is_kept_out_has_nothing_left_when_the_call_returns() {
    let world = World::new().await;
    let session = world.user(world.admin.site(), "eve", Role::Admin).await;
    let id = session.user_id().unwrap();
    let key = world.key_of(id, "full").await;
    let bearer = world.bearer(&key).await.unwrap();
    assert!(world.access.admin(&session).is_ok() && world.access.admin(&bearer).is_ok());
    let changed = world.set(id, &to(None, Some("disabled"))).await.unwrap();
    assert_eq!(changed.row.user.state, UserState::Disabled);
    assert_eq!(changed.ended, Ended { sessions: 1, transfers: 0 });
    assert!(world.access.admin(&session).is_err() && world.access.admin(&bearer).is_err());
    assert!(world.bearer(&key).await.is_err());
    assert!(world.metadata.sessions_of(id).await.unwrap().is_empty());
    assert!(world.sign_in("eve", PASSWORD).await.is_err());

    // Let in again, what was before does not come back; the key does.
    let again = world.set(id, &to(None, Some("active"))).await.unwrap();
    assert_eq!((again.row.user.state, again.ended), (UserState::Active, Ended::default()));
    assert!(world.access.admin(&session).is_err());
    assert!(world.bearer(&key).await.is_ok());
    assert!(world.sign_in("eve", PASSWORD).await.is_ok());
    let trail = world.trail().await;
    let deeds: Vec<_> = trail
        .iter()
        .filter(|event| event.action == "update_user")
        .filter_map(|event| event.object.as_deref())
        .collect();
    assert_eq!(deeds, ["eve; state: disabled → active", "eve; state: active → disabled"]);
}

#[tokio::test]
async fn a_role_holds_at_once() {
    let world = World::new().await;
    let who = world.user(world.admin.site(), "eve", Role::Member).await;
    let id = who.user_id().unwrap();
    assert!(world.access.admin(&who).is_err());
    world.set(id, &to(Some("admin"), None)).await.unwrap();
    assert!(world.access.admin(&who).is_ok());
    let key = world.bearer(&world.key_of(id, "full").await).await.unwrap();
    assert!(world.access.admin(&key).is_ok());
    world.set(id, &to(Some("member"), None)).await.unwrap();
    assert!(world.access.admin(&who).is_err() && world.access.admin(&key).is_err());
    let before = world.trail().await.len();
    let same = world.set(id, &to(Some("member"), Some("active"))).await.unwrap();
    assert_eq!(same.ended, Ended::default());
    assert_eq!(world.trail().await.len(), before, "what is no change is none");
}

#[tokio::test]
async fn nobody_takes_it_from_themselves_and_one_admin_stays() {
    let world = World::new().await;
    let own = world.admin.user().unwrap();
    assert_eq!(fields(world.set(own, &to(Some("member"), Some("disabled"))).await), ["role", "state"]);
    assert_eq!(fields(world.control.reset_user(&world.admin, own, true).await), ["user"]);
    // A key of nobody is not oneself, and yet it may not take the last one away.
    let key = world.bearer(&world.key(|_| {}).await).await.unwrap();
    let key = world.access.admin(&key).unwrap();
    let update = async |change: &UserChange| world.control.update_user(&key, own, change).await;
    assert_eq!(fields(update(&to(Some("member"), None)).await), ["role"]);
    assert_eq!(fields(update(&to(None, Some("disabled"))).await), ["state"]);
    let invited = world.invite("ada", "admin").await;
    assert_eq!(
        fields(update(&to(Some("member"), None)).await),
        ["role"],
        "who is only invited does not count"
    );
    world.accept(invited.invitation.unwrap().token.reveal(), NEW).await.unwrap();
    assert_eq!(update(&to(Some("member"), None)).await.unwrap().row.user.role, Role::Member);
    assert!(world.access.admin(world.admin.principal()).is_err());

    // A site below can be without one: it is run from above.
    let world = World::new().await;
    let eve = world.stranger().await;
    let there = world.admin_in(eve.site()).await;
    let change = to(None, Some("disabled"));
    world.control.update_user(&there, eve.user().unwrap(), &change).await.unwrap();
    assert!(world.access.admin(eve.principal()).is_err());
}

#[tokio::test]
async fn a_reset_takes_the_password_and_leaves_the_keys() {
    let world = World::new().await;
    let session = world.user(world.admin.site(), "eve", Role::Member).await;
    let id = session.user_id().unwrap();
    let key = world.key_of(id, "read_write").await;
    world.metadata.set_totp(id, Some(vec![1; 20])).await.unwrap();
    let reset = world.control.reset_user(&world.admin, id, false).await.unwrap();
    assert_eq!(reset.ended, Ended { sessions: 1, transfers: 0 });
    assert!(world.control.own_sessions(&session).await.unwrap().is_empty());
    assert!(is_throttled_or_wrong(&world.sign_in("eve", PASSWORD).await.unwrap_err()));
    assert!(is_throttled_or_wrong(&world.sign_in("eve", "").await.unwrap_err()));
    assert!(world.bearer(&key).await.is_ok());
    let row = world.control.user(&world.admin, id).await.unwrap();
    assert_eq!((row.user.state, row.has_password, row.totp), (UserState::Active, false, true));
    // Reset once more, the first invitation is none any more.
    let second = world.control.reset_user(&world.admin, id, true).await.unwrap();
    assert_eq!(fields(world.accept(reset.invitation.token.reveal(), NEW).await), ["token"]);
    assert!(!world.control.user(&world.admin, id).await.unwrap().totp);
    world.accept(second.invitation.token.reveal(), NEW).await.unwrap();
    assert!(world.sign_in("eve", NEW).await.is_ok());

    world.set(id, &to(None, Some("disabled"))).await.unwrap();
    assert_eq!(fields(world.control.reset_user(&world.admin, id, false).await), ["user"]);
}

#[tokio::test]
async fn the_sign_ins_of_somebody_are_looked_at_and_ended() {
    let world = World::new().await;
    let first = world.user(world.admin.site(), "eve", Role::Member).await;
    let id = first.user_id().unwrap();
    world.clock.advance(MINUTE);
    let second = world.sign_in("eve", PASSWORD).await.unwrap();
    let sessions = world.control.sessions_of_user(&world.admin, id).await.unwrap();
    let ids: Vec<_> = sessions.iter().map(|session| Some(session.id)).collect();
    assert_eq!(ids, [second.session_id(), first.session_id()], "the newest first");
    let ended = world.control.end_sessions_of_user(&world.admin, id).await.unwrap();
    assert_eq!(ended, Ended { sessions: 2, transfers: 0 });
    assert!(world.control.sessions_of_user(&world.admin, id).await.unwrap().is_empty());
    assert!(world.access.oneself(&first).is_err() && world.access.oneself(&second).is_err());
    assert!(world.sign_in("eve", PASSWORD).await.is_ok());
}

/// A person may come from anywhere, for as long as they like: whoever has a key that may not must not make one.
#[tokio::test]
async fn a_narrow_key_decides_nothing_about_people() {
    let world = World::new().await;
    let ends = world.clock.now().after(60 * MINUTE).to_string();
    let from = NetworkDraft { network: "192.0.2.0/24".to_owned(), note: String::new() };
    let bound = world.key(|draft| draft.networks = vec![from]).await;
    let ending = world.key(|draft| draft.expires_at = Some(ends)).await;
    let wide = world.key(|_| {}).await;
    let bob = world.user(world.admin.site(), "bob", Role::Member).await.user_id().unwrap();
    let refused = |outcome: Result<(), ControlError>| {
        matches!(outcome, Err(ControlError::Access(AccessError::Denied(Denial::WrongCredentialKind))))
    };
    for key in [&bound, &ending] {
        let key = world.access.admin(&world.bearer(key).await.unwrap()).unwrap();
        let create = world.control.create_user(&key, &draft("ada", "member")).await;
        assert!(refused(create.map(drop)));
        assert!(refused(world.control.reset_user(&key, bob, false).await.map(drop)));
        assert!(refused(world.control.update_user(&key, bob, &to(Some("admin"), None)).await.map(drop)));
        // What takes away it may do.
        world.control.update_user(&key, bob, &to(None, Some("disabled"))).await.unwrap();
        assert!(refused(world.control.update_user(&key, bob, &to(None, Some("active"))).await.map(drop)));
        world.set(bob, &to(None, Some("active"))).await.unwrap();
    }
    let key = world.access.admin(&world.bearer(&wide).await.unwrap()).unwrap();
    assert!(world.control.create_user(&key, &draft("ada", "admin")).await.is_ok());
    let trail = world.trail().await;
    let denied = trail.iter().filter(|event| event.reason == "wider_than_own").count();
    assert_eq!(denied, 8, "{trail:?}");
}

#[tokio::test]
async fn what_is_dangerous_is_confirmed() {
    let world = World::new().await;
    let who = world.user(world.admin.site(), "eve", Role::Member).await;
    let id = who.user_id().unwrap();
    world.clock.advance(11 * MINUTE);
    let unconfirmed =
        |outcome: Result<(), ControlError>| matches!(outcome, Err(ControlError::ConfirmationNeeded));
    let create = async |role: &str| {
        world.control.create_user(&world.admin, &draft(&format!("new.{role}"), role)).await.map(drop)
    };
    assert!(unconfirmed(create("admin").await));
    create("member").await.unwrap();
    assert!(unconfirmed(world.set(id, &to(Some("admin"), None)).await.map(drop)));
    assert!(unconfirmed(world.set(id, &to(None, Some("disabled"))).await.map(drop)));
    assert!(unconfirmed(world.control.reset_user(&world.admin, id, false).await.map(drop)));
    assert!(world.access.oneself(&who).is_ok());
    let origin: Origin<'_> = origin("192.0.2.1");
    let proved = world.access.prove_password(&origin, "admin", &secret(PASSWORD)).await.unwrap();
    let admin: &Principal = world.admin.principal();
    world.access.confirm(admin, &proved).await.unwrap();
    create("admin").await.unwrap();
    world.set(id, &to(None, Some("disabled"))).await.unwrap();
}

#[tokio::test]
async fn a_change_that_was_overtaken_is_not_made() {
    let world = World::new().await;
    let id = world.user(world.admin.site(), "eve", Role::Member).await.user_id().unwrap();
    let seen = world.control.user(&world.admin, id).await.unwrap().user;
    world.set(id, &to(Some("admin"), None)).await.unwrap();
    let disable = to(None, Some("disabled"));
    let late = world.control.update_user_if(&world.admin, id, &disable, |now| *now == seen).await.unwrap();
    assert!(late.is_none());
    let late = world.control.reset_user_if(&world.admin, id, false, |now| *now == seen).await.unwrap();
    assert!(late.is_none());
    assert_eq!(world.state(id).await, UserState::Active);
    assert!(world.sign_in("eve", PASSWORD).await.is_ok());
}
