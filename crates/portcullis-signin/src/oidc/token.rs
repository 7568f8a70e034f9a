//! The ID token: reading it and checking what it claims (OpenID Connect Core 1.0 section 3.1.3.7).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::error::quoted;
use super::keys::Algorithm;

/// How far the provider's clock may be from ours.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a token says.
pub(super) type Claims = Map<String, Value>;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A token in its parts; nothing of it is to be believed before the signature is checked.
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Token<'a> {
    /// Takes a token apart (RFC 7515 section 7.1).
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let (signed, signature) = text.rsplit_once('.').ok_or("not a token")?;
        let (header, claims) = signed.split_once('.').ok_or("not a token")?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| "not a token".to_owned());
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| "not a token")?;
        let algorithm = Algorithm::named(&header.alg).ok_or_else(|| {
            format!("signed with {}, but has to be RS256, ES256 or EdDSA", quoted(&header.alg))
        })?;
        if header.crit.is_some() {
            return Err("it asks for something that is not known here".to_owned());
        }
        Ok(Self {
            algorithm,
            kid: header.kid,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
            claims,
        })
    }

    /// What it says; to be asked once the signature was checked.
    pub(super) fn claims(&self) -> Result<Claims, String> {
        let bytes = URL_SAFE_NO_PAD.decode(self.claims).map_err(|_| "its claims cannot be read")?;
        serde_json::from_slice(&bytes).map_err(|_| "its claims cannot be read".to_owned())
    }
}

/// What a token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: Option<&'a str>,
    pub(super) algorithm: Algorithm,
    /// When the flow began.
    pub(super) started: Timestamp,
    /// Whether the person must have proved since then who they are.
    pub(super) fresh: bool,
    pub(super) now: Timestamp,
}

impl Expected<'_> {
    /// Checks every claim; the subject, if all is well.
    pub(super) fn check(&self, claims: &Claims) -> Result<String, String> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(self.issuer) {
            return Err("it is of another issuer".into());
        }
        self.check_audience(claims)?;
        self.check_times(claims)?;
        let nonce = text("nonce").unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(self.nonce.as_bytes())) {
            return Err("its nonce is not that of this sign-in".into());
        }
        match (claims.get("at_hash"), self.access_token) {
            (None | Some(Value::Null), _) => {}
            (Some(Value::String(hash)), Some(access)) if *hash == self.half_hash(access) => {}
            (Some(_), _) => return Err("it does not belong to the access token (at_hash)".into()),
        }
        let subject = text("sub").unwrap_or_default();
        // The limit is that of the standard; what cannot be seen could make two people look like one.
        if subject.is_empty() || subject.len() > 255 || subject.chars().any(char::is_control) {
            return Err("it has no usable subject (sub)".into());
        }
        Ok(subject.to_owned())
    }

    /// For us, and if for others too, then issued to us.
    fn check_audience(&self, claims: &Claims) -> Result<(), String> {
        let (ours, several) = match claims.get("aud") {
            Some(Value::String(one)) => (one == self.client_id, false),
            Some(Value::Array(all)) => {
                (all.iter().any(|one| one.as_str() == Some(self.client_id)), all.len() > 1)
            }
            _ => (false, false),
        };
        if !ours {
            return Err("it is for another client (aud)".into());
        }
        match claims.get("azp") {
            None | Some(Value::Null) if !several => Ok(()),
            Some(Value::String(to)) if to == self.client_id => Ok(()),
            _ => Err("it was issued to another client (azp)".into()),
        }
    }

    fn check_times(&self, claims: &Claims) -> Result<(), String> {
        let time = |name: &str| claims.get(name).map(moment).transpose();
        let expires = time("exp")?.ok_or("it does not say when it ends (exp)")?;
        let issued = time("iat")?.ok_or("it does not say when it was issued (iat)")?;
        let (early, late) = (self.now.before(LEEWAY), self.now.after(LEEWAY));
        if expires <= early {
            return Err("it has expired (exp); are both clocks right?".into());
        }
        if issued > late || time("nbf")?.is_some_and(|begins| begins > late) {
            return Err("it is dated in the future (iat, nbf); are both clocks right?".into());
        }
        if issued < self.started.before(LEEWAY) {
            return Err("it is older than this sign-in (iat); are both clocks right?".into());
        }
        if self.fresh {
            let proved = time("auth_time")?
                .ok_or("the provider does not say when the person proved who they are (auth_time)")?;
            if proved < self.started.before(LEEWAY) {
                return Err("the provider did not ask the person again (auth_time)".into());
            }
        }
        Ok(())
    }

    /// Section 3.1.3.6: the left half of the hash that goes with the signature.
    fn half_hash(&self, access_token: &str) -> String {
        match self.algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => half(&Sha256::digest(access_token)),
            Algorithm::EdDsa => half(&Sha512::digest(access_token)),
        }
    }
}

fn half(hash: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hash.iter().take(hash.len() / 2).copied().collect::<Vec<_>>())
}

/// A `NumericDate` (RFC 7519 section 2): seconds, some providers give parts of one.
fn moment(value: &Value) -> Result<Timestamp, String> {
    let wrong = || "one of its times is not a number".to_owned();
    if let Some(seconds) = value.as_i64() {
        return Ok(Timestamp::from_seconds(seconds));
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..1e12).contains(seconds)).ok_or_else(wrong)?;
    let whole = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?.as_secs();
    Ok(Timestamp::from_seconds(i64::try_from(whole).map_err(|_| wrong())?))
}

/// The claim with this name, or, where a dot leads on, the member inside it: `realm_access.roles`.
pub(super) fn claim<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    let (outer, inner) = path.split_once('.')?;
    claim(claims.get(outer)?.as_object()?, inner)
}

/// The texts of a claim that is one or a list of them.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_801_418_400;

    fn good() -> Value {
        json!({
            "iss": "https://id.example.com", "sub": "ada", "aud": "gate", "nonce": "n",
            "exp": NOW + 300, "iat": NOW - 1, "auth_time": NOW - 5,
        })
    }

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://id.example.com",
            client_id: "gate",
            nonce: "n",
            access_token: Some("access"),
            algorithm: Algorithm::Rs256,
            started: Timestamp::from_seconds(NOW - 30),
            fresh: false,
            now: Timestamp::from_seconds(NOW),
        }
    }

    fn with(changes: &Value) -> Result<String, String> {
        with_expected(&expected(), changes)
    }

    fn with_expected(expected: &Expected<'_>, changes: &Value) -> Result<String, String> {
        let mut claims = good();
        for (name, value) in changes.as_object().unwrap() {
            if value == "absent" {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        expected.check(claims.as_object().unwrap())
    }

    #[test]
    fn what_is_taken() {
        for fine in [
            json!({}),
            json!({"aud": ["gate"]}),
            json!({"aud": ["gate", "other"], "azp": "gate"}),
            json!({"azp": "gate"}),
            json!({"exp": NOW - 59}),
            json!({"iat": NOW + 60, "nbf": NOW + 60}),
            json!({"iat": 1_801_418_400.5}),
            json!({"at_hash": expected().half_hash("access")}),
        ] {
            assert_eq!(with(&fine), Ok("ada".to_owned()), "{fine}");
        }
    }

    #[test]
    fn what_is_refused_and_why() {
        for (wrong, word) in [
            (json!({"iss": "https://id.example.com/"}), "issuer"),
            (json!({"iss": "absent"}), "issuer"),
            (json!({"aud": "other"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"aud": "absent"}), "aud"),
            (json!({"aud": ["gate", "other"]}), "azp"),
            (json!({"aud": ["gate", "other"], "azp": "other"}), "azp"),
            (json!({"azp": "other"}), "azp"),
            (json!({"azp": 1}), "azp"),
            (json!({"exp": NOW - 60}), "exp"),
            (json!({"exp": "absent"}), "exp"),
            (json!({"exp": (NOW + 300).to_string()}), "number"),
            (json!({"exp": 1e300}), "number"),
            (json!({"iat": NOW + 61}), "future"),
            (json!({"iat": NOW - 91}), "older"),
            (json!({"iat": "absent"}), "iat"),
            (json!({"nbf": NOW + 61}), "future"),
            (json!({"nonce": "m"}), "nonce"),
            (json!({"nonce": ""}), "nonce"),
            (json!({"nonce": "absent"}), "nonce"),
            (json!({"at_hash": expected().half_hash("other")}), "at_hash"),
            (json!({"at_hash": 5}), "at_hash"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 5}), "sub"),
            (json!({"sub": "a\nb"}), "sub"),
            (json!({"sub": "a".repeat(256)}), "sub"),
        ] {
            let told = with(&wrong).expect_err(&wrong.to_string());
            assert!(told.contains(word), "{wrong}: {told}");
        }
    }

    #[test]
    fn who_is_asked_again_must_have_been() {
        let fresh = Expected { fresh: true, ..expected() };
        assert_eq!(with_expected(&fresh, &json!({})), Ok("ada".to_owned()));
        for (wrong, word) in
            [(json!({"auth_time": NOW - 91}), "ask"), (json!({"auth_time": "absent"}), "auth_time")]
        {
            assert!(with_expected(&fresh, &wrong).unwrap_err().contains(word));
        }
    }

    #[test]
    fn half_hashes_go_with_the_signature() {
        // The example of OpenID Connect Core, appendix A.3.
        let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(expected().half_hash(access), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(Expected { algorithm: Algorithm::EdDsa, ..expected() }.half_hash(access).len(), 43);
    }

    #[test]
    fn tokens_that_are_none() {
        let token = |header: &str| format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        assert!(Token::parse(&token(r#"{"alg":"RS256"}"#)).is_ok());
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"HS512"}"#,
            r#"{"alg":"rs256"}"#,
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            r#"{"kid":"a"}"#,
            "[]",
            "",
        ] {
            assert!(Token::parse(&token(header)).is_err(), "{header}");
        }
        for text in ["", ".", "..", "a.b", "e30.e30.", "a.b.c.d"] {
            assert!(Token::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn claims_inside_claims() {
        let claims = json!({"realm": {"roles": ["a", 1, "b"]}, "https://x.example/groups": "one", "n": 5});
        let claims = claims.as_object().unwrap();
        assert_eq!(claim(claims, "realm.roles").map(texts), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(claim(claims, "https://x.example/groups").map(texts), Some(vec!["one".to_owned()]));
        assert_eq!(claim(claims, "realm.none"), None);
        assert_eq!(claim(claims, "n.x"), None);
        assert_eq!(claim(claims, "n").map(texts), Some(vec![]));
    }
}
