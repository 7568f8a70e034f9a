//! Storages in outside buckets: what somebody fills in for a connection, how it is tried, and how its credentials are replaced.

use portcullis_access::{BackendError, Change, ProviderCredentials, RemoteCapabilities, SiteAdmin};
use portcullis_domain::{Connection, ConnectionId, Provider, Secret, StorageId};

use super::StorageDraft;
use crate::audit::Deed;
use crate::check::Check;
use crate::providers::{EndpointForm, ProviderPreset, provider_preset, provider_presets};
use crate::{Control, ControlError, Result, Step};

/// The longest text of a provider's field.
const MAX_FIELD: usize = 1024;

/// The fields of a connection to a remote bucket, as somebody filled them in.
#[derive(Clone, Default)]
pub struct RemoteDraft {
    /// The id of a [`ProviderPreset`]; follows from the provider if left out.
    pub preset: Option<String>,
    /// The account's id, for providers whose address follows from it.
    pub account: Option<String>,
    /// The provider's address; follows from preset and region where it can.
    pub endpoint: Option<String>,
    /// `bucket` or `bucket/prefix`: then the storage is what lies under the prefix.
    pub bucket: Option<String>,
    /// Whether the bucket stands in the path of the address; as the preset has it if left out.
    pub path_style: Option<bool>,
    /// The public half of the provider's credentials.
    pub access_key_id: Option<String>,
    /// The secret half. Sealed when stored, and never shown again.
    pub secret_access_key: Option<Secret>,
    /// Whether another storage may live in the same place.
    pub share_bucket: bool,
    /// Whether the storage is made though nothing was tried. Then the provider is taken to be able to do nothing out of the ordinary.
    pub skip_check: bool,
}

impl std::fmt::Debug for RemoteDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteDraft")
            .field("preset", &self.preset)
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// A connection that was read.
pub(super) struct Candidate {
    pub(super) connection: Connection,
    pub(super) credentials: ProviderCredentials,
}

impl RemoteDraft {
    /// The names of the fields that were filled in, for a provider that has none of them.
    pub(super) fn filled(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("preset", self.preset.as_deref().is_some_and(|preset| preset != "builtin")),
            ("account", self.account.is_some()),
            ("endpoint", self.endpoint.is_some()),
            ("bucket", self.bucket.is_some()),
            ("path_style", self.path_style.is_some()),
            ("access_key_id", self.access_key_id.is_some()),
            ("secret_access_key", self.secret_access_key.is_some()),
            ("share_bucket", self.share_bucket),
            ("skip_check", self.skip_check),
        ];
        fields.into_iter().filter_map(|(field, there)| there.then_some(field))
    }

    /// Reads the fields; what is wrong is noted at each.
    pub(super) fn read(
        &self,
        check: &mut Check,
        provider: Provider,
        region: Option<&str>,
    ) -> Option<Candidate> {
        let preset = self.preset(check, provider)?;
        let region =
            region.map(str::trim).filter(|region| !region.is_empty()).unwrap_or(preset.default_region);
        let endpoint = self.endpoint(check, preset, region);
        let bucket = text(
            check,
            "bucket",
            self.bucket.as_deref(),
            "name the bucket, or bucket/prefix for a part of it",
        );
        let id = text(check, "access_key_id", self.access_key_id.as_deref(), preset.credentials);
        let secret = self.secret_access_key.as_ref().filter(|secret| !secret.reveal().trim().is_empty());
        if secret.is_none_or(|secret| secret.reveal().len() > MAX_FIELD) {
            check.problem(
                "secret_access_key",
                "the secret that belongs to the access key, up to 1,024 characters",
            );
        }
        Some(Candidate {
            connection: Connection {
                id: ConnectionId::generate(),
                provider,
                region: region.to_owned(),
                endpoint: Some(endpoint?),
                bucket: Some(bucket?),
                path_style: self.path_style.unwrap_or(preset.path_style),
            },
            credentials: ProviderCredentials {
                access_key_id: id?,
                secret_access_key: Secret::foreign(secret?.reveal().trim().to_owned()),
                capabilities: RemoteCapabilities::default(),
            },
        })
    }

    fn preset(&self, check: &mut Check, provider: Provider) -> Option<&'static ProviderPreset> {
        let Some(id) = &self.preset else {
            // The unknown one comes last.
            let fits = |preset: &&ProviderPreset| preset.provider == provider;
            return match provider {
                Provider::S3 => provider_presets().iter().rfind(fits),
                Provider::Builtin | Provider::Aws | Provider::CloudflareR2 => {
                    provider_presets().iter().find(fits)
                }
            };
        };
        let preset = provider_preset(id).filter(|preset| preset.provider == provider);
        if preset.is_none() {
            let known: Vec<_> = provider_presets()
                .iter()
                .filter(|preset| preset.provider == provider)
                .map(|preset| preset.id)
                .collect();
            check.problem("preset", format!("one of {} for this provider", known.join(", ")));
        }
        preset
    }

    fn endpoint(&self, check: &mut Check, preset: &ProviderPreset, region: &str) -> Option<String> {
        let given = self.endpoint.as_deref().map(str::trim).filter(|given| !given.is_empty());
        if let Some(given) = given {
            return text(check, "endpoint", Some(given), "");
        }
        let made = preset.endpoint(region, self.account.as_deref().map(str::trim));
        if made.is_none() {
            match preset.endpoint {
                EndpointForm::FromAccount(_) => check.problem(
                    "account",
                    "the account's id, which the provider's console shows; or type the endpoint in",
                ),
                EndpointForm::FromRegion(_) => {
                    check.problem("region", "a region such as the provider names it, in lower case")
                }
                EndpointForm::Given(example) => {
                    check.problem("endpoint", format!("the provider's address, such as {example}"))
                }
                EndpointForm::None => {}
            }
        }
        made
    }
}

fn text(check: &mut Check, field: &'static str, given: Option<&str>, wanted: &str) -> Option<String> {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    if given.is_none() {
        check.problem(field, wanted);
    }
    let fits = |text: &&str| text.len() <= MAX_FIELD && !text.chars().any(char::is_control);
    if given.is_some_and(|text| !fits(&text)) {
        check.problem(field, "up to 1,024 characters, without control characters");
    }
    given.filter(fits).map(str::to_owned)
}

/// The field of a form that a failed step speaks of.
fn field_of(step: &str) -> &'static str {
    match step {
        "credentials" => "secret_access_key",
        "bucket" | "list" | "write" => "bucket",
        _ => "endpoint",
    }
}

impl Control {
    /// Tries a connection that is not a storage yet; nothing is kept. The draft's name and what else is not about the connection is
    /// not looked at. A step that fails is a finding, not an error.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for fields that no provider could be asked with, [`ControlError::Metadata`].
    pub async fn test_connection(
        &self,
        admin: &SiteAdmin,
        draft: &StorageDraft,
        write: bool,
    ) -> Result<Vec<Step>> {
        let candidate = self.candidate(draft)?;
        let object = place_of(&candidate.connection);
        let deed = Deed { action: "test_connection", object: Some(&object), ..Deed::default() };
        self.record(admin, deed).await?;
        Ok(self.remotes.check(&candidate.connection, &candidate.credentials, write).await)
    }

    /// The connection of a draft, of which nothing else is looked at, as the driver reads it.
    pub(super) fn candidate(&self, draft: &StorageDraft) -> Result<Candidate> {
        let mut check = Check::default();
        let provider: Option<Provider> = check.parse("provider", &draft.provider);
        let region = draft.region.as_deref();
        let read = provider.and_then(|provider| match provider {
            Provider::Builtin => {
                check.problem("provider", "the embedded store needs no connection; name a remote provider");
                None
            }
            remote @ (Provider::Aws | Provider::CloudflareR2 | Provider::S3) => {
                draft.remote.read(&mut check, remote, region)
            }
        });
        self.readable(check.finish(read)?)
    }

    /// The connection as the driver reads it.
    fn readable(&self, candidate: Candidate) -> Result<Candidate> {
        let Candidate { connection, credentials } = candidate;
        let read = self.remotes.read(connection, &credentials);
        let connection = read.map_err(|problem| ControlError::Invalid(vec![problem]))?;
        Ok(Candidate { connection, credentials })
    }

    /// What has to be so before a storage is made of a connection: the driver can read it, it is nobody else's place, and it works.
    pub(super) async fn connectable(
        &self,
        admin: &SiteAdmin,
        draft: &RemoteDraft,
        candidate: Candidate,
    ) -> Result<Candidate> {
        let candidate = self.readable(candidate)?;
        if !draft.share_bucket {
            self.check_place(admin, &candidate.connection).await?;
        }
        if draft.skip_check {
            return Ok(candidate);
        }
        self.tried(candidate, |error| {
            ControlError::invalid("bucket", format!("what the provider can do cannot be found out ({error}); test the connection with the write probe, or make the storage unchecked"))
        })
        .await
    }

    /// A candidate that works, with what its provider was found to be able to do.
    async fn tried(
        &self,
        mut candidate: Candidate,
        undetected: impl FnOnce(BackendError) -> ControlError,
    ) -> Result<Candidate> {
        let Candidate { connection, credentials } = &candidate;
        works(&self.remotes.check(connection, credentials, false).await)?;
        let detected = self.remotes.detect(connection, credentials).await;
        candidate.credentials.capabilities = detected.map_err(undetected)?;
        Ok(candidate)
    }

    /// Replaces the credentials with which a storage reaches its provider. They are tried first; when this returns, the old ones are no
    /// longer used.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for credentials that do not work, and for the embedded store; [`ControlError::NotFound`],
    /// [`ControlError::Metadata`], [`ControlError::Access`].
    pub async fn replace_provider_credentials(
        &self,
        admin: &SiteAdmin,
        id: StorageId,
        access_key_id: &str,
        secret_access_key: &Secret,
    ) -> Result<()> {
        let alone = self.changing.lock().await;
        let storage = self.find_storage(admin, id).await?;
        let provider = storage.connection.provider;
        if provider == Provider::Builtin {
            return Err(ControlError::invalid(
                "access_key_id",
                "the embedded store has no credentials of a provider",
            ));
        }
        let draft = RemoteDraft {
            endpoint: storage.connection.endpoint.clone(),
            bucket: storage.connection.bucket.clone(),
            path_style: Some(storage.connection.path_style),
            access_key_id: Some(access_key_id.to_owned()),
            secret_access_key: Some(secret_access_key.clone()),
            ..RemoteDraft::default()
        };
        let mut check = Check::default();
        let read = draft.read(&mut check, provider, Some(&storage.connection.region));
        let candidate = self.readable(check.finish(read)?)?;
        let undetected = |error: BackendError| {
            ControlError::invalid(
                "secret_access_key",
                format!("what these credentials may do cannot be found out: {error}"),
            )
        };
        let candidate = self.tried(candidate, undetected).await?;
        let deed = Deed { action: "replace_provider_credentials", storage: Some(id), ..Deed::default() };
        let sealed = self.access.seal_provider_credentials(admin, id, &candidate.credentials)?;
        self.carry_out(admin, deed, self.metadata.set_provider_credentials(id, &sealed)).await?;
        self.in_force_everywhere(self.cutting_lately(), &[Change::Storage(id)]).await?;
        drop(alone);
        Ok(())
    }
}

/// The first step that failed, as a problem of the field it speaks of.
fn works(steps: &[Step]) -> Result<()> {
    let Some(step) = steps.iter().find(|step| !step.ok) else { return Ok(()) };
    let message = if step.advice.is_empty() {
        step.detail.clone()
    } else {
        format!("{}; {}", step.detail, step.advice)
    };
    Err(ControlError::invalid(field_of(step.name), message))
}

fn place_of(connection: &Connection) -> String {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", part(&connection.endpoint), part(&connection.bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> RemoteDraft {
        RemoteDraft {
            bucket: Some(" media/raw/ ".to_owned()),
            access_key_id: Some("AKIA".to_owned()),
            secret_access_key: Some(Secret::foreign("hush".to_owned())),
            ..RemoteDraft::default()
        }
    }

    fn problems(draft: &RemoteDraft, provider: Provider, region: Option<&str>) -> Vec<String> {
        let mut check = Check::default();
        let read = draft.read(&mut check, provider, region);
        match check.finish(read) {
            Err(ControlError::Invalid(problems)) => {
                problems.into_iter().map(|problem| problem.field).collect()
            }
            Err(_) | Ok(_) => Vec::new(),
        }
    }

    #[test]
    fn the_address_follows_where_it_can() {
        let mut check = Check::default();
        let read = draft().read(&mut check, Provider::Aws, Some("eu-west-1"));
        let Candidate { connection, .. } = check.finish(read).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(connection.endpoint.as_deref(), Some("https://s3.eu-west-1.amazonaws.com"));
        assert_eq!((connection.bucket.as_deref(), connection.path_style), (Some("media/raw/"), false));
        assert_eq!(problems(&draft(), Provider::CloudflareR2, None), ["account"]);
        assert_eq!(problems(&draft(), Provider::S3, None), ["endpoint"]);
        assert_eq!(problems(&draft(), Provider::Aws, Some("evil.example/")), ["region"]);
        assert_eq!(
            problems(&RemoteDraft { preset: Some("wasabi".to_owned()), ..draft() }, Provider::Aws, None),
            ["preset"]
        );
        let empty =
            RemoteDraft { endpoint: Some("https://s3.example.com".to_owned()), ..RemoteDraft::default() };
        assert_eq!(problems(&empty, Provider::S3, None), ["bucket", "access_key_id", "secret_access_key"]);
    }

    #[test]
    fn nothing_prints_the_secret() {
        assert!(!format!("{:?}", draft()).contains("hush"));
    }
}
