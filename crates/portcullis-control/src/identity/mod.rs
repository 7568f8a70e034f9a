//! People whom an identity provider vouches for: signing them in, confirming who they are, tying them to who they are here.
//!
//! * **A user is known by issuer and subject**, never by name or e-mail address, which people choose at many providers. A name that is
//!   taken here is not taken over: its owner ties the two together, signed in.
//! * **The provider decides what it is asked to**: with `admin_group` set, who is an admin; with a claim for groups, in which groups
//!   somebody is, all of them, at every sign-in. Without, it decides neither.
//! * **An attempt is good once**, in the browser that began it, for ten minutes; nothing is kept of it but that it was used.

mod admit;
mod follow;
mod own;
mod trail;

use std::time::Duration;

use portcullis_access::{AccessError, Origin, Principal, VerifiedIdentity};
use portcullis_domain::{UserId, Username};
use portcullis_metadata::MetadataError;
use portcullis_signin::oidc::{Answer, Flow, OidcError, Provider};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::sessions::SignInStep;
use crate::{Control, ControlError};

pub(crate) use trail::explanation;

/// How long a person may take at the provider; so long is the cookie good that [`Control::begin_identity`] gives.
pub const IDENTITY_LIFETIME: Duration = Duration::from_secs(10 * 60);
const STATE: &str = "identity";

/// What the operator decided of people who come from the provider.
#[derive(Clone, Debug, Default)]
pub struct IdentityRules {
    /// What the provider is called on the button.
    pub name: String,
    /// The site in which users are made, by name or id; none for the topmost.
    pub site: Option<String>,
    /// Whether somebody who is not a user yet becomes one.
    pub create_users: bool,
    /// Who is in this group of the provider is an admin, and nobody else who comes from it; none if roles are not its business.
    pub admin_group: Option<String>,
    /// Who is in neither this group nor that of the admins does not become a user; none if everybody may.
    pub member_group: Option<String>,
    /// Whether people are put into the groups that the provider names, and taken out of all others.
    pub follow_groups: bool,
}

/// The provider and what was decided of it.
#[derive(Debug)]
pub(crate) struct Identities {
    provider: Provider,
    rules: IdentityRules,
}

/// What somebody goes to the provider for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in.
    SignIn,
    /// To prove once more who they are.
    Confirm,
    /// To be known here from now on as who they are there.
    Link,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::SignIn, Self::Confirm, Self::Link];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Confirm => "confirm",
            Self::Link => "link",
        }
    }
}

/// A way that was begun, as the cookie says.
#[derive(Clone, Debug)]
pub struct Pending {
    /// What for.
    pub purpose: Purpose,
    /// The page that was wanted, as [`Control::begin_identity`] was told.
    pub next: String,
}

/// Somebody who came back from the provider and is who they say.
#[derive(Debug)]
pub struct Arrived {
    purpose: Purpose,
    /// The person who began it, if they had signed in.
    user: Option<UserId>,
    verified: VerifiedIdentity,
    /// The page that was wanted.
    pub next: String,
}

/// Why somebody does not get on by the identity provider.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no provider.
    #[error("no identity provider is configured")]
    NotConfigured,
    /// The provider said no, failed, or cannot be believed.
    #[error(transparent)]
    Provider(#[from] OidcError),
    /// The answer belongs to no attempt of this browser: it came too late, twice, or from elsewhere.
    #[error("the answer belongs to no attempt of this browser")]
    Late,
    /// Somebody who is no user here and may not become one.
    #[error("may not become a user")]
    NotAdmitted,
    /// There is a user of the name that the provider gives, and they have not been tied together.
    #[error("there is a user named {0} already")]
    UsernameTaken(Username),
    /// The provider gives no name that could be one here.
    #[error("the provider gives no usable user name")]
    UnusableUsername,
    /// A user who may not come in.
    #[error("the user may not come in")]
    Disabled,
    /// Another user is tied to this identity.
    #[error("another user is tied to this identity")]
    Taken,
    /// The identity is not that of the person who is signed in.
    #[error("this is somebody else")]
    SomebodyElse,
    /// For this one has to be signed in.
    #[error("sign in first")]
    SignInFirst,
    /// Administration refused or failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl From<AccessError> for IdentityError {
    fn from(error: AccessError) -> Self {
        Self::Control(error.into())
    }
}

impl From<MetadataError> for IdentityError {
    fn from(error: MetadataError) -> Self {
        Self::Control(error.into())
    }
}

struct Sealed {
    pending: Pending,
    user: Option<UserId>,
    flow: Flow,
}

impl Control {
    /// The same with a provider by which people may sign in.
    #[must_use]
    pub fn with_identity_provider(self, provider: Provider, rules: IdentityRules) -> Self {
        Self { identities: Some(std::sync::Arc::new(Identities { provider, rules })), ..self }
    }

    /// What the identity provider is called; none if there is none.
    #[must_use]
    pub fn identity_provider(&self) -> Option<&str> {
        self.identities.as_deref().map(|identities| identities.rules.name.as_str())
    }

    fn identities(&self) -> Result<&Identities, IdentityError> {
        self.identities.as_deref().ok_or(IdentityError::NotConfigured)
    }

    /// Begins a way to the provider: with `who` for [`Purpose::Confirm`] and, confirmed, for [`Purpose::Link`]. `next` is the page that is
    /// wanted afterwards. Gives what the browser keeps in a cookie until it comes back: sealed text.
    ///
    /// # Errors
    /// [`IdentityError::NotConfigured`], [`IdentityError::SignInFirst`], [`ControlError::ConfirmationNeeded`], [`AccessError::Denied`] for
    /// a key.
    pub fn begin_identity(
        &self,
        purpose: Purpose,
        who: Option<&Principal>,
        next: &str,
    ) -> Result<String, IdentityError> {
        self.identities()?;
        let user = match (purpose, who) {
            (Purpose::SignIn, _) => None,
            (Purpose::Confirm | Purpose::Link, None) => return Err(IdentityError::SignInFirst),
            (Purpose::Confirm, Some(who)) => Some(self.in_person(who)?.user()),
            (Purpose::Link, Some(who)) => {
                let me = self.in_person(who)?;
                self.require_confirmed(who)?;
                Some(me.user())
            }
        };
        let mut entropy = Zeroizing::new([[0u8; 32]; 3]);
        for part in entropy.iter_mut() {
            getrandom::fill(part).map_err(|_| AccessError::Unavailable)?;
        }
        let flow = Flow::new(&entropy, self.access.now(), purpose == Purpose::Confirm);
        let user = user.map(|user| user.to_string()).unwrap_or_default();
        let plain = Zeroizing::new(format!("{}\n{user}\n{}\n{next}", purpose.as_str(), flow.pack().as_str()));
        Ok(self.access.seal_state(STATE, plain.as_bytes(), IDENTITY_LIFETIME)?)
    }

    /// The address at the provider to which the browser with this cookie is to be sent.
    ///
    /// # Errors
    /// [`IdentityError::Late`], [`IdentityError::Provider`], [`IdentityError::NotConfigured`].
    pub async fn identity_address(&self, state: &str) -> Result<String, IdentityError> {
        let identities = self.identities()?;
        let Sealed { flow, .. } = self.open_identity(state).ok_or(IdentityError::Late)?;
        Ok(identities.provider.start(&flow, self.access.now()).await?)
    }

    /// What a cookie of [`Control::begin_identity`] says; none if it is none, or too old.
    #[must_use]
    pub fn pending_identity(&self, state: &str) -> Option<Pending> {
        self.open_identity(state).map(|sealed| sealed.pending)
    }

    fn open_identity(&self, state: &str) -> Option<Sealed> {
        let plain = self.access.open_state(STATE, state)?;
        let mut lines = std::str::from_utf8(&plain).ok()?.splitn(4, '\n');
        let purpose = lines.next()?;
        let purpose = Purpose::ALL.into_iter().find(|known| known.as_str() == purpose)?;
        let user = lines.next().filter(|user| !user.is_empty()).map(str::parse).transpose().ok()?;
        let flow = Flow::unpack(lines.next()?)?;
        let next = lines.next()?.to_owned();
        Some(Sealed { pending: Pending { purpose, next }, user, flow })
    }

    /// Takes the provider's answer, the query of the address to which it sent the browser, with the cookie that the browser kept. Nobody
    /// is signed in by it yet.
    ///
    /// # Errors
    /// [`IdentityError::Late`], [`IdentityError::Provider`], [`IdentityError::NotConfigured`], [`ControlError::Metadata`].
    pub async fn take_identity(
        &self,
        origin: &Origin<'_>,
        state: &str,
        query: &str,
    ) -> Result<Arrived, IdentityError> {
        let identities = self.identities()?;
        let Sealed { pending, user, flow } = self.open_identity(state).ok_or(IdentityError::Late)?;
        let answer = Answer::parse(query).filter(|answer| answer.belongs_to(&flow));
        let answer = answer.ok_or(IdentityError::Late)?;
        let now = self.access.now();
        let verified = match identities.provider.finish(&flow, &answer, now).await {
            Ok(verified) => verified,
            Err(error) => {
                self.note_stranger(origin, error.kind);
                return Err(error.into());
            }
        };
        // Only now: strangers write nothing into the database. A code is good once at the provider too.
        let used = Sha256::new().chain_update("portcullis identity\n").chain_update(flow.state()).finalize();
        if !self.metadata.claim_once(&used.into(), now).await? {
            return Err(IdentityError::Late);
        }
        Ok(Arrived { purpose: pending.purpose, user, verified, next: pending.next })
    }

    /// Signs in who came back: as the user to whom they are tied, or as a new one if that is allowed. Role and groups are those that the
    /// provider names, where they are its business.
    ///
    /// # Errors
    /// Says why not; [`IdentityError::Late`] if they were sent there for something else.
    pub async fn sign_in_by_identity(
        &self,
        origin: Origin<'_>,
        arrived: &Arrived,
    ) -> Result<SignInStep, IdentityError> {
        if arrived.purpose != Purpose::SignIn {
            return Err(IdentityError::Late);
        }
        self.admit(&origin, &arrived.verified).await?;
        let proved = self.access.prove_external(&origin, &arrived.verified).await?;
        Ok(self.go_on(origin, proved, None).await?)
    }
}
