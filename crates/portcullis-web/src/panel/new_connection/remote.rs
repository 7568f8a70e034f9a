//! The fields of a provider: where the bucket is and who opens it. All but the secret travel like the other steps' fields.

use portcullis_access::SiteAdmin;
use portcullis_control::{
    ConnectionReading, ControlError, EndpointForm, ProviderPreset, RemoteDraft, StorageDraft,
    provider_preset, provider_presets,
};
use portcullis_domain::{Provider, Secret, SessionId};

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::seen::Seen;
use super::super::words;
use crate::app::App;

/// A little longer than a field may be: what is too long is told, and an address stays an address.
const LONGEST: usize = 1_100;

/// What was filled in, as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RemoteFields {
    /// The id of a preset.
    pub(super) kind: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) endpoint: String,
    pub(super) bucket: String,
    /// `path`, `host`, or empty for what is usual.
    pub(super) style: String,
    pub(super) access_key_id: String,
    /// What the kept secret is called; empty if there is none.
    pub(super) secret: String,
    /// Whether the test writes.
    pub(super) write: bool,
    /// Whether another connection may be in the same place.
    pub(super) share: bool,
    /// Whether it is made though the test fails.
    pub(super) unchecked: bool,
}

/// The fields, read; nothing was asked of the provider.
pub(super) struct RemotePart {
    pub(super) preset: &'static ProviderPreset,
    pub(super) secret: Option<Secret>,
    pub(super) reading: Option<ConnectionReading>,
    pub(super) faults: Faults,
}

/// A connection that can be tried.
pub(super) struct RemotePlan {
    pub(super) preset: &'static ProviderPreset,
    pub(super) reading: ConnectionReading,
    pub(super) secret: Secret,
}

impl std::fmt::Debug for RemotePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemotePlan").field("reading", &self.reading).finish_non_exhaustive()
    }
}

impl RemoteFields {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).trim().chars().take(LONGEST).collect::<String>();
        Self {
            kind: text("kind"),
            account: text("account"),
            region: text("region"),
            endpoint: text("endpoint"),
            bucket: text("bucket"),
            style: text("style"),
            access_key_id: text("access_key_id"),
            secret: text("secret").chars().take(64).collect(),
            write: fields.has("write"),
            share: fields.has("share"),
            unchecked: fields.has("unchecked"),
        }
    }

    /// Name and value of every field that was filled in.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ticked = |on: bool| if on { "on" } else { "" };
        self.typed()
            .into_iter()
            .chain([
                ("kind", self.kind.as_str()),
                ("secret", &self.secret),
                ("write", ticked(self.write)),
                ("share", ticked(self.share)),
                ("unchecked", ticked(self.unchecked)),
            ])
            .filter(|(_, value)| !value.is_empty())
    }

    fn typed(&self) -> [(&'static str, &str); 6] {
        [
            ("account", self.account.as_str()),
            ("region", &self.region),
            ("endpoint", &self.endpoint),
            ("bucket", &self.bucket),
            ("style", &self.style),
            ("access_key_id", &self.access_key_id),
        ]
    }

    /// A fingerprint of what a test is of.
    pub(super) fn fingerprint(&self) -> String {
        let mut seen = Seen::default();
        seen.add(&self.kind);
        self.typed().iter().for_each(|(_, value)| seen.add(value));
        seen.to_string()
    }

    /// The kind that was chosen, or the one to begin with.
    pub(super) fn preset(&self, provider: Provider) -> Option<&'static ProviderPreset> {
        let fits = |preset: &&ProviderPreset| preset.provider == provider;
        // The one that is like no other comes last.
        provider_preset(&self.kind).filter(|preset| fits(preset)).or_else(|| match provider {
            Provider::S3 => provider_presets().iter().rfind(fits),
            Provider::Builtin | Provider::Aws | Provider::CloudflareR2 => {
                provider_presets().iter().find(fits)
            }
        })
    }

    /// Changes over to another kind; what belongs to the old one's addresses is left behind.
    pub(super) fn change_to(&mut self, preset: &ProviderPreset) {
        preset.id.clone_into(&mut self.kind);
        for field in [&mut self.account, &mut self.region, &mut self.endpoint, &mut self.style] {
            field.clear();
        }
    }

    /// The connection as [`portcullis_control`] takes it.
    pub(super) fn draft(&self, preset: &ProviderPreset, secret: Option<Secret>) -> StorageDraft {
        let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        StorageDraft {
            provider: preset.provider.as_str().to_owned(),
            region: filled(&self.region),
            remote: RemoteDraft {
                preset: Some(preset.id.to_owned()),
                account: filled(&self.account),
                endpoint: filled(&self.endpoint),
                bucket: filled(&self.bucket),
                path_style: match self.style.as_str() {
                    "path" => Some(true),
                    "host" => Some(false),
                    _ => None,
                },
                access_key_id: filled(&self.access_key_id),
                secret_access_key: secret,
                share_bucket: self.share,
                skip_check: self.unchecked,
            },
            ..StorageDraft::default()
        }
    }

    /// Reads the fields; what is wrong is noted. None: the provider is none that needs a connection.
    pub(super) async fn read(
        &self,
        app: &App,
        admin: &SiteAdmin,
        session: SessionId,
        provider: Provider,
    ) -> Result<Option<RemotePart>, PanelError> {
        let Some(preset) = self.preset(provider).filter(|preset| preset.endpoint != EndpointForm::None)
        else {
            return Ok(None);
        };
        let secret = app.kept.secret(session, &self.secret, app.access.now());
        let mut part = RemotePart { preset, secret, reading: None, faults: Faults::default() };
        match app.control.read_connection(admin, &self.draft(preset, part.secret.clone())).await {
            Ok(reading) => {
                if let Some(name) = reading.shared_with.as_ref().filter(|_| !self.share) {
                    part.faults.add("bucket", words::fill("provider.bucket.shared", &[name]));
                }
                part.reading = Some(reading);
            }
            Err(ControlError::Invalid(problems)) => {
                let is_gone = part.secret.is_none() && !self.secret.is_empty();
                for problem in problems {
                    let message = match problem.field.as_str() {
                        "secret_access_key" if is_gone => words::text("provider.secret.gone").to_owned(),
                        // Where it is found stands below the field.
                        "access_key_id" if self.access_key_id.is_empty() => {
                            words::text("provider.access_key.missing").to_owned()
                        }
                        _ => problem.message,
                    };
                    part.faults.add(field(&problem.field), message);
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Some(part))
    }
}

/// The field of the page that shows what is wrong with a field of the draft.
pub(super) fn field(name: &str) -> &str {
    match name {
        "preset" => "kind",
        "path_style" => "style",
        "account" | "region" | "endpoint" | "bucket" | "access_key_id" | "secret_access_key" => name,
        _ => "endpoint",
    }
}

impl RemotePart {
    /// All of it, if nothing is wrong.
    pub(super) fn plan(self) -> Option<RemotePlan> {
        let (Some(reading), Some(secret), true) = (self.reading, self.secret, self.faults.is_empty()) else {
            return None;
        };
        Some(RemotePlan { preset: self.preset, reading, secret })
    }
}
