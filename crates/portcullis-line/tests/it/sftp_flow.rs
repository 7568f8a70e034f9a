//! Many requests at once, clients that do not read, and rights that are taken away in the middle.

use std::io;
use std::time::Duration;

use portcullis_domain::Permission;
use portcullis_line::sftp::SftpTimes;
use tokio::time::timeout;

use crate::sftp_client::{OK, PATIENCE, PUT, READ, Sftp, door, login, pattern, text, wide};
use crate::world::World;

const PIECE: usize = 32 * 1024;
const PIECE_32: u32 = 32 * 1024;
const LONG: u64 = 32 * 1024;

/// Asks for a whole file at once before it reads one answer, as paramiko does.
#[tokio::test]
async fn a_whole_file_is_asked_for_at_once() {
    let world = World::on_disk().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let (_ssh, mut sftp) = Sftp::of(door(&world, |_| ()).await, &who).await;
    let bytes = pattern(64 << 20);
    let handle = sftp.file("/big", PUT).await;
    // And sends one before it reads one answer.
    let mut sent = Vec::new();
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        let offset = wide(number * PIECE);
        sent.push(sftp.send(6, &[&text(&handle), &offset.to_be_bytes(), &text(piece)]).await);
    }
    for id in sent {
        let answer = sftp.receive().await;
        assert_eq!((answer.id, answer.code()), (id, OK));
    }
    assert_eq!(sftp.close(&handle).await, OK);
    let handle = sftp.file("/big", READ).await;
    let mut asked = Vec::new();
    for number in 0..bytes.len() / PIECE {
        let (offset, length) = (wide(number * PIECE), PIECE_32);
        asked.push(sftp.send(5, &[&text(&handle), &offset.to_be_bytes(), &length.to_be_bytes()]).await);
    }
    for (id, piece) in asked.into_iter().zip(bytes.chunks(PIECE)) {
        let answer = sftp.receive().await;
        assert_eq!((answer.id, answer.kind), (id, 103));
        assert!(answer.text() == piece);
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let world = World::on_disk().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let times = SftpTimes { stall: Duration::from_millis(500), ..SftpTimes::default() };
    let address = door(&world, |config| config.times = times).await;
    let (_ssh, mut sftp) = Sftp::of(address, &who).await;
    sftp.put("/big", &pattern(8 << 20)).await;
    // A client whose window is small, and who takes nothing out of it.
    let between = between(address).await;
    let config =
        russh::client::Config { window_size: PIECE_32, channel_buffer_size: 1, ..Default::default() };
    let connected =
        russh::client::connect(config.into(), between.address, crate::sftp_client::Trusting).await;
    let mut ssh = connected.unwrap();
    ssh.authenticate_password(&who.id, who.secret.reveal()).await.unwrap();
    let mut slow = Sftp::open(&ssh).await;
    let handle = slow.file("/big", READ).await;
    for number in 0_u64..256 {
        let offset = (number * LONG).to_be_bytes();
        slow.send(5, &[&text(&handle), &offset, &PIECE_32.to_be_bytes()]).await;
    }
    assert_eq!(timeout(PATIENCE, between.ended).await.unwrap().unwrap(), io::ErrorKind::ConnectionReset);
    // Others do not wait for it.
    assert_eq!(sftp.stat("/big").await.unwrap().0, 8 << 20);
}

/// Copies bytes between a client and the door, and can stop to do so.
struct Between {
    address: std::net::SocketAddr,
    stop: tokio::sync::watch::Sender<bool>,
    ended: tokio::sync::oneshot::Receiver<io::ErrorKind>,
}

/// Between a client and a door: from the server nothing is read once that is said, and how its connection ends is told.
async fn between(door: std::net::SocketAddr) -> Between {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let (end, ended) = tokio::sync::oneshot::channel();
    tokio_util::task::TaskTracker::new().spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = tokio::net::TcpStream::connect(door).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let up = tokio_util::task::TaskTracker::new()
            .spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut buffer = vec![0; 64 * 1024];
        let end_of_it = loop {
            if *stopped.borrow() {
                // Nothing is read until the test goes on.
                stopped.wait_for(|stopped| !*stopped).await.unwrap();
            }
            match from_server.read(&mut buffer).await {
                // The system tells of a reset once: to whoever writes, if they ask first.
                Ok(0) if up.is_finished() => {
                    let written = up.await.unwrap();
                    break written.map_or_else(|error| error.kind(), |_| io::ErrorKind::UnexpectedEof);
                }
                Ok(0) => break io::ErrorKind::UnexpectedEof,
                Ok(read) => {
                    if to_client.write_all(&buffer[..read]).await.is_err() {
                        break io::ErrorKind::BrokenPipe;
                    }
                }
                Err(error) => break error.kind(),
            }
        };
        end.send(end_of_it).unwrap();
    });
    Between { address, stop, ended }
}

#[tokio::test]
async fn a_download_ends_with_the_right_to_it() {
    for how in ["narrow", "delete", "rotate"] {
        let world = World::on_disk().await;
        let storage = world.storage("files").await;
        let owner = world.key(&storage, Permission::ReadWrite).await;
        let address = door(&world, |_| ()).await;
        let (_owner, mut sftp) = Sftp::of(address, &owner).await;
        sftp.put("/big", &pattern(24 << 20)).await;
        let who = world.key(&storage, Permission::Read).await;
        let between = between(address).await;
        let (_ssh, mut reader) = Sftp::of(between.address, &who).await;
        let handle = reader.file("/big", READ).await;
        for number in 0_u64..700 {
            let offset = (number * LONG).to_be_bytes();
            reader.send(5, &[&text(&handle), &offset, &PIECE_32.to_be_bytes()]).await;
        }
        for _ in 0..10 {
            assert_eq!(reader.receive().await.kind, 103);
        }
        between.stop.send(true).unwrap();
        match how {
            "narrow" => world.change_key(&who, |key| key.permission = Permission::Write).await,
            "delete" => world.delete_key(&who).await,
            _ => world.rotate_key(&who).await,
        }
        between.stop.send(false).unwrap();
        let end = timeout(PATIENCE, between.ended).await.unwrap().unwrap();
        assert_eq!(end, io::ErrorKind::ConnectionReset, "{how}");
        assert_eq!(sftp.stat("/big").await.unwrap().0, 24 << 20, "others go on");
    }
}

#[tokio::test]
async fn an_upload_and_an_idle_session_end_with_their_right() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let owner = world.key(&storage, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let (_owner, mut sftp) = Sftp::of(address, &owner).await;
    let who = world.key(&storage, Permission::ReadWrite).await;
    let (_ssh, mut writer) = Sftp::of(address, &who).await;
    let (_ssh2, mut idle) = Sftp::of(address, &who).await;
    let handle = writer.file("/late", PUT).await;
    let bytes = pattern(12 << 20);
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        assert_eq!(writer.write(&handle, wide(number * PIECE), piece).await, OK);
    }
    world.delete_key(&who).await;
    writer.send(4, &[&text(&handle)]).await;
    assert!(writer.try_receive().await.is_none(), "the close is not answered");
    assert!(idle.try_receive().await.is_none(), "who asks for nothing is ended as well");
    assert!(sftp.list("/").await.unwrap().0.is_empty(), "nothing was stored");
    let mut ssh = crate::sftp_client::connect(address).await;
    let again = ssh.authenticate_password(&who.id, who.secret.reveal()).await.unwrap();
    assert!(!matches!(again, russh::client::AuthResult::Success));
}

#[tokio::test]
async fn a_narrowed_right_is_refused_at_the_next_request_and_the_session_goes_on() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let ssh = login(address, &who).await;
    let mut sftp = Sftp::open(&ssh).await;
    sftp.put("/a", b"bytes").await;
    world.change_key(&who, |key| key.permission = Permission::Read).await;
    assert_eq!(sftp.try_open("/b", PUT).await, Err(crate::sftp_client::DENIED));
    assert_eq!(sftp.get("/a").await.unwrap(), b"bytes");
}
