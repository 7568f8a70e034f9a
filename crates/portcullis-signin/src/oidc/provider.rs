//! The client of one provider.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use super::connect;
use super::discovery::{self, Description};
use super::error::{OidcError, OidcErrorKind, quoted};
use super::exchange::exchange;
use super::flow::{Answer, Flow};
use super::http::{Endpoint, Http};
use super::identity::VerifiedIdentity;
use super::keys::{KeySet, Unverified};
use super::settings::{InvalidSettings, Settings};
use super::token::{Claims, Expected, Token, claim, texts};

/// How long the description and the keys are believed without asking again.
const KEPT: Duration = Duration::from_secs(10 * 60);
/// Sign-ins that may be waiting for the provider at a time.
const AT_A_TIME: usize = 32;
/// Methods that make a second factor (RFC 8176): several factors, a code, or a key in hardware or software.
const SECOND_FACTORS: [&str; 4] = ["mfa", "otp", "hwk", "swk"];

const TOKEN: &str = "check the ID token";
const USERINFO: &str = "ask for claims";

/// Something that was fetched, and when.
type Kept<T> = Mutex<Option<(Timestamp, Arc<T>)>>;

/// The client of one provider. Cheap to clone; clones share what they know of it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    settings: Settings,
    discovery: Endpoint,
    http: Http,
    description: Kept<Description>,
    keys: Kept<KeySet>,
    working: Semaphore,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.0.settings.issuer).finish()
    }
}

impl Provider {
    /// A client with these settings; the provider is not asked yet. Blocks: it reads the platform's certificate authorities.
    ///
    /// # Errors
    /// Names the first setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let discovery = settings.discovery()?;
        let http = Http::new(connect::tls(settings.extra_roots_pem.as_deref())?);
        Ok(Self(Arc::new(Inner {
            settings,
            discovery,
            http,
            description: Mutex::default(),
            keys: Mutex::default(),
            working: Semaphore::new(AT_A_TIME),
        })))
    }

    /// The issuer, as the operator wrote it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.settings.issuer
    }

    /// The address at the provider to which the browser is to be sent for this flow.
    ///
    /// # Errors
    /// The provider cannot be reached or is not what the operator named.
    pub async fn start(&self, flow: &Flow, now: Timestamp) -> Result<String, OidcError> {
        let _permit = self.0.admit()?;
        let description = self.0.description(now).await?;
        let (settings, scope) = (&self.0.settings, self.0.settings.scope());
        let challenge = flow.challenge();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", &settings.redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", flow.state())
            .append_pair("nonce", flow.nonce())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if flow.is_fresh() {
            // With a maximum age the provider has to say when it asked, so that it can be checked.
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        Ok(description.authorization.with_query(&query.finish()))
    }

    /// Takes the answer that the browser brought back for this flow. A code is good once: so is this call.
    ///
    /// # Errors
    /// [`OidcErrorKind::Untrusted`] if the answer is not one to this flow or its token does not hold; otherwise what the provider says.
    pub async fn finish(
        &self,
        flow: &Flow,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<VerifiedIdentity, OidcError> {
        const OPERATION: &str = "take the provider's answer";
        let (_permit, settings) = (self.0.admit()?, &self.0.settings);
        if !answer.belongs_to(flow) {
            return Err(OidcError::untrusted(OPERATION, "its state is not that of this sign-in"));
        }
        let description = self.0.description(now).await?;
        match answer.issuer() {
            Some(issuer) if issuer != settings.issuer => {
                return Err(OidcError::untrusted(OPERATION, format!("it is from {}", quoted(issuer))));
            }
            None if description.answers_name_issuer => {
                return Err(OidcError::untrusted(OPERATION, "it does not say which issuer it is from"));
            }
            Some(_) | None => {}
        }
        if let Some(error) = answer.error() {
            return Err(OidcError::new(OidcErrorKind::Refused, OPERATION, quoted(error)));
        }
        let reply = exchange(&self.0.http, settings, &description, flow, answer.code()).await?;
        let access_token = reply.access_token.as_ref().map(|token| token.as_str());
        let untrusted = |detail: String| OidcError::untrusted(TOKEN, detail);
        let token = Token::parse(&reply.id_token).map_err(untrusted)?;
        self.0.check_signature(&description, &token, now).await?;
        let claims = token.claims().map_err(untrusted)?;
        let expected = Expected {
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            nonce: flow.nonce(),
            access_token,
            algorithm: token.algorithm,
            started: flow.started(),
            fresh: flow.is_fresh(),
            now,
        };
        let subject = expected.check(&claims).map_err(untrusted)?;
        let more = self.0.more_claims(&description, &claims, &subject, access_token).await?;
        Ok(self.0.identity(&claims, &more, subject))
    }
}

impl Inner {
    fn admit(&self) -> Result<SemaphorePermit<'_>, OidcError> {
        self.working.try_acquire().map_err(|_| {
            OidcError::new(OidcErrorKind::Busy, "sign in", "too many sign-ins wait for the provider")
        })
    }

    async fn description(&self, now: Timestamp) -> Result<Arc<Description>, OidcError> {
        if let Some(kept) = kept(&self.description, now) {
            return Ok(kept);
        }
        let fetched = discovery::fetch(&self.http, &self.discovery, &self.settings.issuer).await?;
        Ok(keep(&self.description, fetched, now))
    }

    async fn fetch_keys(&self, description: &Description, now: Timestamp) -> Result<Arc<KeySet>, OidcError> {
        const OPERATION: &str = "read the provider's keys";
        let reply = self.http.get(OPERATION, &description.keys, None).await?;
        let keys = KeySet::parse(&reply.body).filter(|_| reply.status == 200);
        let keys = keys.ok_or_else(|| {
            OidcError::misconfigured(OPERATION, format!("status {}, no set of keys", reply.status))
        })?;
        Ok(keep(&self.keys, keys, now))
    }

    /// Checks the signature under the keys as they are known, and if there is no such key, as they are now.
    async fn check_signature(
        &self,
        description: &Description,
        token: &Token<'_>,
        now: Timestamp,
    ) -> Result<(), OidcError> {
        let verify = |keys: &KeySet| {
            keys.verify(token.algorithm, token.kid.as_deref(), token.signed, &token.signature)
        };
        let known = match kept(&self.keys, now) {
            Some(keys) => verify(&keys),
            None => Err(Unverified::UnknownKey),
        };
        let verified = match known {
            Err(Unverified::UnknownKey) => verify(&*self.fetch_keys(description, now).await?),
            other => other,
        };
        verified.map_err(|why| {
            OidcError::untrusted(
                TOKEN,
                match why {
                    Unverified::UnknownKey => "the provider has no such key",
                    Unverified::BadSignature => "its signature is wrong",
                },
            )
        })
    }

    /// Claims that are wanted and not in the token, from where the provider gives them out (section 5.3). They are of the same person
    /// or they are none.
    async fn more_claims(
        &self,
        description: &Description,
        claims: &Claims,
        subject: &str,
        access_token: Option<&str>,
    ) -> Result<Claims, OidcError> {
        let missing = |path: &str| claim(claims, path).is_none();
        let wanted = missing(&self.settings.username_claim)
            || self.settings.groups_claim.as_deref().is_some_and(missing);
        let (true, Some(endpoint), Some(access_token)) = (wanted, &description.userinfo, access_token) else {
            return Ok(Claims::new());
        };
        let authorization = Zeroizing::new(format!("Bearer {access_token}"));
        let reply = self.http.get(USERINFO, endpoint, Some(&authorization)).await?;
        let more: Option<Claims> = serde_json::from_slice(&reply.body).ok().filter(|_| reply.status == 200);
        let more = more.ok_or_else(|| {
            OidcError::misconfigured(USERINFO, format!("status {}, no claims as JSON", reply.status))
        })?;
        if more.get("sub").and_then(|sub| sub.as_str()) != Some(subject) {
            return Err(OidcError::untrusted(USERINFO, "the claims are of somebody else"));
        }
        Ok(more)
    }

    fn identity(&self, claims: &Claims, more: &Claims, subject: String) -> VerifiedIdentity {
        let settings = &self.settings;
        let find = |path: &str| claim(claims, path).or_else(|| claim(more, path));
        let text = |path: &str| {
            let found = find(path).and_then(|value| value.as_str()).map(str::trim);
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut groups = settings.groups_claim.as_deref().and_then(find).map(texts).unwrap_or_default();
        groups.sort_unstable();
        groups.dedup();
        // Only what is signed is asked here.
        let methods = claims.get("amr").map(texts).unwrap_or_default();
        let class = claims.get("acr").and_then(|acr| acr.as_str());
        let saw = methods.iter().any(|method| SECOND_FACTORS.contains(&method.as_str()))
            || class.is_some_and(|class| settings.second_factor_acr.iter().any(|known| known == class));
        VerifiedIdentity {
            issuer: settings.issuer.clone(),
            subject,
            username: text(&settings.username_claim),
            email: text("email"),
            groups,
            second_factor: saw && settings.trust_second_factor,
        }
    }
}

fn kept<T>(place: &Kept<T>, now: Timestamp) -> Option<Arc<T>> {
    let place = place.lock().unwrap_or_else(PoisonError::into_inner);
    let (at, value) = place.as_ref()?;
    (now.since(*at) < KEPT).then(|| Arc::clone(value))
}

fn keep<T>(place: &Kept<T>, value: T, now: Timestamp) -> Arc<T> {
    let value = Arc::new(value);
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&value)));
    value
}
