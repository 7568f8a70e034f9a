//! S3 keys of users: they open what their user reaches, as it is at that moment.

use portcullis_domain::{Permission, Storage};

use crate::client::{Client, path};
use crate::world::World;

async fn seen(client: &Client) -> Vec<String> {
    client.get("/").send().await.ok().elements("Name")
}

fn names(storages: &[&Storage]) -> Vec<String> {
    let mut names: Vec<_> = storages.iter().map(|storage| storage.bucket.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_member_sees_what_was_shared_and_does_what_was_granted_live() {
    let (world, files, owner) = World::with_storage().await;
    let photos = world.storage("photos").await;
    let bucket = files.bucket.as_str();
    for key in ["team/a", "other/a"] {
        owner.put(&path(bucket, key), "x").send().await.ok();
    }
    let bob = world.member("bob").await;
    let client = world.client(&world.user_key(bob, Permission::ReadWrite).await);
    assert!(seen(&client).await.is_empty());
    client.get(&path(bucket, "team/a")).send().await.fails(403, "AccessDenied");
    client.request("HEAD", &format!("/{bucket}")).send().await.fails(403, "");

    let reads = world.share(&files, bob, "team/", Permission::Read).await;
    assert_eq!(seen(&client).await, names(&[&files]));
    assert_eq!(client.get(&path(bucket, "team/a")).send().await.ok().text(), "x");
    client.get(&path(bucket, "other/a")).send().await.fails(403, "AccessDenied");
    client.put(&path(bucket, "team/b"), "y").send().await.fails(403, "AccessDenied");
    let listed = client.get(&format!("/{bucket}?list-type=2&prefix=team/")).send().await.ok();
    assert_eq!(listed.elements("Key"), ["team/a"]);
    client.get(&format!("/{bucket}?list-type=2")).send().await.fails(403, "AccessDenied");

    let writes = world.share(&files, bob, "team/drop/", Permission::ReadWrite).await;
    client.put(&path(bucket, "team/drop/b"), "y").send().await.ok();
    client.put(&path(bucket, "team/b"), "y").send().await.fails(403, "AccessDenied");
    world.share(&photos, bob, "", Permission::Read).await;
    assert_eq!(seen(&client).await, names(&[&files, &photos]));

    world.end_share(writes, bob).await;
    client.put(&path(bucket, "team/drop/c"), "y").send().await.fails(403, "AccessDenied");
    world.end_share(reads, bob).await;
    assert_eq!(seen(&client).await, names(&[&photos]));
    client.get(&path(bucket, "team/a")).send().await.fails(403, "AccessDenied");
}

#[tokio::test]
async fn the_key_bounds_what_the_user_may() {
    let (world, files, owner) = World::with_storage().await;
    let at = path(files.bucket.as_str(), "k");
    owner.put(&at, "x").send().await.ok();
    let bob = world.member("bob").await;
    world.share(&files, bob, "", Permission::ReadWrite).await;
    let reader = world.client(&world.user_key(bob, Permission::Read).await);
    reader.get(&at).send().await.ok();
    reader.put(&at, "y").send().await.fails(403, "AccessDenied");
    // And temporary credentials of it what the key may, in one storage alone if they say so.
    let credentials = world.user_key(bob, Permission::ReadWrite).await;
    let other = world.storage("other").await;
    world.share(&other, bob, "", Permission::ReadWrite).await;
    let (_, narrow) = world.temporary(&credentials, |left| left.storage = Some(files.id));
    assert_eq!(seen(&narrow).await, names(&[&files]));
    narrow.put(&at, "y").send().await.ok();
    narrow.put(&path(other.bucket.as_str(), "k"), "y").send().await.fails(403, "AccessDenied");
    // An admin's key opens every storage of the site.
    let admin = world.client(&world.user_key(world.owner(), Permission::Read).await);
    assert_eq!(seen(&admin).await, names(&[&files, &other]));
}
