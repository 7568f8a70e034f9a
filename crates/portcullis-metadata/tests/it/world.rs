//! A fresh database on either engine, and what most tests put in it.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures_util::FutureExt;
use portcullis_domain::{
    Channel, CredentialId, DisplayName, Key, KeyId, KeyPrefix, KeyState, Label, Networks, Overwrite,
    Permission, Provider, Role, Scope, SessionId, Site, SiteId, SiteRules, Storage, StorageId, Timestamp,
    User, UserId, UserState, Username,
};
use portcullis_metadata::{Metadata, NewStorage, NewUser, SessionRecord};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

pub(crate) type Test<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A database that only this test knows.
pub(crate) struct World {
    pub(crate) url: String,
    /// The directory of the SQLite file; none on PostgreSQL.
    pub(crate) dir: Option<TempDir>,
}

/// The same expression with a connection of either engine, beside [`Metadata`].
macro_rules! beside {
    ($world:expr, $connection:ident => $body:expr) => {
        if $world.dir.is_some() {
            let mut connection = SqliteConnection::connect(&$world.url).await.unwrap();
            let $connection = &mut connection;
            let outcome = $body;
            connection.close().await.unwrap();
            outcome
        } else {
            let mut connection = PgConnection::connect(&$world.url).await.unwrap();
            let $connection = &mut connection;
            let outcome = $body;
            connection.close().await.unwrap();
            outcome
        }
    };
}

impl World {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}", dir.path().join("portcullis.db").display()), dir: Some(dir) }
    }

    pub(crate) async fn open(&self) -> Metadata {
        Metadata::open(&self.url).await.unwrap()
    }

    /// An open database with a site and its admin.
    pub(crate) async fn home(&self) -> (Metadata, Site, User) {
        let metadata = self.open().await;
        let site = site("main");
        let admin =
            metadata.create_site_with_admin(&site, new_user(site.id, "admin")).await.unwrap().unwrap();
        (metadata, site, admin)
    }

    /// Runs statements past [`Metadata`].
    pub(crate) async fn execute(&self, sql: &str) {
        beside!(self, c => sqlx::raw_sql(AssertSqlSafe(sql)).execute(c).await.map(drop).unwrap());
    }

    /// Whether the engine refuses this statement past [`Metadata`] for what refers to what.
    pub(crate) async fn refuses(&self, sql: &str) -> bool {
        let done: Result<(), sqlx::Error> =
            beside!(self, c => sqlx::raw_sql(AssertSqlSafe(sql)).execute(c).await.map(drop));
        match done {
            Ok(()) => false,
            Err(error) => {
                assert!(error.as_database_error().unwrap().is_foreign_key_violation(), "{error}");
                true
            }
        }
    }

    /// What a query past [`Metadata`] gives, one number a row.
    pub(crate) async fn numbers(&self, sql: &str) -> Vec<i64> {
        beside!(self, c => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(c).await.unwrap())
    }

    async fn texts(&self, sql: &str) -> Vec<String> {
        beside!(self, c => sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(c).await.unwrap())
    }

    /// Every row of every table but those of the trail, as text.
    pub(crate) async fn everything(&self) -> Vec<String> {
        let tables = if self.dir.is_some() {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        } else {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        };
        let mut all = Vec::new();
        for table in self.texts(tables).await.iter().filter(|table| !table.starts_with("audit")) {
            let row = if self.dir.is_some() {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns: Vec<_> =
                    self.texts(&columns).await.iter().map(|column| format!("quote(\"{column}\")")).collect();
                columns.join(" || ',' || ")
            } else {
                "t::text".to_owned()
            };
            let mut rows = self.texts(&format!("SELECT {row} FROM {table} t")).await;
            rows.sort_unstable();
            all.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
        }
        all
    }

    /// The bytes of the SQLite file and its companions.
    pub(crate) fn file_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in std::fs::read_dir(self.dir.as_ref().unwrap()).unwrap() {
            bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
        }
        bytes
    }
}

pub(crate) async fn on_sqlite(test: impl for<'a> FnOnce(&'a World) -> Test<'a>) {
    test(&World::sqlite()).await;
}

pub(crate) async fn on_postgres(test: impl for<'a> FnOnce(&'a World) -> Test<'a>) {
    let Some(server) = postgres() else {
        println!("PORTCULLIS_TEST_POSTGRES is not set: the PostgreSQL half did not run");
        return;
    };
    let name = format!("test_{}", KeyId::generate().to_string().replace('-', ""));
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    let (front, _) = server.rsplit_once('/').unwrap();
    let world = World { url: format!("{front}/{name}"), dir: None };
    let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;
    let remove = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(remove)).execute(&mut admin).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// The address of a server in which databases may be made.
#[expect(clippy::disallowed_methods, reason = "the test command says where its server is")]
fn postgres() -> Option<String> {
    std::env::var("PORTCULLIS_TEST_POSTGRES").ok()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000 + 7)
}

pub(crate) fn name(text: &str) -> DisplayName {
    DisplayName::parse(text).unwrap()
}

pub(crate) fn site(text: &str) -> Site {
    Site { id: SiteId::generate(), parent: None, name: name(text), rules: SiteRules::OPEN, created: at(0) }
}

pub(crate) fn new_user(site: SiteId, username: &str) -> NewUser {
    NewUser {
        site,
        username: Username::parse(username).unwrap(),
        role: Role::Admin,
        state: UserState::Active,
        password_phc: Some(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${username}")),
        created: at(1),
    }
}

/// Keeps somebody out, or lets them in.
pub(crate) async fn set_state(metadata: &Metadata, user: UserId, state: UserState) {
    let user = metadata.user(user).await.unwrap().unwrap();
    metadata.update_user(&user, &User { state, ..user.clone() }).await.unwrap();
}

pub(crate) fn new_storage(owner: &User, display_name: &str) -> NewStorage {
    NewStorage {
        id: StorageId::generate(),
        site: owner.site,
        owner: owner.id,
        name: name(display_name),
        label: Label::suggested_by(&name(display_name)),
        provider: Provider::Builtin,
        region: "local".to_owned(),
        endpoint: None,
        bucket: None,
        path_style: false,
        provider_credentials: None,
        permission: Permission::ReadWrite,
        networks: Networks::anywhere(),
        s3_access: true,
        quota_bytes: None,
        created: at(2),
    }
}

/// A session of a user, by the hash of its token.
pub(crate) fn session(user: UserId, token: u8, expires: i64) -> SessionRecord {
    SessionRecord {
        id: SessionId::generate(),
        user,
        token_hash: [token; 32],
        created: at(0),
        expires: at(expires),
        peer: "2001:db8::7".to_owned(),
        tool: "Firefox/140".to_owned(),
        site: None,
        second_factor: false,
        confirmed: at(0),
    }
}

pub(crate) fn key_for(storage: &Storage, display_name: &str) -> Key {
    let id = KeyId::generate();
    Key {
        id,
        site: storage.site,
        credential: CredentialId::from_entropy(*id.as_bytes()),
        name: name(display_name),
        channel: Channel::S3,
        scope: Scope::Storage(storage.id),
        permission: Permission::Read,
        overwrite: Overwrite::Replace,
        networks: Networks::anywhere(),
        prefix: KeyPrefix::default(),
        expires: None,
        state: KeyState::Active,
        created: at(3),
        generation: 0,
        on_leak: portcullis_domain::OnLeak::Disable,
        leaked: None,
        trial: None,
        login: None,
        public_keys: Vec::new(),
        mail: portcullis_domain::MailRules::default(),
    }
}
