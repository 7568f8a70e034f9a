//! Sites, users, sessions and settings.

use portcullis_domain::{Scope, Site, SiteId, User, UserId, UserState, Username};
use portcullis_metadata::{MetadataErrorKind, StoredSecret};

use crate::world::{World, at, key_for, name, new_storage, new_user, session, set_state, site};

pub(crate) async fn the_first_site_and_admin(world: &World) {
    let metadata = world.open().await;
    metadata.ping().await.unwrap();
    assert_eq!(metadata.sites().await.unwrap(), []);
    let main = site("Main & Söhne");
    let admin = metadata.create_site_with_admin(&main, new_user(main.id, "Admin")).await.unwrap().unwrap();
    assert_eq!((admin.number, admin.username.as_str(), admin.state), (10_001, "admin", UserState::Active));
    let other = site("other");
    assert_eq!(metadata.create_site_with_admin(&other, new_user(other.id, "second")).await.unwrap(), None);

    // What was answered is there after a restart.
    metadata.close().await;
    assert_eq!(metadata.ping().await.unwrap_err().kind, MetadataErrorKind::Unavailable);
    let metadata = world.open().await;
    assert_eq!(metadata.sites().await.unwrap(), std::slice::from_ref(&main));
    assert_eq!(metadata.site(main.id).await.unwrap(), Some(main.clone()));
    assert_eq!(metadata.site(other.id).await.unwrap(), None);
    assert_eq!(metadata.all_users().await.unwrap(), [admin]);

    let mut child = site("child");
    child.parent = Some(main.id);
    metadata.create_site(&child).await.unwrap();
    assert_eq!(metadata.site(child.id).await.unwrap(), Some(child.clone()));
    let again = Site { name: name("another"), ..child.clone() };
    assert_eq!(metadata.create_site(&again).await.unwrap_err().kind, MetadataErrorKind::Conflict("id"));
    let mut orphan = site("orphan");
    orphan.parent = Some(SiteId::generate());
    assert_eq!(metadata.create_site(&orphan).await.unwrap_err().kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn users(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let taken = metadata.create_user(new_user(site.id, "ADMIN")).await.unwrap_err();
    assert_eq!(taken.kind, MetadataErrorKind::Conflict("username"));
    assert_eq!(taken.to_string(), "cannot create a user: another record has the same username");
    assert!(!taken.is_retryable());
    let nowhere = metadata.create_user(new_user(SiteId::generate(), "nobody")).await.unwrap_err();
    assert_eq!(nowhere.kind, MetadataErrorKind::NotFound);
    // What was refused used up no number.
    let ada = metadata.create_user(new_user(site.id, "ada")).await.unwrap();
    assert_eq!(ada.number, 10_002);
    assert_eq!(metadata.users(site.id).await.unwrap(), [admin.clone(), ada.clone()]);
    assert_eq!(metadata.users(SiteId::generate()).await.unwrap(), []);
    assert_eq!(metadata.user(UserId::generate()).await.unwrap(), None);

    let username = Username::parse("Ada").unwrap();
    let found = metadata.login(&username).await.unwrap().unwrap();
    let phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$ada";
    assert_eq!((found.user, found.password_phc.as_deref()), (ada.clone(), Some(phc)));
    assert_eq!(metadata.login(&Username::parse("ad").unwrap()).await.unwrap(), None);

    metadata.set_password(ada.id, "$argon2id$new").await.unwrap();
    set_state(&metadata, ada.id, UserState::Disabled).await;
    let found = metadata.login(&username).await.unwrap().unwrap();
    let (state, phc) = (found.user.state, found.password_phc.as_deref());
    assert_eq!((state, phc), (UserState::Disabled, Some("$argon2id$new")));
    set_state(&metadata, ada.id, UserState::Active).await;
    assert_eq!(metadata.user(ada.id).await.unwrap(), Some(ada));
    let unknown = UserId::generate();
    assert_eq!(metadata.set_password(unknown, "x").await.unwrap_err().kind, MetadataErrorKind::NotFound);
    let nobody = User { id: unknown, ..admin.clone() };
    assert_eq!(metadata.update_user(&nobody, &nobody).await.unwrap_err().kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn sessions(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let ada = metadata.create_user(new_user(site.id, "ada")).await.unwrap();
    let first = session(admin.id, 1, 100);
    let second = session(admin.id, 2, 200);
    let hers = session(ada.id, 3, 300);
    for session in [&first, &second, &hers] {
        metadata.create_session(session, None).await.unwrap();
    }
    assert_eq!(metadata.session_by_token(&[1; 32]).await.unwrap(), Some(first.clone()));
    assert_eq!(metadata.session_by_token(&[9; 32]).await.unwrap(), None);
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), [first.clone(), second.clone()]);

    let again = session(ada.id, 1, 100);
    assert_eq!(
        metadata.create_session(&again, None).await.unwrap_err().kind,
        MetadataErrorKind::Conflict("token")
    );
    let nobody = session(UserId::generate(), 4, 100);
    assert_eq!(metadata.create_session(&nobody, None).await.unwrap_err().kind, MetadataErrorKind::NotFound);

    // A session that ends at a moment no longer holds at that moment.
    assert_eq!(metadata.purge_sessions(at(99)).await.unwrap(), 0);
    assert_eq!(metadata.purge_sessions(at(100)).await.unwrap(), 1);
    assert_eq!(metadata.session_by_token(&[1; 32]).await.unwrap(), None);

    assert!(metadata.delete_session(second.id).await.unwrap());
    assert!(!metadata.delete_session(second.id).await.unwrap());
    metadata.create_session(&session(ada.id, 5, 300), None).await.unwrap();
    assert_eq!(metadata.delete_sessions_of(ada.id).await.unwrap(), 2);
    assert_eq!(metadata.delete_sessions_of(ada.id).await.unwrap(), 0);
    assert_eq!(metadata.sessions_of(ada.id).await.unwrap(), []);

    let mut long = session(ada.id, 6, 300);
    long.tool = "ü".repeat(150) + "\0";
    metadata.create_session(&long, None).await.unwrap();
    assert_eq!(metadata.session_by_token(&[6; 32]).await.unwrap().unwrap().tool, "ü".repeat(100));
}

pub(crate) async fn sites_are_kept_apart(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let other = site("other");
    metadata.create_site(&other).await.unwrap();
    let theirs = metadata.create_user(new_user(other.id, "theirs")).await.unwrap();

    let mut stolen = new_storage(&theirs, "stolen");
    stolen.owner = admin.id;
    assert_eq!(metadata.create_storage(stolen).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    let ours = metadata.create_storage(new_storage(&admin, "ours")).await.unwrap();
    assert_eq!(ours.number, 1);

    let mut across = key_for(&ours, "across");
    across.site = other.id;
    let error = metadata.create_key(&across, &StoredSecret::Hash([1; 32])).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    across.scope = Scope::User(admin.id);
    let error = metadata.create_key(&across, &StoredSecret::Hash([1; 32])).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);
    across.scope = Scope::User(theirs.id);
    metadata.create_key(&across, &StoredSecret::Hash([1; 32])).await.unwrap();
}

pub(crate) async fn settings(world: &World) {
    let metadata = world.open().await;
    assert_eq!(metadata.setting("master-key-check").await.unwrap(), None);
    assert_eq!(metadata.set_setting_if_absent("master-key-check", &[0, 1, 255]).await.unwrap(), [0, 1, 255]);
    assert_eq!(metadata.set_setting_if_absent("master-key-check", b"later").await.unwrap(), [0, 1, 255]);
    assert_eq!(metadata.set_setting_if_absent("empty", b"").await.unwrap(), b"");
    assert_eq!(metadata.setting("empty").await.unwrap(), Some(Vec::new()));
    assert_eq!(metadata.setting("master-key-check").await.unwrap(), Some(vec![0, 1, 255]));
}
