//! Data connections: who may open them, and what becomes of those that nobody opens.

use std::net::{IpAddr, SocketAddr};

use portcullis_domain::Permission;
use portcullis_line::ftp::{FtpConfig, PassiveConfig};
use portcullis_listener::{Proxies, ProxyKind};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::ftp_client::{Ftp, plain, short};
use crate::world::{Credentials, World, only};

async fn world() -> (World, Credentials) {
    let world = World::start().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    (world, key)
}

/// The address and the port of a 227.
fn told(text: &str) -> SocketAddr {
    let numbers = text.split(['(', ')']).nth(1).unwrap();
    let numbers: Vec<u8> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
    let port = u16::from_be_bytes([numbers[4], numbers[5]]);
    (IpAddr::from([numbers[0], numbers[1], numbers[2], numbers[3]]), port).into()
}

#[tokio::test]
async fn pasv_tells_where_the_client_came_in() {
    let (world, key) = world().await;
    let mut ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    let at = told(&ftp.expect(227, "PASV").await.text);
    assert_eq!(at.ip(), IpAddr::from([127, 0, 0, 1]));
    let mut data = TcpStream::connect(at).await.unwrap();
    ftp.expect(150, "NLST").await;
    assert_eq!(data.read(&mut [0]).await.unwrap(), 0);
    ftp.hear_code(226).await;
    // The port served once.
    ftp.expect(425, "NLST").await;
}

#[tokio::test]
async fn ports_are_those_of_the_range_and_one_is_open_at_a_time() {
    let (world, key) = world().await;
    // Of these some are free, whatever else runs here.
    let ports = 42_000..=42_999;
    let passive = PassiveConfig { ports: Some(ports.clone()), address: None };
    let mut ftp = Ftp::login(world.ftp(FtpConfig { passive, ..plain() }).await, &key).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        let port = ftp.epsv().await;
        assert!(ports.contains(&port), "{port}");
        seen.push(port);
    }
    seen.dedup();
    assert!(seen.len() > 1, "by chance: {seen:?}");
    let last = seen.pop().unwrap();
    for before in seen.into_iter().filter(|port| *port != last) {
        TcpStream::connect((ftp.address.ip(), before)).await.unwrap_err();
    }
    TcpStream::connect((ftp.address.ip(), last)).await.unwrap();
}

#[tokio::test]
async fn epsv_all_is_for_good() {
    let (world, key) = world().await;
    let mut ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    ftp.expect(200, "EPSV ALL").await;
    ftp.expect(503, "PASV").await;
    ftp.expect(502, "PORT 127,0,0,1,4,1").await;
    ftp.expect(502, "EPRT |1|127.0.0.1|1025|").await;
    ftp.expect(229, "EPSV 1").await;
    ftp.expect(522, "EPSV 2").await;
    ftp.expect(501, "EPSV 3").await;
}

/// No active mode: this server connects nowhere, so nobody can be reached through it.
#[tokio::test]
async fn there_is_no_bounce() {
    let (world, key) = world().await;
    let victim = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let [high, low] = victim.local_addr().unwrap().port().to_be_bytes();
    let mut ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    ftp.expect(502, &format!("PORT 127,0,0,1,{high},{low}")).await;
    ftp.expect(425, "NLST").await;
    let reached = tokio::select! {
        biased;
        _ = victim.accept() => true,
        _ = ftp.expect(221, "QUIT") => false,
    };
    assert!(!reached);
}

/// Defect 12: a door for both protocols of IP.
#[tokio::test]
async fn over_ipv6_there_is_epsv_and_over_a_mapped_address_both() {
    let (world, key) = world().await;
    let address = world.ftp_at("[::]:0", plain()).await;
    let mut v6 = Ftp::login(SocketAddr::new("::1".parse().unwrap(), address.port()), &key).await;
    v6.expect(522, "PASV").await;
    v6.expect(522, "EPSV 1").await;
    assert_eq!(v6.text("NLST").await, "");
    let mut v4 = Ftp::login(SocketAddr::new([127, 0, 0, 1].into(), address.port()), &key).await;
    assert_eq!(told(&v4.expect(227, "PASV").await.text).ip(), IpAddr::from([127, 0, 0, 1]));
    assert_eq!(v4.text("NLST").await, "");
}

/// The address of the control connection, and no other.
#[tokio::test]
async fn data_from_elsewhere_is_turned_away_and_the_client_comes_in() {
    let (world, key) = world().await;
    let mut ftp = Ftp::login(world.ftp(plain()).await, &key).await;
    assert_eq!(ftp.put("STOR a", b"mine").await.code, 226);
    let port = ftp.epsv().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut thief = socket.connect((ftp.address.ip(), port).into()).await.unwrap();
    let mut own = TcpStream::connect((ftp.address.ip(), port)).await.unwrap();
    ftp.expect(150, "RETR a").await;
    let mut stolen = Vec::new();
    thief.read_to_end(&mut stolen).await.unwrap_err();
    assert_eq!(stolen, b"");
    let mut bytes = Vec::new();
    own.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"mine");
    ftp.hear_code(226).await;
}

/// Defect 13: no 150 before the data connection is there, and a reply in any case.
#[tokio::test]
async fn who_does_not_open_the_data_connection_is_told() {
    let (world, key) = world().await;
    let times = portcullis_line::ftp::FtpTimes { connect: short().connect, ..Default::default() };
    let mut ftp = Ftp::login(world.ftp(FtpConfig { times, ..plain() }).await, &key).await;
    for command in ["NLST", "LIST", "MLSD", "STOR a", "APPE a", "STOU"] {
        ftp.epsv().await;
        ftp.expect(425, command).await;
    }
    assert_eq!(ftp.put("STOR a", b"1").await.code, 226);
    ftp.epsv().await;
    ftp.expect(425, "RETR a").await;
    ftp.expect(200, "NOOP").await;
    assert_eq!(ftp.text("NLST").await, "a\r\n");
}

/// The address that is told is the one that was set, but for who is on this very machine.
#[tokio::test]
async fn the_public_address_is_for_those_from_outside() {
    let (world, key) = world().await;
    let address = Some([203, 0, 113, 9].into());
    let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], ProxyKind::ProxyProtocol);
    let passive = PassiveConfig { ports: None, address };
    let config = FtpConfig { passive, ..plain() };
    let mut near = Ftp::login(world.ftp(config.clone()).await, &key).await;
    assert_eq!(told(&near.expect(227, "PASV").await.text).ip(), IpAddr::from([127, 0, 0, 1]));
    let behind = world.ftp(FtpConfig { proxies, ..config }).await;
    let mut far = Ftp::silent(behind).await;
    far.send_raw(b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 21\r\n").await;
    far.hear_code(220).await;
    far.log_in(&key).await;
    assert_eq!(told(&far.expect(227, "PASV").await.text).ip(), IpAddr::from([203, 0, 113, 9]));
}

/// Defect 4: networks hold for the client that the proxy tells of, and its data connections tell the same.
#[tokio::test]
async fn behind_a_proxy_the_client_counts() {
    use tokio::io::AsyncWriteExt as _;
    let (world, _) = world().await;
    let storage = world.storage("others").await;
    let key = world.key_with(&storage, |key| key.networks = only("198.51.100.0/24")).await;
    let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()], ProxyKind::ProxyProtocol);
    let address = world.ftp(FtpConfig { proxies, ..plain() }).await;
    let mut wrong = Ftp::silent(address).await;
    wrong.send_raw(b"PROXY TCP4 203.0.113.7 192.0.2.1 4711 21\r\n").await;
    wrong.hear_code(220).await;
    wrong.expect(331, &format!("USER {}", key.id)).await;
    wrong.expect(530, &format!("PASS {}", key.secret.reveal())).await;
    let mut right = Ftp::silent(address).await;
    right.send_raw(b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 21\r\n").await;
    right.hear_code(220).await;
    right.log_in(&key).await;
    assert_eq!(told(&right.expect(227, "PASV").await.text).ip(), IpAddr::from([192, 0, 2, 1]));
    let port = right.epsv().await;
    let mut thief = TcpStream::connect((address.ip(), port)).await.unwrap();
    thief.write_all(b"PROXY TCP4 203.0.113.7 192.0.2.1 4712 21\r\n").await.unwrap();
    let mut own = TcpStream::connect((address.ip(), port)).await.unwrap();
    own.write_all(b"PROXY TCP4 198.51.100.7 192.0.2.1 4713 21\r\nbytes").await.unwrap();
    own.shutdown().await.unwrap();
    right.expect(150, "STOR a").await;
    right.hear_code(226).await;
    assert_eq!(right.expect(213, "SIZE a").await.text, "213 5");
    thief.read(&mut [0]).await.unwrap_err();
}
