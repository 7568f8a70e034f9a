//! What a driver of remote buckets is told: the operator's options, and one connection.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_domain::{Connection, KeyPrefix, Provider, Secret};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::endpoint::{Endpoint, InvalidEndpoint};
use crate::{BackendError, BackendErrorKind};

/// The operator's options, the same for every connection. The default allows public addresses over TLS only.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// Networks in which providers may be though they are not public; plain http is allowed there.
    pub allow_private: Vec<IpNet>,
    /// Whether plain http is allowed to public addresses.
    pub allow_plain_http: bool,
    /// Certificates of further authorities, each a PEM file's text.
    pub extra_roots_pem: Vec<Vec<u8>>,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// How much there may be at once.
    pub limits: Limits,
}

/// How long things may take before the provider counts as not answering.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Looking a name up, and reaching one address.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the last byte of a request to the head of its answer.
    pub head: Duration,
    /// Without any byte of a body, in either direction.
    pub idle: Duration,
    /// Without any byte from the client while its body is sent on. The doors have stricter rules of their own.
    pub client_idle: Duration,
    /// All tries of a call without a body together.
    pub total: Duration,
    /// Waiting for one of the connection's places.
    pub queue: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            tls: Duration::from_secs(5),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            client_idle: Duration::from_secs(120),
            total: Duration::from_secs(60),
            queue: Duration::from_secs(2),
        }
    }
}

/// How much there may be at once, per connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests under way, bodies that are being read included.
    pub concurrency: usize,
    /// Tries of a call that may be repeated.
    pub tries: u32,
    /// The first pause before a repetition; it doubles, and a random part of it is waited.
    pub pause: Duration,
    /// Repetitions that may be owed: each success gives a tenth of one back.
    pub retry_budget: u32,
    /// Failures in a row after which the provider is left alone for a while.
    pub breaker_failures: u32,
    /// For how long it is left alone; doubles with every failed probe, up to sixteen times.
    pub breaker_pause: Duration,
    /// Bodies up to this many bytes are read before they are sent; larger ones are streamed.
    pub small_body: usize,
    /// Bytes of a part when a body of unknown length is sent in parts; at least 5 MiB. As many are held in memory.
    pub part_size: usize,
    /// Pages of a listing that are read to count a bucket at once; a larger one is counted in the background.
    pub count_pages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 256,
            tries: 3,
            pause: Duration::from_millis(50),
            retry_budget: 20,
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(2),
            small_body: 64 << 10,
            part_size: 8 << 20,
            count_pages: 10,
        }
    }
}

/// What a provider can do, as found out by [`S3Backend::detect`](super::S3Backend::detect). Without knowledge: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct RemoteCapabilities {
    /// `If-None-Match: *` and `If-Match` on `PutObject` hold.
    pub conditional_puts: bool,
    /// The same on `CompleteMultipartUpload`.
    pub conditional_completes: bool,
    /// The same on `CopyObject`.
    pub conditional_copies: bool,
    /// `x-amz-copy-source-if-match` on `CopyObject` holds.
    pub conditional_sources: bool,
    /// `If-Match` on `DeleteObject` holds.
    pub conditional_deletes: bool,
    /// The bucket keeps previous versions.
    pub versioning: bool,
    /// `x-amz-checksum-*` is accepted, kept and returned.
    pub checksums: bool,
    /// Tags are kept and returned.
    pub tags: bool,
    /// The second version of the listing works.
    pub list_v2: bool,
    /// The entity tag of an object that was put in one piece is the MD5 of its bytes.
    pub md5_tags: bool,
    /// Keys that are the same text in another Unicode normalisation name one object.
    pub folds_unicode: bool,
    /// Keys that differ in upper and lower case only name one object.
    pub folds_case: bool,
    /// There cannot be an object `a` where there is an object `a/b`.
    pub file_or_folder: bool,
}

/// The provider's credentials, and with them what it was found to be able to do: both are the result of connecting, and
/// are sealed together.
#[derive(Clone)]
pub struct ProviderCredentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: Secret,
    /// What the provider can do.
    pub capabilities: RemoteCapabilities,
}

#[derive(Serialize)]
struct PlainOut<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    capabilities: RemoteCapabilities,
}

#[derive(Deserialize)]
struct PlainIn {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    #[serde(default)]
    capabilities: RemoteCapabilities,
}

impl ProviderCredentials {
    /// The bytes to seal.
    ///
    /// # Errors
    /// `Unsupported` if they cannot be written, which does not happen to text.
    pub fn to_plain(&self) -> crate::Result<Zeroizing<Vec<u8>>> {
        let plain = PlainOut {
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.reveal(),
            capabilities: self.capabilities,
        };
        // A buffer that grows would leave copies of the secret behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer(&mut *bytes, &plain)
            .map_err(|error| BackendError::with(BackendErrorKind::Unsupported, "seal credentials", error))?;
        Ok(bytes)
    }

    /// What was sealed.
    ///
    /// # Errors
    /// `Corrupt` if it is nothing that [`to_plain`](Self::to_plain) wrote. The text is not part of the error.
    pub fn from_plain(bytes: &[u8]) -> crate::Result<Self> {
        let plain: PlainIn = serde_json::from_slice(bytes)
            .map_err(|_| BackendError::new(BackendErrorKind::Corrupt, "unseal credentials"))?;
        Ok(Self {
            access_key_id: plain.access_key_id,
            secret_access_key: Secret::foreign(plain.secret_access_key.as_str().to_owned()),
            capabilities: plain.capabilities,
        })
    }
}

impl fmt::Debug for ProviderCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderCredentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// One connection: a bucket of a provider, or what lies under a prefix of it.
#[derive(Clone, Debug)]
pub struct Remote {
    /// The provider's address.
    pub endpoint: Endpoint,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// The prefix under which the storage lives, byte for byte; empty for the whole bucket.
    pub prefix: KeyPrefix,
    /// Whether the bucket stands in the path of the address instead of its host name.
    pub path_style: bool,
    /// Whose service it is.
    pub provider: Provider,
    /// How requests are signed.
    pub credentials: ProviderCredentials,
}

/// Why a connection's record or form is no remote bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRemote {
    /// The address.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// The bucket is missing or is no bucket's name.
    #[error("a bucket name has 3 to 255 characters of a-z, A-Z, 0-9, dot, hyphen and underscore")]
    Bucket,
    /// The prefix is too long, or not text.
    #[error("the prefix has at most 512 bytes and no character U+0000")]
    Prefix,
    /// The region.
    #[error(
        "a region has at most 64 characters of a-z, A-Z, 0-9, hyphen and underscore, for example eu-central-1"
    )]
    Region,
    /// A bucket whose name cannot be part of a host name.
    #[error("this bucket can only be addressed by path: turn path-style addressing on")]
    NeedsPathStyle,
}

/// Longest prefix of a storage: what is left is for its keys.
const MAX_PREFIX: usize = 512;

/// Splits `bucket` or `bucket/prefix` as records and forms have it: the prefix is everything after the first slash.
///
/// # Errors
/// [`InvalidRemote::Bucket`], [`InvalidRemote::Prefix`].
pub fn split_bucket(text: &str) -> Result<(String, KeyPrefix), InvalidRemote> {
    let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if !(3..=255).contains(&bucket.len()) || !bucket.bytes().all(fits) || bucket.contains("..") {
        return Err(InvalidRemote::Bucket);
    }
    if prefix.len() > MAX_PREFIX {
        return Err(InvalidRemote::Prefix);
    }
    let prefix = KeyPrefix::parse(prefix).map_err(|_| InvalidRemote::Prefix)?;
    Ok((bucket.to_owned(), prefix))
}

impl Remote {
    /// Whether both reach the same place in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.credentials, &other.credentials);
        self.endpoint == other.endpoint
            && self.region == other.region
            && self.bucket == other.bucket
            && self.prefix == other.prefix
            && self.path_style == other.path_style
            && ours.access_key_id == theirs.access_key_id
            && ours.secret_access_key == theirs.secret_access_key
            && ours.capabilities == theirs.capabilities
    }

    /// The connection of a record.
    ///
    /// # Errors
    /// See [`InvalidRemote`].
    pub fn of(connection: &Connection, credentials: ProviderCredentials) -> Result<Self, InvalidRemote> {
        let endpoint: Endpoint = connection.endpoint.as_deref().unwrap_or_default().parse()?;
        let (bucket, prefix) = split_bucket(connection.bucket.as_deref().unwrap_or_default())?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let region = connection.region.as_str();
        if !(1..=64).contains(&region.len()) || !region.bytes().all(fits) {
            return Err(InvalidRemote::Region);
        }
        let in_host =
            bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
                && bucket.len() <= 63
                && endpoint.address().is_none();
        // A dot in the name is one label too many for the wildcard of the provider's certificate.
        if !connection.path_style && (!in_host || (endpoint.is_secure() && bucket.contains('.'))) {
            return Err(InvalidRemote::NeedsPathStyle);
        }
        Ok(Self {
            endpoint,
            region: region.to_owned(),
            bucket,
            prefix,
            path_style: connection.path_style,
            provider: connection.provider,
            credentials,
        })
    }
}
