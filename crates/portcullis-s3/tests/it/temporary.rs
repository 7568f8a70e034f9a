//! Temporary credentials at the S3 door.

use std::time::Duration;

use portcullis_domain::{KeyPrefix, NetworkEntry, Networks, Permission};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, path};
use crate::world::{NOW, World};

/// More than the sockets' buffers take.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn they_do_what_is_left_of_the_key() {
    let (world, storage, owner) = World::with_storage().await;
    let other = world.storage("other").await;
    let bucket = storage.bucket.as_str();
    for key in ["in/a", "out/a"] {
        owner.put(&path(bucket, key), "x").send().await.ok();
    }
    let parent = world.key(&storage, Permission::ReadWrite).await;
    let (_, all) = world.temporary(&parent, |_| ());
    all.put(&path(bucket, "out/b"), "y").hashed().send().await.ok();
    assert_eq!(all.get(&path(bucket, "out/b")).send().await.ok().text(), "y");
    all.get(&path(other.bucket.as_str(), "a")).send().await.fails(403, "AccessDenied");
    let (_, narrow) = world.temporary(&parent, |left| {
        left.permission = Permission::Read;
        left.prefix = KeyPrefix::parse("in/").unwrap();
    });
    assert_eq!(narrow.get(&path(bucket, "in/a")).send().await.ok().text(), "x");
    narrow.get(&path(bucket, "out/a")).send().await.fails(403, "AccessDenied");
    narrow.put(&path(bucket, "in/a"), "z").send().await.fails(403, "AccessDenied");
    narrow.request("DELETE", &path(bucket, "in/a")).send().await.fails(403, "AccessDenied");
    narrow.get(&format!("/{bucket}?list-type=2")).send().await.fails(403, "AccessDenied");
    let listed = narrow.get(&format!("/{bucket}?list-type=2&prefix=in/")).send().await.ok();
    assert_eq!(listed.elements("Key"), ["in/a"]);
    assert_eq!(narrow.get("/").send().await.ok().elements("Name"), [bucket]);
    let (_, away) = world.temporary(&parent, |left| {
        left.networks = Networks::new(vec![NetworkEntry::parse("203.0.113.0/24", "").unwrap()]).unwrap();
    });
    away.get(&path(bucket, "in/a")).send().await.fails(403, "AccessDenied");
    // More than the key has is without effect.
    let reader = world.key(&storage, Permission::Read).await;
    let (_, wide) = world.temporary(&reader, |_| ());
    wide.put(&path(bucket, "in/a"), "z").send().await.fails(403, "AccessDenied");
    wide.get(&path(bucket, "in/a")).send().await.ok();
}

#[tokio::test]
async fn all_three_parts_belong_together() {
    let (world, storage, owner) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, "x").send().await.ok();
    let parent = world.key(&storage, Permission::Read).await;
    let (made, client) = world.temporary(&parent, |_| ());
    let (other, _) = world.temporary(&parent, |_| ());
    let plain = Client::new(world.address, made.access_key.as_str(), made.secret.reveal());
    client.get(&at).send().await.ok();
    client.get(&at).send_presigned(60).await.ok();
    for client in [plain.clone(), world.client(&parent)] {
        let is_parent = client.get(&at).send().await.status == 200;
        if !is_parent {
            client.get(&at).send().await.fails(403, "InvalidAccessKeyId");
            client.get(&at).send_presigned(60).await.fails(403, "InvalidAccessKeyId");
        }
        // A key that needs none, and one whose token is another's or nobody's.
        let token = made.session_token.reveal();
        let other_than = |c| if c == '_' { '-' } else { '_' };
        let damaged: String =
            token.char_indices().map(|(at, c)| if at == 40 { other_than(c) } else { c }).collect();
        for wrong in [other.session_token.reveal(), &damaged, "", "no token", &"A".repeat(20_000)] {
            let client = client.clone().with_token(wrong);
            if wrong.len() < 8_000 {
                client.get(&at).send_presigned(60).await.fails(400, "InvalidToken");
            }
            if !wrong.contains(' ') && wrong.len() < 8_000 {
                client.get(&at).send().await.fails(400, "InvalidToken");
            }
        }
    }
    world
        .client(&parent)
        .with_token(made.session_token.reveal())
        .get(&at)
        .send()
        .await
        .fails(400, "InvalidToken");
    let forged = Client::new(world.address, made.access_key.as_str(), other.secret.reveal());
    let forged = forged.with_token(made.session_token.reveal());
    forged.get(&at).send().await.fails(403, "SignatureDoesNotMatch");
    let unsigned = plain.get(&at).unsigned_header("x-amz-security-token", made.session_token.reveal());
    let told = unsigned.send().await.fails(403, "AccessDenied");
    assert_eq!(told.element("HeadersNotSigned").as_deref(), Some("x-amz-security-token"));
}

#[tokio::test]
async fn they_end_in_time_whatever_was_signed_with_them() {
    let (world, storage, owner) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, "x").send().await.ok();
    let parent = world.key(&storage, Permission::Read).await;
    let end = NOW.after(Duration::from_secs(60));
    let (_, client) = world.temporary(&parent, |left| left.expires = end);
    world.clock.advance(Duration::from_secs(59));
    client.get(&at).send_presigned(600).await.ok();
    world.clock.advance(Duration::from_secs(1));
    client.get(&at).send_presigned(600).await.fails(400, "ExpiredToken");
    client.clone().at(end).get(&at).send().await.fails(400, "ExpiredToken");
    // Nor do they outlast their key.
    let short = world.key_with(&storage, |key| key.expires = Some(end.after(Duration::from_secs(30)))).await;
    let (made, _) = world.temporary(&short, |_| ());
    assert_eq!(Some(made.expires), short.key.expires);
}

#[tokio::test]
async fn what_becomes_of_the_key_becomes_of_them() {
    let (world, storage, owner) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, "x").send().await.ok();
    let parent = world.key(&storage, Permission::ReadWrite).await;
    let (_, client) = world.temporary(&parent, |_| ());
    world.change_key(&parent, |key| key.permission = Permission::Read).await;
    client.put(&at, "y").send().await.fails(403, "AccessDenied");
    client.get(&at).send().await.ok();
    world.change_key(&parent, |key| key.permission = Permission::None).await;
    client.get(&at).send().await.fails(403, "AccessDenied");
    world.change_key(&parent, |_| ()).await;
    client.put(&at, "y").send().await.ok();
    world.rotate_key(&parent).await;
    client.get(&at).send().await.fails(403, "InvalidAccessKeyId");
    let (_, again) = world.temporary(&parent, |_| ());
    again.get(&at).send().await.ok();
    world.delete_key(&parent).await;
    again.get(&at).send().await.fails(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn a_transfer_under_them_ends_with_the_key() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let owner = world.client(&world.key(&storage, Permission::ReadWrite).await);
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, vec![b'x'; LARGE]).send().await.ok();
    let parent = world.key(&storage, Permission::Read).await;
    let (_, client) = world.temporary(&parent, |_| ());
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&client.get(&at).bytes()).await.unwrap();
    let mut first = vec![0; 1_000];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    world.delete_key(&parent).await;
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
    assert!(rest.len() < LARGE / 2, "{} bytes came after the key was gone", rest.len());
}
