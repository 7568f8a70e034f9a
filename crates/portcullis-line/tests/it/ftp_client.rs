//! A door of FTP, and a client that says what a test tells it to.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use portcullis_line::ftp::{FtpConfig, FtpTimes, TlsMode};
use portcullis_listener::Tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::conversation::{Conversation, LONG, Pipe, Told};
use crate::world::{Credentials, World};

/// A certificate for `localhost` and those who trust it.
pub(crate) struct Pair {
    pub(crate) tls: Tls,
    root: CertificateDer<'static>,
}

impl Pair {
    pub(crate) fn new(world: &World) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (world.folder.path().join("tls.crt"), world.folder.path().join("tls.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Self { tls: Tls::open(&certificate, &key).unwrap(), root: made.cert.der().clone() }
    }

    pub(crate) fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        TlsConnector::from(Arc::new(builder.unwrap().with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Short times, so that what is to end ends while a test waits for it.
pub(crate) fn short() -> FtpTimes {
    let short = Duration::from_millis(400);
    FtpTimes { login: short, idle: short, connect: short, stall: short }
}

pub(crate) fn plain() -> FtpConfig {
    FtpConfig { allow_plaintext: true, ..FtpConfig::new(None, TlsMode::Explicit) }
}

impl World {
    /// Opens a door; where it is.
    pub(crate) async fn ftp(&self, config: FtpConfig) -> SocketAddr {
        self.ftp_at("127.0.0.1:0", config).await
    }

    pub(crate) async fn ftp_at(&self, at: &str, config: FtpConfig) -> SocketAddr {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = portcullis_line::ftp::serve(
            config,
            listener,
            self.access.clone(),
            self.shutdown.clone(),
            self.tasks.clone(),
        );
        self.tasks.spawn(async move { serve.await.unwrap() });
        address
    }
}

pub(crate) struct Ftp {
    talk: Conversation,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsConnector>,
}

impl Deref for Ftp {
    type Target = Conversation;
    fn deref(&self) -> &Conversation {
        &self.talk
    }
}

impl DerefMut for Ftp {
    fn deref_mut(&mut self) -> &mut Conversation {
        &mut self.talk
    }
}

impl Ftp {
    /// Connects and hears the greeting.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut ftp = Self::silent(address).await;
        let greeting = ftp.hear().await;
        assert_eq!(greeting.code, 220, "{greeting:?}");
        ftp
    }

    /// Connects and no more.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { talk: Conversation::over(stream), address, tls: None }
    }

    pub(crate) async fn login(address: SocketAddr, who: &Credentials) -> Self {
        let mut ftp = Self::connect(address).await;
        ftp.log_in(who).await;
        ftp
    }

    pub(crate) async fn log_in(&mut self, who: &Credentials) {
        self.expect(331, &format!("USER {}", who.id)).await;
        self.expect(230, &format!("PASS {}", who.secret.reveal())).await;
        self.expect(200, "TYPE I").await;
    }

    /// Says AUTH TLS and shakes hands; data connections are to be protected too.
    pub(crate) async fn secure(&mut self, connector: TlsConnector) {
        self.expect(234, "AUTH TLS").await;
        self.shake(connector).await;
        self.expect(200, "PBSZ 0").await;
        self.expect(200, "PROT P").await;
    }

    pub(crate) async fn shake(&mut self, connector: TlsConnector) {
        let pipe = self.pipe.take().unwrap();
        self.tls = Some(connector);
        self.pipe = Some(self.wrap(pipe).await);
    }

    async fn wrap(&self, pipe: Pipe) -> Pipe {
        let Some(connector) = &self.tls else { return pipe };
        let secured = connector.connect("localhost".try_into().unwrap(), pipe).await.unwrap();
        Box::pin(secured)
    }

    /// Asks for a port and connects to it, in clear.
    pub(crate) async fn open(&mut self) -> TcpStream {
        let port = self.epsv().await;
        TcpStream::connect((self.address.ip(), port)).await.unwrap()
    }

    pub(crate) async fn epsv(&mut self) -> u16 {
        let told = self.expect(229, "EPSV").await;
        told.text.split('|').nth(3).unwrap().parse().unwrap()
    }

    /// The data connection as this session has it: with TLS, if the session has.
    pub(crate) async fn data(&mut self, stream: TcpStream) -> Pipe {
        let stream: Pipe = Box::pin(stream);
        self.wrap(stream).await
    }

    /// Uploads by this command; the last reply.
    pub(crate) async fn put(&mut self, command: &str, bytes: &[u8]) -> Told {
        let stream = self.open().await;
        let first = self.say(command).await;
        if first.code != 150 {
            return first;
        }
        let mut data = self.data(stream).await;
        data.write_all(bytes).await.unwrap();
        data.shutdown().await.unwrap();
        self.hear().await
    }

    /// Downloads, or lists, by this command; what came and the last reply.
    pub(crate) async fn get(&mut self, command: &str) -> (Vec<u8>, Told) {
        let stream = self.open().await;
        let first = self.say(command).await;
        if first.code != 150 {
            return (Vec::new(), first);
        }
        let mut data = self.data(stream).await;
        let mut bytes = Vec::new();
        timeout(LONG, data.read_to_end(&mut bytes)).await.unwrap().unwrap();
        drop(data);
        (bytes, self.hear().await)
    }

    pub(crate) async fn text(&mut self, command: &str) -> String {
        let (bytes, told) = self.get(command).await;
        assert_eq!(told.code, 226, "{command}: {told:?}");
        String::from_utf8(bytes).unwrap()
    }
}
