//! Keys of the channels for files: chosen user names and secrets, and public keys of SSH.

use portcullis_access::Origin;
use portcullis_control::{
    ControlError, KeyChange, KeyDraft, KeyQuery, PageRequest, Rotation, ScopeDraft, check_chosen_secret,
};
use portcullis_domain::{Channel, Secret, SshPublicKey, Storage};

use crate::world::{World, fields, origin, problems, secret};

const CHOSEN: &str = "blue cup on a shelf";
const NEXT: &str = "green door in a wall";

fn line(seed: u8) -> String {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([seed; 32]);
    format!("{} ada@laptop", SshPublicKey::from_blob(&blob).unwrap())
}

pub(crate) fn door(storage: &Storage, change: impl FnOnce(&mut KeyDraft)) -> impl FnOnce(&mut KeyDraft) {
    let id = storage.id.to_string();
    move |draft| {
        draft.channel = "ftp".to_owned();
        draft.scope = ScopeDraft::Storage(id);
        draft.permission = "read_write".to_owned();
        change(draft);
    }
}

impl World {
    async fn enters(&self, name: &str, text: &str) -> bool {
        self.enters_by(Channel::Ftp, name, text).await
    }

    pub(crate) async fn enters_by(&self, channel: Channel, name: &str, text: &str) -> bool {
        let from = Origin { channel, ..origin("192.0.2.1") };
        self.access.authenticate_password(from, name, &secret(text)).await.is_ok()
    }

    pub(crate) async fn refused(&self, change: impl FnOnce(&mut KeyDraft)) -> Vec<String> {
        let mut draft = KeyDraft {
            name: "ledger book".to_owned(),
            channel: "ftp".to_owned(),
            scope: ScopeDraft::Site,
            permission: "read".to_owned(),
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
        change(&mut draft);
        fields(self.control.create_key(&self.admin, &draft).await)
    }
}

#[tokio::test]
async fn a_person_chooses_and_nobody_is_told() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let choose = |draft: &mut KeyDraft| {
        draft.login = Some("Office.PC".to_owned());
        draft.secret = Some(secret(CHOSEN));
        draft.public_keys = vec![line(1), line(2)];
        assert!(!format!("{draft:?}").contains(CHOSEN));
    };
    let made = world.key(door(&storage, choose)).await;
    assert!(made.secret.is_none(), "who chose it knows it");
    let key = &made.view.key;
    assert_eq!((key.user_name(), key.public_keys.len()), ("office.pc", 2));
    assert!(key.public_keys[0].fingerprint().starts_with("SHA256:"));
    for name in ["office.pc", "OFFICE.PC", key.credential.as_str()] {
        assert!(world.enters(name, CHOSEN).await, "{name}");
    }
    let generated = world.key(door(&storage, |draft| draft.channel = "http".to_owned())).await;
    assert!(generated.secret.is_some() && generated.view.key.login.is_none());
    let found = |search: &str| KeyQuery { search: Some(search.to_owned()), ..KeyQuery::default() };
    let page = world.control.keys(&world.admin, found("office"), &PageRequest::first(10)).await.unwrap();
    assert_eq!(page.items.iter().map(|view| view.key.id).collect::<Vec<_>>(), [key.id]);
    assert_eq!(world.control.keys_of_storage(&world.admin, storage.id).await.unwrap().items.len(), 2);
    assert!(!format!("{:?}", world.trail().await).contains(CHOSEN));
}

#[tokio::test]
async fn what_goes_with_a_channel_and_what_does_not() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let other = world.storage("Other").await;
    let here = || ScopeDraft::Storage(storage.id.to_string());
    assert_eq!(world.refused(|_| {}).await, ["scope"], "not for the whole site");
    let full = world.refused(|draft| (draft.scope, draft.permission) = (here(), "full".to_owned())).await;
    assert_eq!(full, ["permission"]);
    for channel in ["s3", "http", "web-service", "email"] {
        assert_eq!(world.refused(|draft| draft.channel = channel.to_owned()).await, ["scope"], "{channel}");
    }
    for channel in ["s3", "rest"] {
        let of = |draft: &mut KeyDraft| (draft.scope, draft.channel) = (here(), channel.to_owned());
        let login = |draft: &mut KeyDraft| draft.login = Some("office".to_owned());
        let chosen = |draft: &mut KeyDraft| draft.secret = Some(secret(CHOSEN));
        assert_eq!(world.refused(|draft| (of(draft), login(draft)).0).await, ["login"], "{channel}");
        assert_eq!(world.refused(|draft| (of(draft), chosen(draft)).0).await, ["secret"], "{channel}");
    }
    for channel in ["s3", "rest", "http", "web-service", "email"] {
        let keys = |draft: &mut KeyDraft| {
            (draft.scope, draft.channel, draft.public_keys) = (here(), channel.to_owned(), vec![line(1)]);
        };
        assert_eq!(world.refused(keys).await, ["public_keys"], "{channel}");
    }
    let many = |draft: &mut KeyDraft| {
        draft.scope = here();
        draft.login = Some("a b".to_owned());
        draft.secret = Some(secret("a ledger book of mine"));
        draft.public_keys = vec![line(1), "ssh-rsa AAAAB3NzaC1yc2E=".to_owned(), line(1)];
    };
    assert_eq!(world.refused(many).await, ["login", "public_keys[1]", "public_keys[2]", "secret"]);
    let name = |draft: &mut KeyDraft| draft.login = Some("office".to_owned());
    world.key(door(&storage, name)).await;
    let taken = |draft: &mut KeyDraft| {
        (draft.scope, draft.login) = (ScopeDraft::Storage(other.id.to_string()), Some("OFFICE".to_owned()));
    };
    assert_eq!(world.refused(taken).await, ["login"]);
    assert!(check_chosen_secret(&["office"], &Secret::from_entropy(&[1; 32])).is_err());
}

#[tokio::test]
async fn names_and_secrets_are_exchanged_as_generated_ones_are() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let choose = |draft: &mut KeyDraft| {
        (draft.login, draft.secret) = (Some("office".to_owned()), Some(secret(CHOSEN)));
    };
    let made = world.key(door(&storage, choose)).await;
    let id = made.view.key.id;
    let same = Rotation { secret: Some(secret(CHOSEN)), ..Rotation::default() };
    let (field, told) = problems(world.control.rotate_key(&world.admin, id, &same).await).remove(0);
    assert_eq!((field.as_str(), told.contains("choose another")), ("secret", true));
    let rotation = Rotation {
        overlap_seconds: Some(3600),
        login: Some("bureau".to_owned()),
        secret: Some(secret(NEXT)),
        ..Rotation::default()
    };
    assert!(!format!("{rotation:?}").contains(NEXT));
    let rotated = world.control.rotate_key(&world.admin, id, &rotation).await.unwrap();
    assert!(rotated.secret.is_none());
    assert!(world.enters("office", CHOSEN).await && world.enters("bureau", NEXT).await);
    let deed = world.trail().await.into_iter().find(|event| event.action == "rotate_key" && event.allowed);
    assert!(deed.unwrap().object.unwrap().contains("; the user name is bureau"));
    let at_once = Rotation { login: Some(String::new()), ..Rotation::default() };
    let last = world.control.rotate_key(&world.admin, id, &at_once).await.unwrap();
    let generated = last.secret.as_ref().unwrap().reveal().to_owned();
    assert_eq!(last.view.key.login, None);
    assert!(!world.enters("office", CHOSEN).await && !world.enters("bureau", NEXT).await);
    assert!(world.enters(last.view.key.credential.as_str(), &generated).await);

    let s3 = world.key(door(&storage, |draft| draft.channel = "s3".to_owned())).await.view.key.id;
    let of = |rotation: Rotation| async move {
        fields(world.control.rotate_key(&world.admin, s3, &rotation).await)
    };
    let chosen = Rotation { secret: Some(secret(NEXT)), ..Rotation::default() };
    assert_eq!(of(chosen).await, ["secret"]);
}

#[tokio::test]
async fn a_key_puts_no_public_key_on_a_wider_one() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let wide = world.key(door(&storage, |draft| draft.public_keys = vec![line(1)])).await.view.key.id;
    let office = portcullis_control::NetworkDraft { network: "192.0.2.0/24".to_owned(), note: String::new() };
    let program = world.key(|draft| draft.networks = vec![office]).await;
    let program = world.access.admin(&world.bearer(&program).await.unwrap()).unwrap();
    let with = |lines: Vec<String>| KeyChange { public_keys: Some(lines), ..KeyChange::default() };
    let added = world.control.update_key(&program, wide, &with(vec![line(1), line(2)])).await;
    assert_eq!(fields(added), ["networks"], "it would have a key that works from anywhere");
    world.control.update_key(&program, wide, &with(vec![])).await.unwrap();
    world.control.update_key(&world.admin, wide, &with(vec![line(2)])).await.unwrap();
    world.clock.advance(std::time::Duration::from_secs(11 * 60));
    let late = world.control.update_key(&world.admin, wide, &with(vec![line(2), line(3)])).await;
    assert!(matches!(late, Err(ControlError::ConfirmationNeeded)));
    let fewer = world.control.update_key(&world.admin, wide, &with(vec![])).await.unwrap();
    assert_eq!(fewer.key.public_keys, []);
}
