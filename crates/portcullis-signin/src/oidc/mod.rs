//! Signing in at an OpenID Connect provider: the authorization code flow with PKCE (OpenID Connect Core 1.0 section 3.1,
//! RFC 7636), as a client that trusts one provider, which the operator names.
//!
//! [`Provider::start`] gives the address to which a browser is sent, for a [`Flow`] that is made for this one attempt;
//! [`Provider::finish`] takes what the browser brings back and gives a [`VerifiedIdentity`], which nothing else makes. In between
//! nothing is kept here: the flow is the caller's, to be sealed into a cookie.
//!
//! * **The token is only believed for its signature**: RS256, ES256 or EdDSA under a key that the provider publishes now. `none`,
//!   and everything that is made with a shared secret, is unknown here, so that no key can be mistaken for another.
//! * **An answer belongs to one flow**: state, nonce, PKCE verifier and, where the provider sends it, the issuer (RFC 9207).
//! * **Everything from outside is bounded**: answers 256 KiB and 10 seconds, kept for minutes, no redirect followed, and plain http only
//!   on this machine.
//!
//! Why the checks are here and not in a library: `docs/adr/0009-openid-connect.md`.

mod connect;
mod discovery;
mod error;
mod exchange;
mod flow;
mod http;
mod identity;
mod keys;
mod provider;
mod settings;
mod token;

pub use error::{OidcError, OidcErrorKind};
pub use flow::{Answer, Flow};
pub use identity::VerifiedIdentity;
pub use provider::Provider;
pub use settings::{InvalidSettings, Settings};
