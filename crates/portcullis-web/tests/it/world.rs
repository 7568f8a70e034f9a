//! The door with everything behind it, and requests to it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use portcullis_access::{Access, AccessConfig, MasterKey, System, ThrottleConfig};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_control::{Control, IdentityRules, NoRemotes, Remotes};
use portcullis_domain::{
    Clock, DisplayName, ManualClock, Role, Secret, Site, SiteId, SiteRules, UserState, Username,
};
use portcullis_listener::{DoorConfig, Peer};
use portcullis_metadata::{Metadata, NewUser};
use portcullis_signin::oidc::Provider;
use portcullis_web::{Config, Doors, FtpDoor, SftpDoor};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const WEB_ADDRESS: &str = "https://gate.example.org";
pub(crate) const S3_ADDRESS: &str = "https://s3.example.org";

pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) system: System,
    pub(crate) metadata: Metadata,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) control: Control,
    router: axum::Router,
    /// The admin's session.
    pub(crate) token: String,
    /// Everything that was ever answered, heads and bodies.
    pub(crate) told: Mutex<Vec<String>>,
    dir: tempfile::TempDir,
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The fields that a problem document names.
    pub(crate) fn fields(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::UNPROCESSABLE_ENTITY, "{self:?}");
        let errors = self.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect()
    }
}

/// A request in the making.
pub(crate) struct Ask<'a> {
    world: &'a World,
    request: http::request::Builder,
    peer: IpAddr,
    body: Body,
}

impl Ask<'_> {
    /// As this program, not as `test/1`.
    pub(crate) fn tool(mut self, tool: &str) -> Self {
        let headers = self.request.headers_mut().unwrap();
        headers.insert("user-agent", tool.parse().unwrap());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn from(mut self, peer: impl Into<IpAddr>) -> Self {
        self.peer = peer.into();
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let text = body.to_string();
        self.header("content-type", "application/json").body(text)
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let Self { world, request, peer, body } = self;
        let peer = Peer { address: peer, port: 1 };
        let request: Request<Body> = request.extension(peer).body(body).unwrap();
        let asked = format!("{} {}", request.method(), request.uri());
        let response = world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        let text = format!("{asked}\n{:?}\n{}", answer.headers, String::from_utf8_lossy(&answer.body));
        world.told.lock().unwrap().push(text);
        assert_eq!(answer.header("x-request-id").len(), 16, "{asked}: {answer:?}");
        if answer.status.is_client_error() || answer.status.is_server_error() {
            let page = answer.header("content-type").starts_with("text/html");
            if asked.contains(" /dav") && answer.header("content-type").starts_with("application/xml") {
                return answer;
            }
            let kind = answer.header("content-type");
            if asked.contains(" /soap")
                && (kind.starts_with("text/xml") || kind.starts_with("application/soap+xml"))
            {
                return answer;
            }
            // Where files are, a refusal is a line of text to whoever reads texts.
            let line = asked.contains(" /files") && answer.header("content-type").starts_with("text/plain");
            let expected = match (page, line) {
                (true, _) => "text/html; charset=utf-8",
                (false, true) => "text/plain; charset=utf-8",
                (false, false) => "application/problem+json",
            };
            assert!(!page || !asked.contains(" /api/"), "{asked}: {answer:?}");
            assert_eq!(answer.header("content-type"), expected, "{asked}: {answer:?}");
            let kind =
                serde_json::from_slice::<Value>(&answer.body).map(|problem| problem["type"].to_string());
            let known = |kind: String| portcullis_web::openapi().contains(&kind);
            let other = page || !asked.contains(" /api/");
            assert!(other || kind.map_or(answer.body.is_empty(), known), "{asked}: {answer:?}");
        }
        answer
    }
}

/// The public key with which the SFTP door of [`doors`] shows that it is itself.
pub(crate) const HOST_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPYSiHrTBqtRoa+f4LEPyTkKDf7HdZVcRMx0MjKQ4H+h";

/// Doors for files that are told of; nothing listens there.
fn doors() -> Doors {
    Doors {
        ftp: Some(FtpDoor { address: "ftp://files.example.org:2121".to_owned(), tls: true, plain: false }),
        ftps: None,
        sftp: Some(SftpDoor {
            address: "sftp://files.example.org:2022".to_owned(),
            host_keys: vec![HOST_KEY.parse().unwrap()],
        }),
        smtp: Some("smtp://mail.example.org:2587".to_owned()),
        smtps: None,
        mail_domain: "example.org".to_owned(),
    }
}

/// Where parts of requests wait; files there have no name.
pub(crate) fn spool() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("spool")
}

pub(crate) fn door() -> Config {
    Config {
        s3_address: S3_ADDRESS.to_owned(),
        web_address: WEB_ADDRESS.to_owned(),
        doors: doors(),
        spool: spool(),
        door: DoorConfig::default(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Duration::from_secs(3600)).await
    }

    /// A world that admits nothing when it has not heard of changes for so long; nothing in it follows them by itself.
    pub(crate) async fn with(feed_lag_limit: Duration) -> Self {
        Self::made(feed_lag_limit, Arc::new(NoRemotes)).await
    }

    /// The same world with a provider by which people sign in.
    pub(crate) fn and_identity(self, provider: Provider, rules: IdentityRules) -> Self {
        let control = self.control.clone().with_identity_provider(provider, rules);
        let router = portcullis_web::router(&door(), self.access.clone(), control.clone());
        Self { control, router, ..self }
    }

    /// The same world with these doors for files.
    pub(crate) fn and_doors(self, doors: Doors) -> Self {
        let config = Config { doors, ..door() };
        let router = portcullis_web::router(&config, self.access.clone(), self.control.clone());
        Self { router, ..self }
    }

    /// The same world behind another door, which knows nothing of what the first one had in memory.
    pub(crate) fn behind_another_door(self) -> Self {
        let router = portcullis_web::router(&door(), self.access.clone(), self.control.clone());
        Self { router, ..self }
    }

    /// A world with providers outside; what a storage there holds is in memory all the same.
    pub(crate) async fn with_remotes(remotes: Arc<dyn Remotes>) -> Self {
        Self::made(Duration::from_secs(3600), remotes).await
    }

    async fn made(feed_lag_limit: Duration, remotes: Arc<dyn Remotes>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2027-01-31T18:00:00Z".parse().unwrap()));
        let url = format!("sqlite://{}/portcullis.db", dir.path().display());
        let metadata = Metadata::open(&url).await.unwrap();
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let drivers = Arc::new(MemoryDrivers::new(Arc::clone(&as_clock)));
        let master = MasterKey::generate().unwrap();
        let config =
            AccessConfig { feed_lag_limit, throttle: ThrottleConfig::default(), ..AccessConfig::default() };
        let (access, system) =
            Access::open(config, metadata.clone(), drivers, &master, as_clock).await.unwrap();
        access.bootstrap(&system, &Secret::foreign(PASSWORD.to_owned())).await.unwrap();
        let control = Control::new(access.clone(), metadata.clone()).with_remotes(remotes);
        let router = portcullis_web::router(&door(), access.clone(), control.clone());
        let told = Mutex::default();
        let mut world =
            Self { access, system, metadata, clock, control, router, token: String::new(), told, dir };
        if !feed_lag_limit.is_zero() {
            world.token = world.sign_in("admin", PASSWORD).await;
        }
        world
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> String {
        let given = json!({"username": username, "password": password});
        let answer = self.ask("POST", "/api/v1/sessions").json(&given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// A request by nobody.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask<'_> {
        let request = Request::builder().method(method).uri(path).header("user-agent", "test/1");
        Ask { world: self, request, peer: IpAddr::from([192, 0, 2, 1]), body: Body::empty() }
    }

    /// A request by the admin.
    pub(crate) fn admin(&self, method: &str, path: &str) -> Ask<'_> {
        self.ask(method, path).bearer(&self.token)
    }

    /// An answer that the admin has to get.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.admin("GET", path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.json()
    }

    /// A new storage.
    pub(crate) async fn storage(&self, name: &str) -> Value {
        let given = json!({"name": name, "provider": "builtin"});
        let answer = self.admin("POST", "/api/v1/storages").json(&given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// A new key, whole answer.
    pub(crate) async fn key(&self, given: &Value) -> Value {
        let answer = self.admin("POST", "/api/v1/keys").json(given).send().await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer.json()
    }

    /// The bearer token of a new REST key for a storage.
    pub(crate) async fn rest_key(&self, storage: &Value, permission: &str) -> String {
        let scope = json!({"storage": storage["id"]});
        let made = self
            .key(&json!({"name": "files", "channel": "rest", "scope": scope, "permission": permission}))
            .await;
        made["bearer"].as_str().unwrap().to_owned()
    }

    /// The id of a new user, whose password is [`PASSWORD`].
    pub(crate) async fn user(&self, site: SiteId, username: &str, role: Role) -> String {
        let password_phc = self.access.hash_password(&Secret::foreign(PASSWORD.to_owned())).await.unwrap();
        let username = Username::parse(username).unwrap();
        let password_phc = Some(password_phc);
        let state = UserState::Active;
        let user = NewUser { site, username, role, state, password_phc, created: self.clock.now() };
        let user = self.metadata.create_user(user).await.unwrap();
        self.access.refresh(&self.system).await.unwrap();
        user.id.to_string()
    }

    /// The first site.
    pub(crate) async fn main_site(&self) -> SiteId {
        self.metadata.sites().await.unwrap()[0].id
    }

    /// Another site with an admin; their session.
    pub(crate) async fn other_site(&self) -> String {
        let (id, created) = (SiteId::generate(), self.clock.now());
        let site = Site {
            id,
            parent: Some(self.main_site().await),
            name: DisplayName::parse("other").unwrap(),
            rules: SiteRules::OPEN,
            created,
        };
        self.metadata.create_site(&site).await.unwrap();
        self.user(id, "eve", Role::Admin).await;
        self.sign_in("eve", PASSWORD).await
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("portcullis.db")
    }

    /// Lets everything happen that happens by itself to plans, runs and jobs.
    pub(crate) async fn round(&self) {
        self.control.sync_round(&self.system, &tokio_util::sync::CancellationToken::new()).await.unwrap();
    }

    /// Lets the audit trail and last use be written.
    pub(crate) async fn flush(&self) {
        self.access.flush(&self.system).await.unwrap();
    }
}
