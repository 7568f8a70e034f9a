//! What was filled in so far. It travels in the addresses of the steps, which hold nothing secret, so each step can be reloaded, kept
//! and gone back to.

use portcullis_access::SiteAdmin;
use portcullis_control::{
    BucketNamePreview, ControlError, KeyDraft, ScopeDraft, StorageDraft, new_once_token,
};
use portcullis_domain::{Permission, Provider, SessionId, Storage};

use super::super::credentials::{Agreed, Terms, sentence};
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::words;
use super::existing::Existing;
use super::providers::{self, ProviderCard};
use super::quota;
use super::remote::{RemoteFields, RemotePart, RemotePlan};
use crate::app::App;

/// A step of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Storage,
    /// Left out for the embedded store.
    Provider,
    /// Left out where nothing is in the bucket.
    Existing,
    Access,
    Review,
}

impl Step {
    pub(super) const ALL: [Self; 5] =
        [Self::Storage, Self::Provider, Self::Existing, Self::Access, Self::Review];

    /// Its address.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Storage => "/connections/new",
            Self::Provider => "/connections/new/provider",
            Self::Existing => "/connections/new/existing",
            Self::Access => "/connections/new/access",
            Self::Review => "/connections/new/review",
        }
    }

    /// The word for going on to it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::Provider => "provider",
            Self::Existing => "existing",
            Self::Access => "access",
            Self::Review => "review",
        }
    }

    /// Its name.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Storage => words::text("new.step.storage"),
            Self::Provider => words::text("new.step.provider"),
            Self::Existing => words::text("new.step.existing"),
            Self::Access => words::text("new.step.access"),
            Self::Review => words::text("new.step.review"),
        }
    }
}

/// Everything that was filled in, as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wizard {
    /// Counts once: whoever goes back after the connection was made does not make it again.
    pub(super) once: String,
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) quota: String,
    pub(super) remote: RemoteFields,
    /// What becomes of what the bucket holds.
    pub(super) existing: Existing,
    /// Whether S3 tools are to have access.
    pub(super) external: bool,
    pub(super) terms: Terms,
}

/// The storage as it would be.
#[derive(Debug, Default)]
pub(super) struct StoragePart {
    pub(super) provider: Option<&'static ProviderCard>,
    pub(super) preview: Option<BucketNamePreview>,
    pub(super) quota: Option<u64>,
    pub(super) faults: Faults,
}

/// A connection that can be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) provider: &'static ProviderCard,
    pub(super) preview: BucketNamePreview,
    pub(super) quota: Option<u64>,
    /// None: the embedded store.
    pub(super) remote: Option<RemotePlan>,
    /// None: no access from outside.
    pub(super) agreed: Option<Agreed>,
}

impl Wizard {
    pub(super) fn of(fields: &Fields) -> Result<Self, PanelError> {
        // Each a little longer than it may be: what is too long is told, and an address stays an address.
        let text = |name: &str, most: usize| fields.get(name).trim().chars().take(most).collect::<String>();
        let once = match fields.filled("once") {
            Some(once) => once.chars().take(256).collect(),
            None => new_once_token()?,
        };
        let provider = text("provider", 40);
        Ok(Self {
            once,
            provider: if provider.is_empty() { Provider::Builtin.as_str().to_owned() } else { provider },
            name: text("name", 400),
            label: text("label", 100),
            quota: text("quota", 40),
            remote: RemoteFields::of(fields),
            existing: Existing::of(fields),
            external: fields.get("external") == "on",
            terms: Terms::of(fields),
        })
    }

    /// Fields of the first step.
    pub(super) fn storage_pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let pairs = [
            ("once", self.once.as_str()),
            ("provider", &self.provider),
            ("name", &self.name),
            ("label", &self.label),
            ("quota", &self.quota),
        ];
        pairs.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// Fields of the second step.
    pub(super) fn access_pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let external = self.external.then_some(("external", "on"));
        external.into_iter().chain(self.terms.pairs())
    }

    /// Fields of the step about the provider.
    pub(super) fn remote_pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.remote.pairs()
    }

    /// Whether the files are with a provider of their own.
    pub(super) fn is_remote(&self) -> bool {
        providers::find(&self.provider).is_some_and(|card| card.provider != Provider::Builtin)
    }

    /// The step before the one about access.
    pub(super) fn before_access(&self) -> Step {
        match (self.is_remote(), self.existing.is_asked()) {
            (true, true) => Step::Existing,
            (true, false) => Step::Provider,
            (false, _) => Step::Storage,
        }
    }

    /// The address of a step with all of it.
    pub(super) fn url(&self, step: Step) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.storage_pairs());
        query.extend_pairs(self.remote_pairs()).extend_pairs(self.existing.pairs());
        query.extend_pairs(self.access_pairs());
        format!("{}?{}", step.path(), query.finish())
    }

    /// The address of a step that says what is wrong there, as if one had wanted to go on from it.
    pub(super) fn url_with_faults(&self, step: Step) -> String {
        let next = if step < Step::Access { Step::Access } else { Step::Review };
        format!("{}&next={}", self.url(step), next.as_str())
    }

    /// The first step, read.
    pub(super) async fn storage_part(&self, app: &App, admin: &SiteAdmin) -> Result<StoragePart, PanelError> {
        let mut part = StoragePart { provider: providers::find(&self.provider), ..StoragePart::default() };
        if part.provider.is_none() {
            part.faults.add("provider", words::text("new.provider.unknown"));
        }
        let label = Some(self.label.as_str()).filter(|label| !label.is_empty());
        match app.control.preview_bucket_name(admin, &self.name, label).await {
            Ok(preview) => part.preview = Some(preview),
            Err(ControlError::Invalid(problems)) => {
                for problem in problems {
                    part.faults.add(problem.field, sentence(&problem.message));
                }
            }
            Err(error) => return Err(error.into()),
        }
        if !self.quota.is_empty() {
            match quota::parse(&self.quota) {
                Ok(bytes) => part.quota = Some(bytes),
                Err(message) => part.faults.add("quota", message),
            }
        }
        Ok(part)
    }

    /// The step about the provider, read; none if there is no such step.
    pub(super) async fn remote_part(
        &self,
        app: &App,
        admin: &SiteAdmin,
        session: SessionId,
    ) -> Result<Option<RemotePart>, PanelError> {
        match providers::find(&self.provider) {
            Some(card) => self.remote.read(app, admin, session, card.provider).await,
            None => Ok(None),
        }
    }

    /// The step about access, read; what is wrong is noted, also what the site asks of keys and is not so.
    pub(super) async fn agreed(
        &self,
        app: &App,
        admin: &SiteAdmin,
        faults: &mut Faults,
    ) -> Result<Option<Agreed>, PanelError> {
        let read = self.external.then(|| self.terms.check(app.access.now(), faults)).flatten();
        let Some(mut agreed) = read else { return Ok(None) };
        let rules = app.control.key_rules(admin.site()).await?;
        for problem in rules.faults_of_new(agreed.expires, &agreed.reading.networks()) {
            let field = if problem.field == "expires_at" { "expires" } else { "networks" };
            faults.add(field, sentence(&problem.message));
        }
        agreed.own_networks = rules.need_networks;
        Ok(Some(agreed))
    }

    /// All of it, read, or the first step with something wrong.
    pub(super) async fn plan(
        &self,
        app: &App,
        admin: &SiteAdmin,
        session: SessionId,
    ) -> Result<Result<Plan, Step>, PanelError> {
        let part = self.storage_part(app, admin).await?;
        let (Some(provider), Some(preview), true) = (part.provider, part.preview, part.faults.is_empty())
        else {
            return Ok(Err(Step::Storage));
        };
        let remote = match self.remote_part(app, admin, session).await?.map(RemotePart::plan) {
            Some(None) => return Ok(Err(Step::Provider)),
            Some(plan) => plan,
            None => None,
        };
        let mut faults = Faults::default();
        if self.is_remote() {
            self.existing.check(&mut faults);
        }
        if !faults.is_empty() {
            return Ok(Err(Step::Existing));
        }
        let agreed = self.agreed(app, admin, &mut faults).await?;
        if !faults.is_empty() {
            return Ok(Err(Step::Access));
        }
        Ok(Ok(Plan { provider, preview, quota: part.quota, remote, agreed }))
    }

    /// The storage to be made. Without access from outside the S3 door stays shut, whatever keys there are.
    pub(super) fn storage_draft(&self, plan: &Plan) -> StorageDraft {
        let agreed = plan.agreed.as_ref();
        let there = plan.remote.as_ref().map(|to| self.remote.draft(to.preset, Some(to.secret.clone())));
        StorageDraft {
            name: self.name.clone(),
            label: Some(plan.preview.label.to_string()),
            provider: plan.provider.provider.as_str().to_owned(),
            permission: agreed.map(|agreed| agreed.permission.as_str().to_owned()),
            networks: agreed.map(|agreed| agreed.reading.drafts()).unwrap_or_default(),
            s3_access: Some(agreed.is_some()),
            quota_bytes: plan.quota,
            ..there.unwrap_or_default()
        }
    }
}

impl Plan {
    /// The name of the permission; none without access.
    pub(super) fn permission(&self) -> Option<Permission> {
        self.agreed.as_ref().map(|agreed| agreed.permission)
    }
}

/// The first key of a storage: it allows what the storage allows, from where the storage allows it.
pub(super) fn key_draft(storage: &Storage, agreed: &Agreed) -> KeyDraft {
    KeyDraft {
        name: storage.name.to_string(),
        channel: "s3".to_owned(),
        scope: ScopeDraft::Storage(storage.id.to_string()),
        permission: agreed.permission.as_str().to_owned(),
        overwrite: agreed.overwrite.map(|rule| rule.as_str().to_owned()),
        networks: if agreed.own_networks { agreed.reading.drafts() } else { Vec::new() },
        prefix: None,
        expires_at: agreed.expires.map(|end| end.to_string()),
        on_leak: agreed.on_leak.map(|what| what.to_string()),
        login: None,
        secret: None,
        public_keys: Vec::new(),
        mail: portcullis_control::MailDraft::default(),
    }
}
