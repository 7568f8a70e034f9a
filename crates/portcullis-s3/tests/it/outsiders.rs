//! What an outsider learns of keys that do not open: nothing. Every one of them is answered as an access key that never was.
//!
//! That it takes the same time cannot be a test that never fails by chance. It follows from the work: whatever the id, exactly one
//! sealed secret is opened, one signing key derived and one signature computed, of the key if there is something to compare with, and
//! otherwise of nobody (`Access::suspect_of_signature`). `portcullis-access/examples/outsiders.rs` measures it.

use portcullis_domain::{Channel, Permission};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, path, value};
use crate::world::World;

/// An answer without what differs from one request to the next: its id, and the moment.
async fn answer(client: &Client, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(client.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let mut text = String::from_utf8(answer).unwrap();
    for name in ["x-amz-request-id: ", "date: "] {
        let (_, rest) = text.split_once(name).unwrap_or_else(|| panic!("no {name} in {text}"));
        let found = rest.split_once("\r\n").unwrap().0.to_owned();
        // The id stands in the document once more.
        text = text.replace(&found, "…");
    }
    text
}

/// Every way to ask for something.
fn requests(client: &Client, bucket: &str) -> Vec<(&'static str, Vec<u8>)> {
    let at = path(bucket, "a file");
    let list = format!("/{bucket}?list-type=2&prefix={}", value("a/"));
    vec![
        ("list buckets", client.get("/").bytes()),
        ("list", client.get(&list).bytes()),
        ("get", client.get(&at).bytes()),
        ("get of no bucket", client.get("/nothing-of-that-name/key").bytes()),
        ("head", client.request("HEAD", &at).bytes()),
        ("put", client.put(&at, "x").bytes()),
        ("delete", client.request("DELETE", &at).bytes()),
        ("begin upload", client.post(&format!("{at}?uploads"), "").bytes()),
    ]
}

#[tokio::test]
async fn a_key_that_does_not_open_answers_as_one_that_never_was() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let bucket = storage.bucket.as_str();
    let deleted = world.key(&storage, Permission::ReadWrite).await;
    world.delete_key(&deleted).await;
    let rotated = world.key(&storage, Permission::ReadWrite).await;
    world.rotate_key(&rotated).await;
    let other = world.key_of_channel(&storage, Channel::Rest).await;
    let unknown = Client::new(world.address, "PC000000000000000000", deleted.secret.reveal());
    let others = [
        ("deleted, with its secret", world.client(&deleted)),
        ("deleted, with another secret", Client::new(world.address, &deleted.id, "wrong")),
        ("replaced, with its secret", world.client(&rotated)),
        ("replaced, with another secret", Client::new(world.address, &rotated.id, "wrong")),
        ("of another channel, with its secret", world.client(&other)),
        ("of another channel, with another secret", Client::new(world.address, &other.id, "wrong")),
    ];
    for (of, client) in others {
        let pairs = requests(&unknown, bucket).into_iter().zip(requests(&client, bucket));
        for ((what, never), (_, gone)) in pairs {
            let expected = answer(&unknown, &never).await.replace("PC000000000000000000", "ID");
            let told = answer(&client, &gone).await.replace(client_id(&gone).as_str(), "ID");
            assert!(expected.starts_with("HTTP/1.1 403 "), "{what}: {expected}");
            assert!(
                what == "head" || expected.contains("<Code>InvalidAccessKeyId</Code>"),
                "{what}: {expected}"
            );
            assert_eq!(told, expected, "{of}: {what}");
        }
        for (what, presigned) in
            presigned(&client, bucket).await.into_iter().zip(presigned(&unknown, bucket).await)
        {
            assert_eq!(what, presigned, "{of}: presigned");
        }
    }
}

/// The access key in a request.
fn client_id(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request).into_owned();
    let (_, rest) = text.split_once("Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

async fn presigned(client: &Client, bucket: &str) -> Vec<(u16, String)> {
    let at = path(bucket, "a file");
    let get = client.get(&at).send_presigned(60).await;
    let put = client.request("PUT", &at).send_presigned(60).await;
    vec![get.outcome(), put.outcome()]
}

#[tokio::test]
async fn inside_they_are_told_apart() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let deleted = world.key(&storage, Permission::ReadWrite).await;
    let rotated = world.key(&storage, Permission::ReadWrite).await;
    world.delete_key(&deleted).await;
    world.rotate_key(&rotated).await;
    for credentials in [&deleted, &rotated] {
        world.client(credentials).get("/").send().await.fails(403, "InvalidAccessKeyId");
        let guess = Client::new(world.address, &credentials.id, "wrong");
        guess.get("/").send().await.fails(403, "InvalidAccessKeyId");
    }
    assert_eq!(world.reasons(deleted.key.id).await, ["key_deleted", "old_secret"]);
    assert_eq!(world.reasons(rotated.key.id).await, ["credentials_replaced", "old_secret"]);
}
