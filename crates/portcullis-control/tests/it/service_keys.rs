//! Keys of the channels for web services and mail.

use portcullis_control::{KeyChange, KeyDraft, KeyQuery, MailDraft, PageRequest, Rotation, ScopeDraft};
use portcullis_domain::{Channel, MailFolder, MailRules};

use crate::chosen_keys::door;
use crate::world::{World, fields, secret, secret_of};

const CHOSEN: &str = "blue cup on a shelf";

#[tokio::test]
async fn the_same_words_on_two_channels_are_two_keys() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let mut made = Vec::new();
    let both = [(Channel::WebService, CHOSEN), (Channel::Email, CHOSEN)];
    for (channel, chosen) in both {
        let of_channel = |draft: &mut KeyDraft| {
            draft.channel = channel.to_string();
            (draft.login, draft.secret) = (Some("orders".to_owned()), Some(secret(chosen)));
        };
        made.push(world.key(door(&storage, of_channel)).await.view.key.id);
    }
    for (channel, chosen) in both {
        assert!(world.enters_by(channel, "orders", chosen).await, "{channel}");
    }
    world.control.delete_key(&world.admin, made[0]).await.unwrap();
    assert!(!world.enters_by(Channel::WebService, "orders", CHOSEN).await);
    assert!(world.enters_by(Channel::Email, "orders", CHOSEN).await, "it knows nothing of the other");
    assert!(!world.enters_by(Channel::Http, "orders", CHOSEN).await);
}

#[tokio::test]
async fn secrets_go_from_generated_to_chosen_and_back() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    for channel in [Channel::WebService, Channel::Email] {
        let name = format!("office.{channel}");
        let of_channel = |draft: &mut KeyDraft| {
            draft.channel = channel.to_string();
            draft.login = Some(name.clone());
        };
        let made = world.key(door(&storage, of_channel)).await;
        let first = secret_of(&made).reveal().to_owned();
        assert!(world.enters_by(channel, &name, &first).await, "{channel}");
        let id = made.view.key.id;
        let chosen =
            Rotation { overlap_seconds: Some(3600), secret: Some(secret(CHOSEN)), ..Rotation::default() };
        let changed = world.control.rotate_key(&world.admin, id, &chosen).await.unwrap();
        assert!(changed.secret.is_none());
        for text in [first.as_str(), CHOSEN] {
            assert!(world.enters_by(channel, &name, text).await, "{channel}: both while they overlap");
        }
        let at_once = Rotation::default();
        let last = world.control.rotate_key(&world.admin, id, &at_once).await.unwrap();
        let last = last.secret.as_ref().unwrap().reveal().to_owned();
        assert!(world.enters_by(channel, &name, &last).await, "{channel}");
        for text in [first.as_str(), CHOSEN] {
            assert!(!world.enters_by(channel, &name, text).await, "{channel}: without an overlap at once");
        }
    }
}

#[tokio::test]
async fn rules_for_messages_are_for_mail_and_change_one_by_one() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let here = || ScopeDraft::Storage(storage.id.to_string());
    let words = |keep: &[&str]| Some(keep.iter().map(|word| (*word).to_owned()).collect());
    for channel in ["http", "ftp", "web-service", "s3", "rest"] {
        let with_rules = |draft: &mut KeyDraft| {
            (draft.scope, draft.channel) = (here(), channel.to_owned());
            draft.mail.per_hour = Some(10);
        };
        assert_eq!(world.refused(with_rules).await, ["mail"], "{channel}");
    }
    let refused = async |mail: MailDraft| {
        let of_mail = |draft: &mut KeyDraft| {
            (draft.scope, draft.channel, draft.mail) = (here(), "email".to_owned(), mail)
        };
        world.refused(of_mail).await
    };
    let none = MailDraft::default;
    assert_eq!(refused(MailDraft { per_hour: Some(0), ..none() }).await, ["mail"]);
    assert_eq!(refused(MailDraft { per_hour: Some(100_001), ..none() }).await, ["mail"]);
    assert_eq!(refused(MailDraft { max_message: Some(Some(16_383)), ..none() }).await, ["mail"]);
    let wrong = MailDraft { folder: Some("sender".to_owned()), keep: words(&["text", "pictures"]), ..none() };
    assert_eq!(refused(wrong).await, ["mail.folder", "mail.keep"]);

    let rules = MailDraft { folder: Some("subject".to_owned()), keep: words(&["html"]), ..none() };
    let of_mail = |draft: &mut KeyDraft| (draft.channel, draft.mail) = ("email".to_owned(), rules);
    let made = world.key(door(&storage, of_mail)).await.view.key;
    let first = MailRules { folder: MailFolder::Subject, keep_html: true, ..MailRules::default() };
    assert_eq!(made.mail, first);
    let changed = async |mail: MailDraft| {
        let change = KeyChange { mail: Some(mail), ..KeyChange::default() };
        world.control.update_key(&world.admin, made.id, &change).await.unwrap().key.mail.clone()
    };
    let large = Some(1 << 40);
    let second = changed(MailDraft { max_message: Some(large), per_hour: Some(7), ..none() }).await;
    assert_eq!(second, MailRules { max_message: large, per_hour: 7, ..first.clone() });
    let third = changed(MailDraft { keep: words(&[]), max_message: Some(None), ..none() }).await;
    assert_eq!(third, MailRules { keep_html: false, per_hour: 7, ..first });
    let other = world.key(door(&storage, |draft| draft.channel = "http".to_owned())).await.view.key.id;
    let change = KeyChange { mail: Some(MailDraft { per_hour: Some(7), ..none() }), ..KeyChange::default() };
    assert_eq!(fields(world.control.update_key(&world.admin, other, &change).await), ["mail"]);
}

#[tokio::test]
async fn a_new_site_has_no_key_of_any_channel() {
    let world = World::new().await;
    let main = world.admin.site();
    let first = KeyQuery::default();
    let page = PageRequest::first(10);
    assert_eq!(world.control.keys(&world.admin, first.clone(), &page).await.unwrap().items.len(), 0);
    let storage = world.storage("NAS").await;
    world.key(door(&storage, |draft| draft.channel = "email".to_owned())).await;
    let below = world.site(main, "north").await;
    for site in [below, world.site(below, "harbour").await] {
        let there = world.admin_in(site).await;
        let keys = world.control.keys(&there, first.clone(), &page).await.unwrap();
        assert_eq!(keys.items.len(), 0, "no channel is active until somebody makes a key");
        let storages = world.control.storages(&there, Default::default(), &page).await.unwrap();
        assert_eq!(storages.items.len(), 0);
    }
    assert_eq!(world.control.keys(&world.admin, first, &page).await.unwrap().items.len(), 1);
}
