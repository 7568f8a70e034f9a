//! Signing of requests, for a client of S3.

use std::fmt;

use crate::canonical::{Canonical, CanonicalQuery, PathForm};
use crate::encode::encode_component;
use crate::payload::UNSIGNED;
use crate::scope::is_access_key_id;
use crate::time::MAX_EXPIRES_SECONDS;
use crate::{ALGORITHM, AmzDate, Payload, RawRequest, Scope, Seed, Service, Signature, SigningKey};

/// Signs requests of one access key, day and region. Make a new one when [`Scope::covers`] says no for the new day.
#[derive(Clone)]
pub struct Signer {
    access_key_id: String,
    scope: Scope,
    key: SigningKey,
}

/// What a signed request carries besides the headers that were given.
pub struct SignedRequest {
    /// The value of `authorization`.
    pub authorization: String,
    /// The value of `x-amz-content-sha256`.
    pub content_sha256: String,
    /// The value of `x-amz-date`.
    pub date: AmzDate,
    /// Where the signatures of chunks go on from.
    pub seed: Seed,
}

/// Why a request cannot be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The access key id is empty, too long, or has a separator in it.
    #[error("the access key id cannot stand in a credential")]
    AccessKeyId,
    /// The region is too long or has characters that no region has.
    #[error("the region cannot stand in a credential")]
    Region,
    /// The date is not on the day that the signer is for.
    #[error("the date is not on the day of the signing key")]
    OtherDay,
    /// `host` is not among the headers, or comes twice.
    #[error("the headers must have one host")]
    Host,
    /// A header name is empty or not in lower case, or method or path have white space.
    #[error("method, path or a header name cannot stand in a request")]
    Request,
    /// The time to live is not from 1 to 604,800 seconds.
    #[error("a presigned URL must live for 1 to 604800 seconds")]
    Expires,
}

impl Signer {
    /// Derives the signing key for the day of `date`.
    ///
    /// # Errors
    /// [`SignError::AccessKeyId`] and [`SignError::Region`].
    pub fn new(access_key_id: &str, secret: &[u8], region: &str, date: &AmzDate) -> Result<Self, SignError> {
        Self::for_service(Service::S3, access_key_id, secret, region, date)
    }

    /// The same for any service.
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub fn for_service(
        service: Service,
        access_key_id: &str,
        secret: &[u8],
        region: &str,
        date: &AmzDate,
    ) -> Result<Self, SignError> {
        if !is_access_key_id(access_key_id) {
            return Err(SignError::AccessKeyId);
        }
        let scope = Scope::for_service(service, date, region).ok_or(SignError::Region)?;
        Ok(Self { access_key_id: access_key_id.to_owned(), scope, key: SigningKey::derive(secret, &scope) })
    }

    /// What the signing key is for.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The signing key.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Signs a request with all the headers given, which must be all `x-amz-*` and `host` that it will carry;
    /// `x-amz-date` and `x-amz-content-sha256` are made here, and ignored if given, as is `authorization`.
    ///
    /// The path goes out on the wire as given: encode it with [`crate::encode::encode_path`].
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn sign(
        &self,
        request: &RawRequest<'_>,
        date: &AmzDate,
        payload: Payload,
    ) -> Result<SignedRequest, SignError> {
        self.check_day(date)?;
        let content_sha256 = payload.to_header();
        let made = ["authorization", "x-amz-content-sha256", "x-amz-date"];
        let mut headers: Vec<(&str, &[u8])> =
            request.headers.iter().filter(|(name, _)| !made.contains(name)).copied().collect();
        headers.push(("x-amz-content-sha256", content_sha256.as_bytes()));
        headers.push(("x-amz-date", date.as_bytes()));
        let signed_headers = list_headers(&mut headers)?;
        let request = RawRequest { headers: &headers, ..*request };
        let signature = self.signature(&request, date, &signed_headers, content_sha256.as_bytes())?;
        let authorization = format!(
            "{ALGORITHM} Credential={}/{},SignedHeaders={signed_headers},Signature={}",
            self.access_key_id,
            self.scope,
            signature.to_hex()
        );
        let seed = Seed { signature, scope: self.scope, date: *date };
        Ok(SignedRequest { authorization, content_sha256, date: *date, seed })
    }

    /// Makes the query of a presigned URL that lives for `expires` seconds: that of the request, followed by the
    /// credentials. Whoever uses the URL must send the headers given, and the body is not signed. A session token
    /// goes in as the query parameter `X-Amz-Security-Token`.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn presign(
        &self,
        request: &RawRequest<'_>,
        date: &AmzDate,
        expires: u32,
    ) -> Result<String, SignError> {
        self.check_day(date)?;
        if !(1..=MAX_EXPIRES_SECONDS).contains(&expires) {
            return Err(SignError::Expires);
        }
        let mut headers = request.headers.to_vec();
        let signed_headers = list_headers(&mut headers)?;
        let credential = format!("{}/{}", self.access_key_id, self.scope);
        let separator = if request.query.is_some_and(|query| !query.is_empty()) { "&" } else { "" };
        let mut query = format!(
            "{}{separator}X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires={expires}\
             &X-Amz-SignedHeaders={}",
            request.query.unwrap_or_default(),
            encode_component(credential.as_bytes()),
            encode_component(signed_headers.as_bytes()),
        );
        let request = RawRequest { query: Some(&query), headers: &headers, ..*request };
        let signature = self.signature(&request, date, &signed_headers, UNSIGNED.as_bytes())?;
        query.push_str("&X-Amz-Signature=");
        query.push_str(&signature.to_hex());
        Ok(query)
    }

    /// Signs the policy of a POST form, given in Base64.
    #[must_use]
    pub fn sign_policy(&self, policy: &str) -> Signature {
        self.key.sign(policy.as_bytes())
    }

    fn check_day(&self, date: &AmzDate) -> Result<(), SignError> {
        if self.scope.covers(date) { Ok(()) } else { Err(SignError::OtherDay) }
    }

    fn signature(
        &self,
        request: &RawRequest<'_>,
        date: &AmzDate,
        signed_headers: &str,
        payload: &[u8],
    ) -> Result<Signature, SignError> {
        if !request.is_single_line() {
            return Err(SignError::Request);
        }
        let query = CanonicalQuery::new(request.query, None);
        let canonical = Canonical { request, query, signed_headers, payload };
        Ok(canonical.sign(PathForm::Canonical, date, &self.scope, &self.key))
    }
}

/// Sorts the headers by name, keeping the order of equal names, and lists each name once.
fn list_headers(headers: &mut [(&str, &[u8])]) -> Result<String, SignError> {
    headers.sort_by_key(|(name, _)| *name);
    let mut list = String::new();
    let mut previous = "";
    let mut hosts = 0;
    for (name, _) in headers.iter() {
        let visible =
            |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !matches!(byte, b';' | b':');
        if name.is_empty() || !name.bytes().all(visible) {
            return Err(SignError::Request);
        }
        hosts += usize::from(*name == "host");
        if *name != previous {
            if !list.is_empty() {
                list.push(';');
            }
            list.push_str(name);
        }
        previous = name;
    }
    if hosts == 1 { Ok(list) } else { Err(SignError::Host) }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("content_sha256", &self.content_sha256)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
