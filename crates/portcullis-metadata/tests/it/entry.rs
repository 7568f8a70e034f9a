//! How people come in: lists of them, invitations, passwords that are replaced at the same moment, second factors.

use futures_util::future::join_all;
use portcullis_domain::{PasskeyId, Role, SessionId, UserId, UserState, Username};
use portcullis_metadata::{
    ChangeKind, MetadataErrorKind, NewPasskey, NewUser, PageRequest, SealedOwner, UserQuery,
};

use crate::sharing::group;
use crate::sites::below;
use crate::world::{World, at, key_for, name, new_storage, new_user, session, set_state};

fn invited(site: portcullis_domain::SiteId, username: &str) -> NewUser {
    NewUser { role: Role::Member, state: UserState::Invited, password_phc: None, ..new_user(site, username) }
}

pub(crate) async fn lists_of_people(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    metadata.create_user(new_user(child.id, "elsewhere")).await.unwrap();
    let ada = metadata.create_user(invited(main.id, "ada")).await.unwrap();
    for n in 0..5 {
        metadata.create_user(invited(main.id, &format!("m_{n}"))).await.unwrap();
    }
    let (zebras, apes) = (group(&main, "Zebras"), group(&main, "apes"));
    for group in [&zebras, &apes] {
        metadata.create_group(group).await.unwrap();
        metadata.add_member(group.id, ada.id).await.unwrap();
    }
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let mut keys = Vec::new();
    for n in 0..3 {
        let mut key = key_for(&storage, &format!("key {n}"));
        key.scope = portcullis_domain::Scope::User(ada.id);
        metadata.create_key(&key, &portcullis_metadata::StoredSecret::None).await.unwrap();
        keys.push(key);
    }
    metadata.delete_key(keys[0].id, at(5)).await.unwrap();
    metadata.note_sign_in(ada.id, at(50)).await.unwrap();
    metadata.note_sign_in(ada.id, at(40)).await.unwrap();
    metadata.set_totp(ada.id, Some(vec![1])).await.unwrap();
    metadata.add_passkey(&passkey(ada.id, 1)).await.unwrap();

    let row = metadata.user_row(ada.id).await.unwrap().unwrap();
    assert_eq!((&row.user, row.last_sign_in), (&ada, Some(at(50))));
    assert_eq!((row.has_password, row.totp, row.passkeys, row.keys), (false, true, 1, 2));
    assert_eq!(row.groups, [(apes.id, apes.name), (zebras.id, zebras.name)]);
    assert_eq!(metadata.user_row(UserId::generate()).await.unwrap(), None);

    let (mut names, mut page) = (Vec::new(), PageRequest::first(3));
    loop {
        let found = metadata.users_page(&UserQuery::of(main.id), &page).await.unwrap();
        assert!(found.items.len() <= 3);
        names.extend(found.items.iter().map(|row| row.user.username.to_string()));
        if let Some(at_ada) = found.items.iter().find(|found| found.user.id == ada.id) {
            assert_eq!(*at_ada, row);
        }
        let Some(next) = found.next else { break };
        page.after = Some(next);
    }
    assert_eq!(names, ["ada", "admin", "m_0", "m_1", "m_2", "m_3", "m_4"]);
    let found = async |query: UserQuery| {
        let page = metadata.users_page(&query, &PageRequest::first(100)).await.unwrap();
        page.items.iter().map(|row| row.user.username.to_string()).collect::<Vec<_>>().join(" ")
    };
    let all = || UserQuery::of(main.id);
    assert_eq!(found(UserQuery { search: Some("AD".to_owned()), ..all() }).await, "ada admin");
    assert_eq!(found(UserQuery { search: Some("_3".to_owned()), ..all() }).await, "m_3");
    assert_eq!(found(UserQuery { search: Some("%".to_owned()), ..all() }).await, "");
    assert_eq!(found(UserQuery { role: Some(Role::Admin), ..all() }).await, "admin");
    let active = UserQuery { state: Some(UserState::Active), ..all() };
    assert_eq!(found(UserQuery { search: Some("a".to_owned()), ..active }).await, "admin");
    let wrong = PageRequest { limit: 1, after: Some("nonsense".to_owned()) };
    let error = metadata.users_page(&all(), &wrong).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::BadCursor);
}

pub(crate) async fn an_invitation_is_taken_up_once(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let ada = metadata.create_user(invited(main.id, "ada")).await.unwrap();
    let login = metadata.login_of(ada.id).await.unwrap().unwrap();
    assert_eq!((login.user.state, login.password_phc), (UserState::Invited, None));
    metadata.set_invitation(ada.id, &[1; 32], at(0), at(10)).await.unwrap();
    metadata.set_invitation(ada.id, &[2; 32], at(1), at(11)).await.unwrap();
    assert_eq!(metadata.invitation(&[1; 32]).await.unwrap(), None, "the second replaced the first");
    let found = metadata.invitation(&[2; 32]).await.unwrap().unwrap();
    assert_eq!((found.user.id, found.expires), (ada.id, at(11)));
    let taken = metadata.set_invitation(admin.id, &[2; 32], at(1), at(11)).await.unwrap_err();
    assert_eq!(taken.kind, MetadataErrorKind::Conflict("token"));
    let nobody = metadata.set_invitation(UserId::generate(), &[3; 32], at(1), at(11)).await.unwrap_err();
    assert_eq!(nobody.kind, MetadataErrorKind::NotFound);

    let accept = async |hash: u8, seconds| {
        metadata.accept_invitation(&[hash; 32], "$argon2id$hers", at(seconds)).await.unwrap()
    };
    assert_eq!(accept(9, 5).await, None);
    assert_eq!(accept(2, 11).await, None, "at its end it holds no longer");
    set_state(&metadata, ada.id, UserState::Disabled).await;
    assert_eq!(accept(2, 5).await, None, "who was disabled does not come back by an invitation");
    assert_eq!(metadata.invitation(&[2; 32]).await.unwrap(), None);
    set_state(&metadata, ada.id, UserState::Invited).await;
    assert_eq!(metadata.login_of(ada.id).await.unwrap().unwrap().password_phc, None);

    metadata.create_session(&session(ada.id, 1, 100), None).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    let nodes = [metadata.clone(), world.open().await];
    let all = (0..8).map(|n| nodes[n % 2].accept_invitation(&[2; 32], "$argon2id$hers", at(10)));
    let taken: Vec<_> = join_all(all).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!((taken.len(), taken[0].id, taken[0].state), (1, ada.id, UserState::Active));
    assert_eq!(metadata.sessions_of(ada.id).await.unwrap(), []);
    let login = metadata.login_of(ada.id).await.unwrap().unwrap();
    assert_eq!(login.password_phc.as_deref(), Some("$argon2id$hers"));
    let kinds: Vec<_> =
        metadata.changes_after(seen, 9).await.unwrap().iter().map(|change| change.kind).collect();
    assert_eq!(kinds, [ChangeKind::User, ChangeKind::Session]);

    // A reset: the old password ends at once, the new link brings the person back.
    metadata.create_session(&session(ada.id, 2, 100), None).await.unwrap();
    metadata.set_invitation(ada.id, &[4; 32], at(20), at(30)).await.unwrap();
    assert_eq!(metadata.clear_password(ada.id).await.unwrap(), 1);
    let login = metadata.login_of(ada.id).await.unwrap().unwrap();
    assert_eq!((login.user.state, login.password_phc), (UserState::Active, None));
    assert!(accept(4, 25).await.is_some());
    assert!(metadata.clear_password(UserId::generate()).await.is_err());
    // A password that is set in another way ends what was out.
    metadata.set_invitation(ada.id, &[5; 32], at(20), at(30)).await.unwrap();
    metadata.set_password(ada.id, "$argon2id$x").await.unwrap();
    assert_eq!(accept(5, 25).await, None);
    let late = metadata.create_user(invited(main.id, "late")).await.unwrap();
    metadata.set_password(late.id, "$argon2id$x").await.unwrap();
    assert_eq!(metadata.user(late.id).await.unwrap().unwrap().state, UserState::Active);
}

pub(crate) async fn a_replaced_password_lets_nobody_in(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let old = metadata.login_of(admin.id).await.unwrap().unwrap().password_phc.unwrap();
    let keep = session(admin.id, 200, 100);
    assert!(metadata.create_session(&keep, Some(&old)).await.unwrap());
    let nodes = [metadata.clone(), world.open().await];
    // Sign-ins that verified the old password, and the change of it, at the same time: whatever came first, none is left.
    let sessions: Vec<_> = (0..16).map(|token| session(admin.id, token, 100)).collect();
    let sign_ins = sessions.iter().enumerate().map(|(n, session)| {
        let (node, old) = (&nodes[n % 2], old.as_str());
        async move { node.create_session(session, Some(old)).await.unwrap() }
    });
    let change = nodes[1].change_password(admin.id, "$argon2id$new", keep.id);
    let (kept, ended) = tokio::join!(join_all(sign_ins), change);
    let kept = kept.into_iter().filter(|kept| *kept).count();
    assert_eq!(u64::try_from(kept).unwrap(), ended.unwrap(), "each that was kept was ended");
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), std::slice::from_ref(&keep));
    assert!(!metadata.create_session(&session(admin.id, 50, 100), Some(&old)).await.unwrap());
    assert!(metadata.create_session(&session(admin.id, 50, 100), Some("$argon2id$new")).await.unwrap());
    let nobody = session(UserId::generate(), 51, 100);
    let error = metadata.create_session(&nobody, Some(&old)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.delete_sessions_but(admin.id, keep.id).await.unwrap(), 1);
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), [keep]);
}

pub(crate) async fn sessions_move_and_are_confirmed(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let mut expected = session(admin.id, 1, 100);
    metadata.create_session(&expected, None).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    metadata.set_session_site(expected.id, Some(child.id)).await.unwrap();
    metadata.confirm_session(expected.id, at(5), true).await.unwrap();
    metadata.confirm_session(expected.id, at(6), false).await.unwrap();
    (expected.site, expected.confirmed, expected.second_factor) = (Some(child.id), at(6), true);
    assert_eq!(metadata.session_by_token(&[1; 32]).await.unwrap(), Some(expected.clone()));
    let changes = metadata.changes_after(seen, 9).await.unwrap();
    assert!(changes.iter().all(|c| (c.kind, &c.id) == (ChangeKind::Session, &expected.id.to_string())));
    assert_eq!(changes.len(), 3);
    metadata.set_session_site(expected.id, None).await.unwrap();
    assert_eq!(metadata.session_by_token(&[1; 32]).await.unwrap().unwrap().site, None);
    let nowhere = metadata.set_session_site(expected.id, Some(portcullis_domain::SiteId::generate())).await;
    assert_eq!(nowhere.unwrap_err().kind, MetadataErrorKind::NotFound);
    let unknown = SessionId::generate();
    for done in
        [metadata.set_session_site(unknown, None).await, metadata.confirm_session(unknown, at(1), true).await]
    {
        assert_eq!(done.unwrap_err().kind, MetadataErrorKind::NotFound);
    }
}

fn passkey(user: UserId, n: u8) -> NewPasskey {
    NewPasskey {
        id: PasskeyId::generate(),
        user,
        credential_id: vec![n; 40],
        public_key: vec![0, n, 255],
        name: name("Laptop"),
        created: at(1),
    }
}

pub(crate) async fn codes_are_taken_once(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let ada = metadata.create_user(new_user(main.id, "ada")).await.unwrap();
    assert!(!metadata.take_totp_step(admin.id, 100).await.unwrap(), "no codes were set up");
    metadata.set_totp(admin.id, Some(vec![7, 7])).await.unwrap();
    let nodes = [metadata.clone(), world.open().await];
    let won = join_all((0..8).map(|n| nodes[n % 2].take_totp_step(admin.id, 100))).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert!(!metadata.take_totp_step(admin.id, 99).await.unwrap(), "an earlier code after a later one");
    assert!(metadata.take_totp_step(admin.id, 101).await.unwrap());
    let login = metadata.login(&Username::parse("admin").unwrap()).await.unwrap().unwrap();
    assert_eq!((login.totp_sealed, login.totp_step, login.passkeys), (Some(vec![7, 7]), 101, 0));
    // The seed is sealed under the master key, and exchanged with it.
    let sealed = metadata.sealed().await.unwrap();
    assert_eq!(sealed, [(SealedOwner::User(admin.id), vec![7, 7])]);
    metadata.replace_sealed(&[(SealedOwner::User(admin.id), vec![8])], "check", b"new").await.unwrap();
    assert_eq!(metadata.login_of(admin.id).await.unwrap().unwrap().totp_sealed, Some(vec![8]));
    let missing = metadata.replace_sealed(&[], "check", b"newer").await.unwrap_err();
    assert_eq!(missing.kind, MetadataErrorKind::Conflict("sealed"));

    let codes: Vec<[u8; 32]> = (0..10).map(|n| [n; 32]).collect();
    metadata.set_recovery_codes(admin.id, &[[99; 32]]).await.unwrap();
    metadata.set_recovery_codes(admin.id, &codes).await.unwrap();
    assert_eq!(metadata.recovery_codes_left(admin.id).await.unwrap(), 10);
    assert!(!metadata.take_recovery_code(admin.id, &[99; 32]).await.unwrap(), "those before are gone");
    assert!(!metadata.take_recovery_code(ada.id, &[3; 32]).await.unwrap(), "another's");
    let won = join_all((0..8).map(|n| nodes[n % 2].take_recovery_code(admin.id, &codes[3]))).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert_eq!(metadata.recovery_codes_left(admin.id).await.unwrap(), 9);
    metadata.set_recovery_codes(admin.id, &[]).await.unwrap();
    assert_eq!(metadata.recovery_codes_left(admin.id).await.unwrap(), 0);
    let unknown = UserId::generate();
    let error = metadata.set_recovery_codes(unknown, &codes).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.set_totp(unknown, None).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    metadata.set_totp(admin.id, None).await.unwrap();
    assert!(!metadata.take_totp_step(admin.id, 200).await.unwrap());
    assert!(!format!("{:?}", metadata.login_of(admin.id).await.unwrap()).contains("argon2"));
}

pub(crate) async fn passkeys_of_people(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let ada = metadata.create_user(new_user(main.id, "ada")).await.unwrap();
    let (first, second, hers) = (passkey(admin.id, 1), passkey(admin.id, 2), passkey(ada.id, 3));
    for new in [&first, &second, &hers] {
        metadata.add_passkey(new).await.unwrap();
    }
    let stolen = NewPasskey { user: ada.id, ..passkey(ada.id, 1) };
    let error = metadata.add_passkey(&stolen).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
    let nobody = metadata.add_passkey(&passkey(UserId::generate(), 9)).await.unwrap_err();
    assert_eq!(nobody.kind, MetadataErrorKind::NotFound);
    let found = metadata.passkeys_of(admin.id).await.unwrap();
    assert_eq!(found.iter().map(|key| key.id).collect::<Vec<_>>(), [first.id, second.id]);
    let key = metadata.passkey_by_credential(&[1; 40]).await.unwrap().unwrap();
    assert_eq!((&key.credential_id, &key.public_key), (&first.credential_id, &first.public_key));
    assert_eq!((key.user, key.sign_count, key.last_used, key.created), (admin.id, 0, None, at(1)));
    assert_eq!(metadata.passkey_by_credential(&[1; 39]).await.unwrap(), None);
    metadata.note_passkey_use(first.id, u32::MAX, at(9)).await.unwrap();
    metadata.note_passkey_use(first.id, 3, at(8)).await.unwrap();
    let key = metadata.passkey_by_credential(&[1; 40]).await.unwrap().unwrap();
    assert_eq!((key.sign_count, key.last_used), (u32::MAX, Some(at(9))), "neither goes back");
    assert!(!metadata.delete_passkey(ada.id, first.id).await.unwrap(), "another's");
    assert!(metadata.delete_passkey(admin.id, first.id).await.unwrap());
    assert!(!metadata.delete_passkey(admin.id, first.id).await.unwrap());
    assert_eq!(metadata.login_of(admin.id).await.unwrap().unwrap().passkeys, 1);

    metadata.set_external(ada.id, Some("https://id.example\n7")).await.unwrap();
    assert_eq!(metadata.user_by_external("https://id.example\n7").await.unwrap(), Some(ada.clone()));
    assert_eq!(metadata.user_by_external("7").await.unwrap(), None);
    let error = metadata.set_external(admin.id, Some("https://id.example\n7")).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("external"));
    metadata.set_external(ada.id, None).await.unwrap();
    metadata.set_external(admin.id, Some("https://id.example\n7")).await.unwrap();
    let error = metadata.set_external(UserId::generate(), None).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
}
