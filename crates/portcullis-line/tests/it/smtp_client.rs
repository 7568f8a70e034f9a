//! A door of mail submission, and a client that says what a test tells it to.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use portcullis_access::Origin;
use portcullis_domain::{Channel, Key, Permission, Scope, Storage};
use portcullis_files::{OpenOptions, Top, Tree, TreeConfig, TreePath};
use portcullis_line::smtp::{Security, SmtpConfig, SmtpTimes, Spool};
use tokio::net::{TcpListener, TcpStream};

use crate::conversation::{Conversation, Told};
use crate::ftp_client::Pair;
use crate::world::{Credentials, World};

/// What the doors of these tests are called.
pub(crate) const HOST: &str = "gate.test";

/// Short times, so that what is to end ends while a test waits for it.
pub(crate) fn short() -> SmtpTimes {
    let short = Duration::from_millis(400);
    SmtpTimes { login: short, idle: short, block: short, ..SmtpTimes::default() }
}

/// A door of mail and those who trust its certificate.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) storage: Storage,
    pub(crate) pair: Pair,
    pub(crate) spool: Spool,
}

impl Office {
    pub(crate) async fn open() -> Self {
        Self::of(World::start().await).await
    }

    pub(crate) async fn of(world: World) -> Self {
        let storage = world.storage("mail").await;
        let pair = Pair::new(&world);
        let spool = Spool::open(&world.folder.path().join("spool"), 64 << 20).unwrap();
        Self { world, storage, pair, spool }
    }

    pub(crate) fn config(&self, security: Security) -> SmtpConfig {
        SmtpConfig::new(
            self.pair.tls.clone(),
            security,
            vec![HOST.to_owned(), "second.test".to_owned()],
            self.spool.clone(),
        )
    }

    /// Opens a door; where it is.
    pub(crate) async fn door(&self, config: SmtpConfig) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (access, shutdown, tasks) =
            (self.world.access.clone(), self.world.shutdown.clone(), self.world.tasks.clone());
        let serve = portcullis_line::smtp::serve(config, listener, access, shutdown, tasks);
        self.world.tasks.spawn(async move { serve.await.unwrap() });
        address
    }

    pub(crate) async fn implicit(&self) -> SocketAddr {
        self.door(self.config(Security::Implicit)).await
    }

    pub(crate) async fn key(&self, permission: Permission) -> Credentials {
        self.key_with(|key| key.permission = permission).await
    }

    pub(crate) async fn key_with(&self, change: impl FnOnce(&mut Key)) -> Credentials {
        self.world.key_of(Channel::Email, Scope::Storage(self.storage.id), change).await
    }

    /// Connects with TLS and greets.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Smtp {
        let mut smtp = Smtp::silent(address).await;
        smtp.shake(&self.pair).await;
        smtp.hear_code(220).await;
        smtp.expect(250, "EHLO client.test").await;
        smtp
    }

    pub(crate) async fn login(&self, address: SocketAddr, who: &Credentials) -> Smtp {
        let mut smtp = self.connect(address).await;
        smtp.log_in(who).await;
        smtp
    }

    /// What is stored, with paths.
    pub(crate) async fn stored(&self) -> Vec<(String, Vec<u8>)> {
        let reader = self.world.key(&self.storage, Permission::Read).await;
        let origin = Origin {
            channel: Channel::Ftp,
            peer: [127, 0, 0, 1].into(),
            request_id: "test",
            tool: "test",
            line: None,
        };
        let who = self.world.access.authenticate_password(origin, &reader.id, &reader.secret).await.unwrap();
        let config = TreeConfig { top: Top::Home, tasks: self.world.tasks.clone() };
        let tree = Tree::new(self.world.access.clone(), who, config);
        let (mut folders, mut found) = (vec![TreePath::top()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in tree.page(&folder, None, 1000).await.unwrap().entries {
                let path = folder.child(&entry.name);
                if entry.is_folder() {
                    folders.push(path);
                } else {
                    let mut file = tree.open(&path, OpenOptions::default()).await.unwrap();
                    let bytes = file.read_at(0, usize::try_from(entry.size()).unwrap()).await.unwrap();
                    found.push((path.to_string(), bytes.to_vec()));
                }
            }
        }
        found.sort();
        found
    }

    /// The names of what is stored.
    pub(crate) async fn names(&self) -> Vec<String> {
        self.stored().await.into_iter().map(|(name, _)| name).collect()
    }
}

/// A client of mail.
pub(crate) struct Smtp {
    talk: Conversation,
}

impl Deref for Smtp {
    type Target = Conversation;
    fn deref(&self) -> &Conversation {
        &self.talk
    }
}

impl DerefMut for Smtp {
    fn deref_mut(&mut self) -> &mut Conversation {
        &mut self.talk
    }
}

impl Smtp {
    /// Connects and no more.
    pub(crate) async fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { talk: Conversation::over(stream) }
    }

    pub(crate) async fn shake(&mut self, pair: &Pair) {
        let pipe = self.pipe.take().unwrap();
        let secured = pair.connector().connect("localhost".try_into().unwrap(), pipe).await.unwrap();
        self.pipe = Some(Box::pin(secured));
    }

    pub(crate) async fn log_in(&mut self, who: &Credentials) {
        let words = plain("", &who.id, who.secret.reveal());
        self.expect(235, &format!("AUTH PLAIN {words}")).await;
    }

    /// Begins a message to these recipients.
    pub(crate) async fn begin(&mut self, recipients: &[&str]) {
        self.expect(250, "MAIL FROM:<somebody@client.test>").await;
        for recipient in recipients {
            self.expect(250, &format!("RCPT TO:<{recipient}>")).await;
        }
    }

    /// Sends a message with LF for ends of lines as mail has them; the answer to it.
    pub(crate) async fn send(&mut self, recipients: &[&str], message: &str) -> Told {
        self.begin(recipients).await;
        self.expect(354, "DATA").await;
        self.finish(message).await
    }

    /// The bytes of a message, and the answer to it.
    pub(crate) async fn finish(&mut self, message: &str) -> Told {
        let lines: String = message
            .lines()
            .map(|line| format!("{}{line}\r\n", if line.starts_with('.') { "." } else { "" }))
            .collect();
        self.send_raw(format!("{lines}.\r\n").as_bytes()).await;
        self.hear().await
    }
}

/// What `AUTH PLAIN` says.
pub(crate) fn plain(acts_as: &str, name: &str, secret: &str) -> String {
    base64(&format!("{acts_as}\0{name}\0{secret}"))
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A message with one attachment of this name and text.
pub(crate) fn message(id: &str, name: &str, text: &str) -> String {
    format!(
        "From: a@client.test\nTo: b@gate.test\nSubject: a file\nMessage-ID: <{id}@client.test>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"next\"\n\n--next\nContent-Type: text/plain\n\nHello.\n--next\n\
         Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"{name}\"\n\
         Content-Transfer-Encoding: base64\n\n{}\n--next--\n",
        base64(text)
    )
}
