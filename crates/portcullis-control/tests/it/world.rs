//! A core with administration above it, and who acts in it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{
    Access, AccessConfig, AccessError, Denial, MasterKey, Origin, Principal, SiteAdmin, System,
};
use portcullis_backend::Drivers;
use portcullis_backend::builtin::{Store, StoreOptions};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_control::{
    AuditEvent, AuditQuery, Control, ControlError, CreatedKey, KeyDraft, PageRequest, RulesDraft, ScopeDraft,
    SiteDraft, StorageDraft,
};
use portcullis_domain::{
    Channel, Clock, DisplayName, ManualClock, Role, Secret, Site, SiteId, SiteRules, Storage, UserState,
    Username,
};
use portcullis_metadata::{Metadata, NewUser};

pub(crate) const PASSWORD: &str = "blue cup on a shelf";

pub(crate) struct World {
    pub(crate) access: Access,
    pub(crate) control: Control,
    pub(crate) metadata: Metadata,
    pub(crate) system: System,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) admin: SiteAdmin,
    url: String,
    _dir: tempfile::TempDir,
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::foreign(text.to_owned())
}

pub(crate) fn origin(peer: &str) -> Origin<'static> {
    let peer: IpAddr = peer.parse().unwrap();
    Origin { channel: Channel::Rest, peer, request_id: "REQ1", tool: "test/1", line: None }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(|_, clock| Arc::new(MemoryDrivers::new(clock))).await
    }

    /// With the store that keeps files: it sends large ones piece by piece.
    pub(crate) async fn on_disk() -> Self {
        let open = |at: &Path, clock| -> Arc<dyn Drivers> {
            Store::open(&at.join("store"), StoreOptions::default(), clock).unwrap()
        };
        Self::over(open).await
    }

    async fn over(drivers: impl FnOnce(&Path, Arc<dyn Clock>) -> Arc<dyn Drivers>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2027-01-31T18:00:00Z".parse().unwrap()));
        let url = format!("sqlite://{}", dir.path().join("portcullis.db").display());
        let metadata = Metadata::open(&url).await.unwrap();
        let as_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let drivers = drivers(dir.path(), Arc::clone(&as_clock));
        // The tests move the clock by hours and have no background work: they never stop hearing.
        let config = AccessConfig { feed_lag_limit: Duration::from_secs(3600), ..AccessConfig::default() };
        let master = MasterKey::generate().unwrap();
        let (access, system) =
            Access::open(config, metadata.clone(), drivers, &master, as_clock).await.unwrap();
        access.bootstrap(&system, &secret(PASSWORD)).await.unwrap();
        let control = Control::new(access.clone(), metadata.clone());
        let who = control.sign_in(origin("192.0.2.1"), "admin", &secret(PASSWORD)).await.unwrap().principal;
        let admin = access.admin(&who).unwrap();
        Self { access, control, metadata, system, clock, admin, url, _dir: dir }
    }

    /// Another connection to the same database, as another node has it.
    pub(crate) async fn other_node(&self) -> Control {
        Control::new(self.access.clone(), Metadata::open(&self.url).await.unwrap())
    }

    /// Runs a statement past everything, to break something.
    pub(crate) async fn execute(&self, sql: &'static str) {
        let path = self.url.strip_prefix("sqlite://").unwrap().to_owned();
        let run = move || rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
        tokio::task::spawn_blocking(run).await.unwrap();
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<Principal, ControlError> {
        let signed_in = self.control.sign_in(origin("192.0.2.1"), name, &secret(password)).await;
        signed_in.map(|signed_in| signed_in.principal)
    }

    /// A user of this site with [`PASSWORD`].
    pub(crate) async fn user(&self, site: SiteId, name: &str, role: Role) -> Principal {
        let password_phc = Some(self.access.hash_password(&secret(PASSWORD)).await.unwrap());
        let created = self.clock.now();
        let username = Username::parse(name).unwrap();
        let state = UserState::Active;
        self.metadata
            .create_user(NewUser { site, username, role, state, password_phc, created })
            .await
            .unwrap();
        self.access.refresh(&self.system).await.unwrap();
        self.sign_in(name, PASSWORD).await.unwrap()
    }

    /// The admin of another site.
    pub(crate) async fn stranger(&self) -> SiteAdmin {
        let (id, created) = (SiteId::generate(), self.clock.now());
        let name = DisplayName::parse("other").unwrap();
        self.metadata
            .create_site(&Site { id, parent: Some(self.admin.site()), name, rules: SiteRules::OPEN, created })
            .await
            .unwrap();
        let who = self.user(id, "eve", Role::Admin).await;
        self.access.admin(&who).unwrap()
    }

    /// A sign-in of this person that acts in another site.
    pub(crate) async fn acting(&self, name: &str, site: SiteId) -> Principal {
        let signed_in = self.control.sign_in(origin("192.0.2.1"), name, &secret(PASSWORD)).await.unwrap();
        self.control.switch_site(&signed_in.principal, &site.to_string()).await.unwrap();
        self.access.authenticate_bearer(origin("192.0.2.1"), signed_in.token.reveal()).await.unwrap()
    }

    /// The admin, acting in another site.
    pub(crate) async fn admin_in(&self, site: SiteId) -> SiteAdmin {
        self.access.admin(&self.acting("admin", site).await).unwrap()
    }

    /// A site below another, as open as that one.
    pub(crate) async fn site(&self, parent: SiteId, name: &str) -> SiteId {
        let draft = SiteDraft {
            name: name.to_owned(),
            parent: Some(parent.to_string()),
            rules: RulesDraft::default(),
        };
        self.control.create_site(&self.admin, &draft).await.unwrap().site.id
    }

    pub(crate) async fn storage(&self, name: &str) -> Storage {
        let draft =
            StorageDraft { name: name.to_owned(), provider: "builtin".to_owned(), ..StorageDraft::default() };
        self.control.create_storage(&self.admin, &draft).await.unwrap().storage
    }

    pub(crate) async fn key(&self, change: impl FnOnce(&mut KeyDraft)) -> CreatedKey {
        let mut draft = KeyDraft {
            name: "a key".to_owned(),
            channel: "rest".to_owned(),
            scope: ScopeDraft::Site,
            permission: "full".to_owned(),
            overwrite: None,
            networks: Vec::new(),
            prefix: None,
            expires_at: None,
            on_leak: None,
            login: None,
            secret: None,
            public_keys: Vec::new(),
            mail: portcullis_control::MailDraft::default(),
        };
        change(&mut draft);
        self.control.create_key(&self.admin, &draft).await.unwrap()
    }

    /// The moment after so many seconds, as somebody types it.
    pub(crate) fn clock_after(&self, seconds: u64) -> String {
        self.clock.now().after(Duration::from_secs(seconds)).to_string()
    }

    /// Whoever has a REST key.
    pub(crate) async fn bearer(&self, key: &CreatedKey) -> Result<Principal, AccessError> {
        let token = format!("{}.{}", key.view.key.credential, secret_of(key).reveal());
        self.access.authenticate_bearer(origin("192.0.2.1"), &token).await
    }

    /// The audit trail, newest first, as an admin sees it at this moment.
    pub(crate) async fn trail(&self) -> Vec<AuditEvent> {
        let page = PageRequest::first(1000);
        self.control.audit_events(&self.admin, AuditQuery::default(), &page).await.unwrap().items
    }
}

/// The fields that a verb refused, each with what it said.
pub(crate) fn problems<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> Vec<(String, String)> {
    let error = outcome.unwrap_err();
    let ControlError::Invalid(problems) = error else { panic!("refused otherwise: {error:?}") };
    problems.into_iter().map(|problem| (problem.field, problem.message)).collect()
}

pub(crate) fn fields<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> Vec<String> {
    problems(outcome).into_iter().map(|(field, _)| field).collect()
}

pub(crate) fn is_not_for_keys<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> bool {
    matches!(outcome.unwrap_err(), ControlError::Access(AccessError::Denied(Denial::WrongCredentialKind)))
}

/// The generated secret of a key that was just made.
pub(crate) fn secret_of(key: &CreatedKey) -> &Secret {
    key.secret.as_ref().expect("a generated secret")
}
