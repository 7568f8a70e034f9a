//! Who comes in, and how long that may take.

use std::sync::Arc;
use std::time::Duration;

use portcullis_domain::{Channel, NetworkEntry, Networks, Permission, Scope, SshPublicKey};
use portcullis_line::KeySessions;
use portcullis_line::sftp::SftpTimes;
use russh::ChannelMsg;
use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Interactive};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::sftp_client::{OK, PATIENCE, Sftp, connect, door, login, rest, say, text};
use crate::world::World;

fn is_in(answer: &AuthResult) -> bool {
    matches!(answer, AuthResult::Success)
}

/// A key pair, the same for each seed.
fn pair(seed: u8) -> (Arc<PrivateKey>, SshPublicKey) {
    let keypair = KeypairData::from(Ed25519Keypair::from_seed(&[seed; 32]));
    let key = PrivateKey::new(keypair, "test").unwrap();
    let public = SshPublicKey::from_blob(&key.public_key().to_bytes().unwrap()).unwrap();
    (Arc::new(key), public)
}

#[tokio::test]
async fn a_password_opens_and_whatever_is_wrong_is_refused_alike() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let who = world.key(&storage, Permission::ReadWrite).await;
    let elsewhere = world
        .key_with(&storage, |key| {
            key.networks = Networks::new(vec![NetworkEntry::parse("192.0.2.0/24", "").unwrap()]).unwrap()
        })
        .await;
    let http = world.key_of(Channel::Http, Scope::Storage(storage.id), |_| ()).await;
    let address = door(&world, |_| ()).await;
    let unknown = "PC999999999999999999".to_owned();
    for (user, secret) in [
        (&who.id, http.secret.reveal()),
        (&who.id, ""),
        (&unknown, who.secret.reveal()),
        (&elsewhere.id, elsewhere.secret.reveal()),
        (&http.id, http.secret.reveal()),
    ] {
        let mut ssh = connect(address).await;
        let before = Instant::now();
        let answer = ssh.authenticate_password(user, secret).await.unwrap();
        let AuthResult::Failure { remaining_methods, partial_success } = answer else {
            panic!("{user} came in");
        };
        assert!(!partial_success && remaining_methods.len() == 3, "{remaining_methods:?}");
        assert!(before.elapsed() >= Duration::from_millis(900), "{:?}", before.elapsed());
    }
    let ssh = login(address, &who).await;
    assert_eq!(Sftp::open(&ssh).await.list("/").await.unwrap().0, Vec::<String>::new());
}

#[tokio::test]
async fn a_password_may_be_asked_for_as_well() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::Read).await;
    let address = door(&world, |_| ()).await;
    for (secret, right) in [("wrong", false), (who.secret.reveal(), true)] {
        let mut ssh = connect(address).await;
        let asked = ssh.authenticate_keyboard_interactive_start(&who.id, None).await.unwrap();
        let Interactive::InfoRequest { prompts, .. } = asked else { panic!("{asked:?}") };
        assert!(prompts.len() == 1 && !prompts[0].echo);
        let answer = ssh.authenticate_keyboard_interactive_respond(vec![secret.to_owned()]).await.unwrap();
        assert_eq!(matches!(answer, Interactive::Success), right, "{answer:?}");
    }
}

#[tokio::test]
async fn a_registered_key_opens_and_which_are_registered_is_not_told() {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let ((mine, registered), (other, _)) = (pair(1), pair(2));
    let who = world.key_with(&storage, |key| key.public_keys = vec![registered]).await;
    let address = door(&world, |_| ()).await;
    let with = |key: &Arc<PrivateKey>| PrivateKeyWithHashAlg::new(Arc::clone(key), None);
    let mut ssh = connect(address).await;
    assert!(!is_in(&ssh.authenticate_publickey(&who.id, with(&other)).await.unwrap()));
    assert!(!is_in(&ssh.authenticate_publickey("PC999999999999999999", with(&mine)).await.unwrap()));
    assert!(is_in(&ssh.authenticate_publickey(&who.id, with(&mine)).await.unwrap()));
    assert!(Sftp::open(&ssh).await.stat("/").await.unwrap().1);
}

#[tokio::test]
async fn tries_are_counted() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::Read).await;
    let address = door(&world, |_| ()).await;
    let mut ssh = connect(address).await;
    let mut tries = 0;
    while let Ok(answer) = ssh.authenticate_password(&who.id, "wrong").await {
        assert!(!is_in(&answer));
        tries += 1;
        if ssh.is_closed() {
            break;
        }
        assert!(tries < 10, "no end of tries");
    }
    assert!((3..=7).contains(&tries), "{tries}");
}

#[tokio::test]
async fn who_does_not_log_in_in_time_is_left() {
    let world = World::start().await;
    let times = SftpTimes { login: Duration::from_millis(300), ..SftpTimes::default() };
    let address = door(&world, |config| config.times = times).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert!(rest(&mut silent).await.starts_with(b"SSH-2.0-Portcullis\r\n"));
    let mut slow = TcpStream::connect(address).await.unwrap();
    say(&mut slow, b"SSH-2.0-Slow\r\n").await;
    rest(&mut slow).await;
    let ssh = connect(address).await;
    timeout(PATIENCE, async {
        while !ssh.is_closed() {
            tokio::task::yield_now().await
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn who_is_idle_is_told_to_go() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let times = SftpTimes { idle: Duration::from_millis(400), ..SftpTimes::default() };
    let address = door(&world, |config| config.times = times).await;
    let (ssh, mut sftp) = Sftp::of(address, &who).await;
    sftp.file("/open", crate::sftp_client::PUT).await;
    assert!(sftp.try_receive().await.is_none());
    timeout(PATIENCE, async {
        while !ssh.is_closed() {
            tokio::task::yield_now().await
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_key_has_so_many_sessions_and_a_session_so_many_channels() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::Read).await;
    let address = door(&world, |config| config.sessions = KeySessions::new(1)).await;
    let first = login(address, &who).await;
    let second = login(address, &who).await;
    assert!(second.channel_open_session().await.is_err());
    let mut channels = Vec::new();
    for _ in 0..8 {
        channels.push(Sftp::open(&first).await);
    }
    assert!(first.channel_open_session().await.is_err());
    // One that is closed makes room, and the others go on.
    let closed = channels.pop().unwrap();
    closed.channel.eof().await.unwrap();
    drop(closed);
    let mut again = None;
    for _ in 0..100 {
        again = first.channel_open_session().await.ok();
        if again.is_some() {
            break;
        }
    }
    assert!(again.is_some());
    assert!(channels[0].stat("/").await.unwrap().1);
}

#[tokio::test]
async fn there_is_nothing_but_sftp() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let ssh = login(address, &who).await;
    let mut command = ssh.channel_open_session().await.unwrap();
    command.exec(true, "md5sum /etc/passwd").await.unwrap();
    let (mut status, mut said) = (None, Vec::new());
    while let Some(message) = timeout(PATIENCE, command.wait()).await.unwrap() {
        if let ChannelMsg::ExitStatus { exit_status } = message {
            status = Some(exit_status);
        } else if let ChannelMsg::ExtendedData { data, .. } = message {
            said.extend_from_slice(&data);
        } else {
            assert!(!matches!(message, ChannelMsg::Data { .. }), "{message:?}");
        }
    }
    assert_eq!(status, Some(127));
    assert!(String::from_utf8(said).unwrap().contains("only SFTP"));
    let mut shell = ssh.channel_open_session().await.unwrap();
    shell.request_shell(true).await.unwrap();
    let answer = loop {
        let message = timeout(PATIENCE, shell.wait()).await.unwrap().unwrap();
        if matches!(message, ChannelMsg::Success | ChannelMsg::Failure) {
            break matches!(message, ChannelMsg::Success);
        }
    };
    assert!(!answer);
    assert!(ssh.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await.is_err());
    assert!(ssh.tcpip_forward("127.0.0.1", 0).await.is_err());
    let mut sftp = Sftp::open(&ssh).await;
    assert_eq!(sftp.code(14, &[&text("/folder"), &[0; 4]]).await, OK);
}

#[tokio::test]
async fn a_shutdown_waits_for_what_is_open_and_for_nothing_else() {
    let world = World::start().await;
    let who = world.key(&world.storage("files").await, Permission::ReadWrite).await;
    let address = door(&world, |_| ()).await;
    let (_idle, mut idle) = Sftp::of(address, &who).await;
    let (_busy, mut busy) = Sftp::of(address, &who).await;
    let handle = busy.file("/late", crate::sftp_client::PUT).await;
    world.shutdown.cancel();
    assert!(idle.try_receive().await.is_none());
    assert_eq!(busy.write(&handle, 0, b"all of it").await, OK);
    assert_eq!(busy.close(&handle).await, OK);
    assert!(busy.try_receive().await.is_none());
    world.tasks.close();
    timeout(PATIENCE, world.tasks.wait()).await.unwrap();
}
