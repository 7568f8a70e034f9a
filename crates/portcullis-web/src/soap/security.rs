//! The header `Security` (OASIS Web Services Security 1.1), as far as it says who asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_access::UsernameDigest;
use portcullis_domain::{Secret, Timestamp};
use tokio::io::AsyncBufRead;
use zeroize::Zeroizing;

use super::fault::{Fault, Result};
use super::xml::{Element, XmlReader};

/// The namespace of the header.
pub(super) const WSSE: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
/// The namespace of times.
const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
/// What the types of passwords begin with.
const PROFILE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#";
/// The only encoding of a nonce.
const BASE64: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";

/// What the header shows.
pub(super) enum Shown {
    /// The secret itself.
    Text { name: Zeroizing<String>, secret: Secret },
    /// A digest of it.
    Digest { name: Zeroizing<String>, digest: UsernameDigest },
}

/// The header, read.
#[derive(Default)]
pub(super) struct Security {
    pub(super) shown: Option<Shown>,
    /// When its sender wants the message to be taken no more.
    pub(super) expires: Option<Timestamp>,
}

#[derive(Default)]
struct Token {
    name: Option<Zeroizing<String>>,
    password: Option<(Zeroizing<String>, bool)>,
    nonce: Option<String>,
    created: Option<String>,
}

fn unsupported() -> Fault {
    Fault::invalid(
        "The header Security holds one UsernameToken, and may hold a Timestamp; signatures and encryption are not understood.",
    )
}

/// Reads the header whose start was just read.
///
/// # Errors
/// A fault for what is not understood.
pub(super) async fn read<R: AsyncBufRead + Unpin>(reader: &mut XmlReader<R>) -> Result<Security> {
    let mut security = Security::default();
    while let Some(child) = reader.child().await? {
        if child.name.is(WSSE, "UsernameToken") && security.shown.is_none() {
            security.shown = Some(token(reader).await?);
        } else if child.name.is(WSU, "Timestamp") && security.expires.is_none() {
            while let Some(time) = reader.child().await? {
                let text = reader.text().await?;
                if time.name.is(WSU, "Expires") {
                    let expires = super::params::time(&text)
                        .ok_or_else(|| Fault::invalid("The time in Expires cannot be read."))?;
                    security.expires = Some(expires);
                }
            }
        } else {
            return Err(unsupported());
        }
    }
    Ok(security)
}

async fn token<R: AsyncBufRead + Unpin>(reader: &mut XmlReader<R>) -> Result<Shown> {
    let mut token = Token::default();
    while let Some(child) = reader.child().await? {
        let text = Zeroizing::new(reader.text().await?);
        let fresh = if child.name.is(WSSE, "Username") {
            token.name.replace(text).is_none()
        } else if child.name.is(WSSE, "Password") {
            token.password.replace((text, is_digest(&child)?)).is_none()
        } else if child.name.is(WSSE, "Nonce")
            && child.attribute("", "EncodingType").is_none_or(|kind| kind == BASE64)
        {
            token.nonce.replace(text.trim().to_owned()).is_none()
        } else if child.name.is(WSU, "Created") {
            // It is hashed as it was sent.
            token.created.replace(text.to_string()).is_none()
        } else {
            return Err(unsupported());
        };
        if !fresh {
            return Err(unsupported());
        }
    }
    token.shown()
}

/// Whether a password is a digest; its type says so.
fn is_digest(password: &Element) -> Result<bool> {
    match password.attribute("", "Type").map(|kind| kind.strip_prefix(PROFILE).unwrap_or(kind)) {
        None | Some("PasswordText") => Ok(false),
        Some("PasswordDigest") => Ok(true),
        Some(_) => Err(unsupported()),
    }
}

impl Token {
    fn shown(self) -> Result<Shown> {
        let (Some(name), Some((password, digest))) = (self.name, self.password) else {
            return Err(Fault::invalid("A UsernameToken has a Username and a Password."));
        };
        if !digest {
            return Ok(Shown::Text { name, secret: Secret::foreign(password.to_string()) });
        }
        let (Some(nonce), Some(created)) = (self.nonce, self.created) else {
            return Err(Fault::invalid("A PasswordDigest needs a Nonce and Created."));
        };
        // What cannot be decoded is as wrong as any other wrong digest, is counted as one and stands in the trail as one.
        let nonce = STANDARD.decode(nonce).unwrap_or_default();
        let digest = STANDARD.decode(password.trim()).ok().and_then(|digest| digest.try_into().ok());
        let digest = UsernameDigest { nonce, created, digest: digest.unwrap_or_default() };
        Ok(Shown::Digest { name, digest })
    }
}
