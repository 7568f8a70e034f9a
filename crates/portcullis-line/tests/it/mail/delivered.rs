//! All of a message or nothing of it: again, in several folders, beside what is there, and through everything that may happen meanwhile.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::{Channel, Permission, Scope};
use portcullis_files::{Begun, Delivery, DeliveryId, FileError, TreePath};
use portcullis_line::mail::{Context, Damage, Delivered, Envelope, MailFault, deliver};
use sha2::{Digest as _, Sha256};

use super::shapes::shape;
use super::{Inbox, mail, spooled, tree};
use crate::world::World;

/// Bytes that are not alike.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A message with these files.
fn with_files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = "Message-ID: <files@example.com>\nContent-Type: multipart/mixed; boundary=b\n".to_owned();
    for (name, content) in files {
        text.push_str(&format!("\n--b\nContent-Disposition: attachment; filename=\"{name}\"\n"));
        text.push_str("Content-Transfer-Encoding: base64\n\n");
        for line in STANDARD.encode(content).as_bytes().chunks(76) {
            text.push_str(str::from_utf8(line).unwrap());
            text.push('\n');
        }
    }
    text.push_str("\n--b--\n");
    mail(&text)
}

async fn paths(inbox: &Inbox) -> Vec<String> {
    inbox.files().await.into_keys().collect()
}

/// Files larger than what is read and decoded at once.
#[tokio::test]
async fn large_files_come_whole() {
    let inbox = Inbox::within(World::on_disk().await, Permission::Write).await;
    let files = [noise(3_000_001), noise(262_144), Vec::new(), b"x".repeat(700_000)];
    let message = with_files(&[("a", &files[0]), ("b", &files[1]), ("c", &files[2]), ("d", &files[3])]);
    assert_eq!(inbox.send(&message, &[None]).await.unwrap(), Delivered { files: 4, again: false });
    let found = inbox.files().await;
    for (path, content) in ["/a", "/b", "/c", "/d"].into_iter().zip(files) {
        assert!(found.get(path) == Some(&content), "{path}");
    }
}

#[tokio::test]
async fn the_same_message_again_changes_nothing() {
    let inbox = Inbox::open(Permission::Write).await;
    let first = inbox.send(&shape("gmail"), &[None]).await.unwrap();
    let files = inbox.files().await;
    assert_eq!(first, Delivered { files: 3, again: false });
    assert_eq!(inbox.send(&shape("gmail"), &[None]).await.unwrap(), Delivered { files: 3, again: true });
    assert_eq!(inbox.files().await, files);
    // Under the same Message-ID, but another message: it stands beside the first.
    let other: Vec<u8> = [b"X-Second: yes\r\n", shape("gmail").as_slice()].concat();
    assert!(!inbox.send(&other, &[None]).await.unwrap().again);
    assert_eq!(inbox.files().await.len(), 6);
}

#[tokio::test]
async fn each_folder_has_it_once() {
    let inbox = Inbox::open(Permission::Write).await;
    let tags = [Some("a/b"), None, Some("/a//b/"), Some("請求書")];
    assert_eq!(inbox.send(&shape("fax"), &tags).await.unwrap().files, 3);
    assert_eq!(paths(&inbox).await, ["/a/b/fax 0049.tif", "/fax 0049.tif", "/請求書/fax 0049.tif"]);
    // Only the folder that is new gets it.
    inbox.send(&shape("fax"), &[Some("a/b"), Some("new")]).await.unwrap();
    assert_eq!(
        paths(&inbox).await,
        ["/a/b/fax 0049.tif", "/fax 0049.tif", "/new/fax 0049.tif", "/請求書/fax 0049.tif"]
    );
}

#[tokio::test]
async fn nothing_that_is_there_is_replaced() {
    for permission in [Permission::Write, Permission::ReadWrite] {
        let inbox = Inbox::open(permission).await;
        inbox.send(&with_files(&[("a.pdf", b"one"), ("a.pdf", b"two")]), &[None]).await.unwrap();
        inbox.send(&with_files(&[("a.pdf", b"three")]), &[None]).await.unwrap();
        let files: Vec<_> = inbox.files().await.into_iter().collect();
        let expected = [("/a (2).pdf", "two"), ("/a (3).pdf", "three"), ("/a.pdf", "one")];
        assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())));
    }
}

#[tokio::test]
async fn who_may_not_write_stores_nothing() {
    let inbox = Inbox::open(Permission::Read).await;
    let refused = inbox.send(&shape("fax"), &[None]).await;
    assert!(matches!(refused, Err(MailFault::Store(FileError::Denied))), "{refused:?}");
    assert!(inbox.files().await.is_empty());
}

/// The second file does not fit: the first does not stay either.
#[tokio::test]
async fn what_does_not_fit_leaves_nothing() {
    let world = World::start().await;
    let storage = world.storage_with("small", |new| new.quota_bytes = Some(100_000)).await;
    let holder = world.key_of(Channel::Email, Scope::Storage(storage.id), |_| {}).await;
    let inbox = Inbox { tree: tree(&world, &holder).await, ..Inbox::within(world, Permission::Write).await };
    let (fits, not) = (noise(60_000), noise(90_000));
    let message = with_files(&[("fits", &fits), ("not", &not)]);
    let refused = inbox.send(&message, &[Some("x")]).await;
    assert!(matches!(refused, Err(MailFault::Store(FileError::Full))), "{refused:?}");
    let seen = inbox.tree.stat(&TreePath::top().child("x").child("fits")).await;
    assert!(matches!(seen, Err(FileError::NotFound)), "{seen:?}");
    // The same message is no message that was stored.
    assert!(matches!(inbox.send(&message, &[None]).await, Err(MailFault::Store(FileError::Full))));
    let smaller = with_files(&[("fits", &fits)]);
    assert_eq!(inbox.send(&smaller, &[None]).await.unwrap().files, 1);
}

#[tokio::test]
async fn one_at_a_time_stores_a_message() {
    let inbox = Inbox::open(Permission::Write).await;
    let message = shape("fax");
    let content = Sha256::digest(&message).into();
    let id = DeliveryId {
        message: String::new(),
        content,
        folders: vec![TreePath::top()],
        per_hour: inbox.rules.per_hour,
    };
    let Begun::New(other) = Delivery::begin(&inbox.tree, id).await.unwrap() else { panic!() };
    assert!(matches!(inbox.send(&message, &[None]).await, Err(MailFault::Busy)));
    other.abandon().await;
    assert_eq!(inbox.send(&message, &[None]).await.unwrap(), Delivered { files: 1, again: false });
}

#[tokio::test]
async fn bounds_of_a_key() {
    let mut inbox = Inbox::open(Permission::Write).await;
    let message = shape("fax");
    let length = u64::try_from(message.len()).unwrap();
    inbox.rules.max_message = Some(length - 1);
    let refused = inbox.send(&message, &[None]).await;
    assert!(matches!(refused, Err(MailFault::TooLarge { limit }) if limit == length - 1), "{refused:?}");
    inbox.rules.max_message = Some(length);
    assert!(inbox.send(&message, &[None]).await.is_ok());
    inbox.rules.max_message = None;
    inbox.rules.per_hour = 1;
    let refused = inbox.send(&shape("voicemail"), &[None]).await;
    let Err(MailFault::TooMany { retry_after }) = refused else { panic!("{refused:?}") };
    assert!(retry_after.as_secs() <= 3_600);
    assert_eq!(paths(&inbox).await, ["/fax 0049.tif"]);

    inbox.rules.per_hour = 600;
    let many: Vec<_> = (0..60).map(|number| format!("{number}")).collect();
    let files: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    let tags: Vec<_> = many.iter().take(20).map(|name| Some(name.as_str())).collect();
    let refused = inbox.send(&with_files(&files), &tags).await;
    let limit = MailFault::Damaged(Damage::TooManyFiles { limit: 1_000 });
    assert_eq!(refused.unwrap_err().to_string(), limit.to_string());
    assert_eq!(paths(&inbox).await.len(), 1);
}

/// Whoever waits for it goes away at any moment, or its key does: then all of it is there, or nothing.
#[tokio::test]
async fn at_any_moment_all_or_nothing() {
    let contents = [noise(600_000), noise(10), noise(300_000)];
    let message = with_files(&[("a", &contents[0]), ("b", &contents[1]), ("c", &contents[2])]);
    let (mut none, mut whole, mut moment) = (0, 0, 0);
    while none == 0 || whole < 4 {
        for revoked in [false, true] {
            let inbox = Inbox::open(Permission::Write).await;
            let context = Context { tree: inbox.tree.clone(), rules: inbox.rules.clone() };
            let outcome = {
                let mut work = pin!(deliver(spooled(&message), Envelope::default(), &context));
                match stopped(work.as_mut(), moment).await {
                    Some(outcome) => Some(outcome),
                    None if revoked => Some(tokio::join!(work, inbox.world.delete_key(&inbox.holder)).0),
                    None => None,
                }
            };
            inbox.world.tasks.close();
            inbox.world.tasks.wait().await;
            let found = inbox.files().await;
            match outcome {
                Some(Ok(delivered)) => assert_eq!((delivered.files, found.len()), (3, 3), "{moment}"),
                Some(Err(_)) => assert!(found.is_empty(), "{moment} {:?}", found.keys()),
                None => assert!(found.is_empty() || found.len() == 3, "{moment} {:?}", found.keys()),
            }
            none += u32::from(found.is_empty());
            whole += u32::from(found.len() == 3);
        }
        moment += 5;
    }
}

/// Lets a future go on as often as it is woken, at most so many times; what it came to, if it did.
async fn stopped<F: Future + Unpin>(mut work: F, times: usize) -> Option<F::Output> {
    let mut left = times;
    poll_fn(|poller| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        Pin::new(&mut work).poll(poller).map(Some)
    })
    .await
}
