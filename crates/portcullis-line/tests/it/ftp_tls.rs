//! TLS, explicit and implicit.

use portcullis_domain::Permission;
use portcullis_line::ftp::{FtpConfig, FtpTimes, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::ftp_client::{Ftp, Pair, short};
use crate::world::{Credentials, World};

struct Secure {
    world: World,
    key: Credentials,
    pair: Pair,
}

impl Secure {
    async fn new() -> Self {
        let world = World::on_disk().await;
        let storage = world.storage("files").await;
        let key = world.key(&storage, Permission::ReadWrite).await;
        let pair = Pair::new(&world);
        Self { world, key, pair }
    }

    fn config(&self, mode: TlsMode) -> FtpConfig {
        FtpConfig::new(Some(self.pair.tls.clone()), mode)
    }

    /// Somebody who has logged in over TLS.
    async fn explicit(&self) -> Ftp {
        let mut ftp = Ftp::connect(self.world.ftp(self.config(TlsMode::Explicit)).await).await;
        ftp.secure(self.pair.connector()).await;
        ftp.log_in(&self.key).await;
        ftp
    }
}

#[tokio::test]
async fn explicit_tls_from_the_greeting_to_the_last_byte() {
    let secure = Secure::new().await;
    let mut ftp = secure.explicit().await;
    let content = vec![7; 3_000_000];
    assert_eq!(ftp.put("STOR a", &content).await.code, 226);
    assert!(ftp.get("RETR a").await.0 == content);
    assert_eq!(ftp.text("NLST").await, "a\r\n");
    let features = ftp.expect(211, "FEAT").await.text;
    assert!(features.contains("\n AUTH TLS\n PBSZ\n PROT\n"), "{features}");
    ftp.expect(534, "CCC").await;
    ftp.expect(503, "AUTH TLS").await;
}

/// Defect 1.
#[tokio::test]
async fn implicit_tls_begins_at_once_and_protects_data() {
    let secure = Secure::new().await;
    let mut ftp = Ftp::silent(secure.world.ftp(secure.config(TlsMode::Implicit)).await).await;
    ftp.shake(secure.pair.connector()).await;
    ftp.hear_code(220).await;
    ftp.expect(503, "AUTH TLS").await;
    ftp.log_in(&secure.key).await;
    assert_eq!(ftp.put("STOR a", b"x").await.code, 226);
    ftp.expect(200, "PBSZ 0").await;
    ftp.expect(200, "PROT P").await;
    assert_eq!(ftp.get("RETR a").await.0, b"x");
    ftp.expect(534, "PROT C").await;
}

/// Defect 2: no way of opening a data connection is without TLS.
#[tokio::test]
async fn data_in_clear_is_refused() {
    let secure = Secure::new().await;
    let mut ftp = Ftp::connect(secure.world.ftp(secure.config(TlsMode::Explicit)).await).await;
    ftp.expect(234, "AUTH TLS").await;
    ftp.shake(secure.pair.connector()).await;
    ftp.log_in(&secure.key).await;
    for command in ["PASV", "EPSV", "EPSV 1", "NLST", "LIST", "MLSD", "RETR a", "STOR a", "APPE a", "STOU"] {
        ftp.expect(521, command).await;
    }
    ftp.expect(503, "PROT P").await;
    ftp.expect(200, "PBSZ 0").await;
    ftp.expect(534, "PROT C").await;
    ftp.expect(536, "PROT S").await;
    ftp.expect(536, "PROT E").await;
    ftp.expect(504, "PROT X").await;
    ftp.expect(521, "EPSV").await;
    ftp.expect(200, "PROT P").await;
    assert_eq!(ftp.text("NLST").await, "");
}

#[tokio::test]
async fn where_clear_is_allowed_both_work() {
    let secure = Secure::new().await;
    let config = FtpConfig { allow_plaintext: true, ..secure.config(TlsMode::Explicit) };
    let address = secure.world.ftp(config).await;
    let mut clear = Ftp::login(address, &secure.key).await;
    assert_eq!(clear.put("STOR a", b"x").await.code, 226);
    clear.expect(503, "AUTH TLS").await;
    let mut ftp = Ftp::connect(address).await;
    ftp.secure(secure.pair.connector()).await;
    ftp.log_in(&secure.key).await;
    assert_eq!(ftp.get("RETR a").await.0, b"x");
    // A port that was opened for TLS is not used in clear.
    ftp.epsv().await;
    ftp.expect(200, "PROT C").await;
    ftp.expect(425, "NLST").await;
    ftp.tls = None;
    assert_eq!(ftp.text("NLST").await, "a\r\n");
}

#[tokio::test]
async fn other_kinds_of_security_are_unknown() {
    let secure = Secure::new().await;
    let mut ftp = Ftp::connect(secure.world.ftp(secure.config(TlsMode::Explicit)).await).await;
    ftp.expect(504, "AUTH SSL").await;
    ftp.expect(504, "AUTH GSSAPI").await;
    ftp.expect(504, "AUTH").await;
    ftp.expect(503, "PBSZ 0").await;
    ftp.expect(503, "PROT P").await;
}

/// Defect 10: what comes in clear behind AUTH is of nobody.
#[tokio::test]
async fn what_was_said_before_tls_does_not_count() {
    let secure = Secure::new().await;
    let config = FtpConfig { allow_plaintext: true, ..secure.config(TlsMode::Explicit) };
    let mut ftp = Ftp::connect(secure.world.ftp(config).await).await;
    let (id, secret) = (&secure.key.id, secure.key.secret.reveal());
    ftp.expect(331, &format!("USER {id}")).await;
    ftp.send_raw(format!("AUTH TLS\r\nUSER {id}\r\nPASS {secret}\r\nMKD evil\r\n").as_bytes()).await;
    ftp.hear_code(234).await;
    ftp.shake(secure.pair.connector()).await;
    // Neither what came behind nor the name before.
    ftp.expect(530, "PWD").await;
    ftp.expect(503, &format!("PASS {secret}")).await;
    ftp.expect(200, "PBSZ 0").await;
    ftp.expect(200, "PROT P").await;
    ftp.log_in(&secure.key).await;
    assert_eq!(ftp.text("NLST").await, "");
}

/// Defect 6: who does not shake hands is not waited for.
#[tokio::test]
async fn a_handshake_has_its_time() {
    let secure = Secure::new().await;
    let mut explicit = Ftp::connect(secure.world.ftp(secure.config(TlsMode::Explicit)).await).await;
    explicit.expect(234, "AUTH TLS").await;
    let mut implicit = Ftp::silent(secure.world.ftp(secure.config(TlsMode::Implicit)).await).await;
    // Now the ten seconds are over when nothing else happens.
    tokio::time::pause();
    explicit.ended().await;
    implicit.ended().await;
}

/// Defect 7: bad TLS on a data connection is a reply, and the session goes on.
#[tokio::test]
async fn bad_tls_on_data_is_told() {
    let secure = Secure::new().await;
    let mut ftp = secure.explicit().await;
    for command in ["STOR a", "NLST", "MLSD"] {
        let mut stream = ftp.open().await;
        ftp.expect(150, command).await;
        stream.write_all(b"this is no TLS at all, whatever it is\r\n").await.unwrap();
        ftp.hear_code(522).await;
    }
    ftp.expect(550, "SIZE a").await;
    assert_eq!(ftp.text("NLST").await, "");
}

/// While hands are shaken on the data connection, the control connection lives.
#[tokio::test]
async fn a_data_handshake_can_be_given_up() {
    let secure = Secure::new().await;
    let mut ftp = secure.explicit().await;
    let _silent = ftp.open().await;
    ftp.expect(150, "NLST").await;
    ftp.expect(211, "STAT").await;
    ftp.expect(426, "ABOR").await;
    ftp.hear_code(226).await;
}

/// Sends bytes over TLS and breaks off without saying that it was all.
async fn put_cut_short(ftp: &mut Ftp, command: &str, bytes: &[u8]) -> u16 {
    let stream = ftp.open().await;
    ftp.expect(150, command).await;
    let connector = ftp.tls.clone().unwrap();
    let mut secured = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    secured.write_all(bytes).await.unwrap();
    secured.flush().await.unwrap();
    // The end of the connection, as anybody on the path can make it.
    let (mut stream, _) = secured.into_inner();
    TcpStream::shutdown(&mut stream).await.unwrap();
    ftp.hear().await.code
}

#[tokio::test]
async fn an_upload_that_was_cut_short_is_no_file() {
    let secure = Secure::new().await;
    let mut ftp = secure.explicit().await;
    assert_eq!(ftp.put("STOR a", b"before").await.code, 226);
    assert_eq!(put_cut_short(&mut ftp, "STOR a", b"half").await, 426);
    assert_eq!(put_cut_short(&mut ftp, "APPE a", b"half").await, 426);
    assert_eq!(ftp.get("RETR a").await.0, b"before");
    // Unless it is known that it was all.
    ftp.expect(200, "ALLO 5").await;
    assert_eq!(put_cut_short(&mut ftp, "STOR a", b"half").await, 426);
    assert_eq!(ftp.get("RETR a").await.0, b"before");
    ftp.expect(200, "ALLO 5").await;
    assert_eq!(put_cut_short(&mut ftp, "STOR a", b"after").await, 226);
    assert_eq!(ftp.get("RETR a").await.0, b"after");
}

/// A client sees the end of TLS after the last byte, and only then.
#[tokio::test]
async fn a_download_that_is_given_up_does_not_look_complete() {
    let secure = Secure::new().await;
    let mut ftp = secure.explicit().await;
    assert_eq!(ftp.put("STOR a", &vec![1; 20_000_000]).await.code, 226);
    let stream = ftp.open().await;
    ftp.expect(150, "RETR a").await;
    let mut data = ftp.data(stream).await;
    data.read_exact(&mut [0; 1000]).await.unwrap();
    ftp.expect(426, "ABOR").await;
    ftp.hear_code(226).await;
    let mut rest = Vec::new();
    data.read_to_end(&mut rest).await.unwrap_err();
}

#[tokio::test]
async fn an_idle_secure_session_ends_with_a_word() {
    let secure = Secure::new().await;
    let times = FtpTimes { idle: short().idle, ..FtpTimes::default() };
    let config = FtpConfig { times, ..secure.config(TlsMode::Explicit) };
    let mut ftp = Ftp::connect(secure.world.ftp(config).await).await;
    ftp.secure(secure.pair.connector()).await;
    ftp.log_in(&secure.key).await;
    ftp.hear_code(421).await;
}
