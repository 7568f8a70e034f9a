//! A right that is taken away while bytes are under way.

use portcullis_domain::Permission;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Response, path};
use crate::world::World;

/// More than the sockets' buffers take.
const LARGE: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn an_upload_under_way_is_cut_off_and_nothing_of_it_stays() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let owner = world.client(&world.key(&storage, Permission::ReadWrite).await);
    let credentials = world.key(&storage, Permission::Write).await;
    let at = path(storage.bucket.as_str(), "k");
    let bytes = world.client(&credentials).put(&at, vec![b'x'; 1_000_000]).bytes();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&bytes[..500_000]).await.unwrap();
    world.change_key(&credentials, |key| key.permission = Permission::None).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Response::parse(&answer, false).fails(403, "AccessDenied");
    owner.get(&at).send().await.fails(404, "NoSuchKey");
}

#[tokio::test]
async fn a_download_under_way_is_cut_off() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let owner = world.client(&world.key(&storage, Permission::ReadWrite).await);
    let at = path(storage.bucket.as_str(), "k");
    owner.put(&at, vec![b'x'; LARGE]).send().await.ok();
    let credentials = world.key(&storage, Permission::Read).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(&world.client(&credentials).get(&at).bytes()).await.unwrap();
    let mut first = vec![0; 1_000];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    world.change_key(&credentials, |key| key.permission = Permission::None).await;
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest).await);
    assert!(rest.len() < LARGE / 2, "{} bytes came after the right was gone", rest.len());
}
