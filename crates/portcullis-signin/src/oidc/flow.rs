//! One attempt to sign in, from the way to the provider to the way back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_domain::Timestamp;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What one attempt is known by. It is kept where only the browser that began it brings it back, sealed, and used once.
pub struct Flow {
    state: String,
    nonce: String,
    verifier: Zeroizing<String>,
    started: Timestamp,
    fresh: bool,
}

impl Flow {
    /// A new attempt. With `fresh` the person has to prove to the provider now who they are, however long ago they signed in there.
    #[must_use]
    pub fn new(entropy: &[[u8; 32]; 3], started: Timestamp, fresh: bool) -> Self {
        let [state, nonce, verifier] = entropy.each_ref().map(|part| URL_SAFE_NO_PAD.encode(part));
        Self { state, nonce, verifier: Zeroizing::new(verifier), started, fresh }
    }

    /// The flow as one line, to be sealed.
    #[must_use]
    pub fn pack(&self) -> Zeroizing<String> {
        let (started, fresh) = (self.started.micros(), u8::from(self.fresh));
        Zeroizing::new(format!("{} {} {} {started} {fresh}", self.state, self.nonce, self.verifier.as_str()))
    }

    /// The flow that [`Flow::pack`] wrote.
    #[must_use]
    pub fn unpack(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().filter(|word| !word.is_empty());
        let (state, nonce, verifier) = (word()?, word()?, word()?);
        let (started, fresh) = (word()?.parse().ok()?, word()?);
        if words.next().is_some() {
            return None;
        }
        Some(Self {
            state: state.to_owned(),
            nonce: nonce.to_owned(),
            verifier: Zeroizing::new(verifier.to_owned()),
            started: Timestamp::from_micros(started),
            fresh: fresh == "1",
        })
    }

    /// What the provider sends back with its answer; not a secret, and good once.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) fn verifier(&self) -> &str {
        &self.verifier
    }

    pub(super) const fn started(&self) -> Timestamp {
        self.started
    }

    pub(super) const fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The S256 challenge (RFC 7636 section 4.2).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }
}

/// What the browser brought back from the provider.
#[derive(Default)]
pub struct Answer {
    state: String,
    code: Zeroizing<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl Answer {
    /// Reads the query of the address to which the provider sent the browser. None if it is not such an answer: something is there
    /// twice, or neither a code nor an error.
    #[must_use]
    pub fn parse(query: &str) -> Option<Self> {
        let mut answer = Self::default();
        let (mut seen, mut description) = (Vec::new(), None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = match name.as_ref() {
                "state" => &mut answer.state,
                "code" => &mut *answer.code,
                "iss" => answer.issuer.insert(String::new()),
                "error" => answer.error.insert(String::new()),
                "error_description" => description.insert(String::new()),
                _ => continue,
            };
            *known = value.into_owned();
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
        }
        if let (Some(error), Some(description)) = (&mut answer.error, description) {
            error.push_str(": ");
            error.push_str(&description);
        }
        let is_one = answer.error.is_some() == answer.code.is_empty();
        (is_one && !answer.state.is_empty()).then_some(answer)
    }

    /// Whether it answers this flow.
    #[must_use]
    pub fn belongs_to(&self, flow: &Flow) -> bool {
        self.state.as_bytes().ct_eq(flow.state.as_bytes()).into()
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// What the provider says is wrong: a code, and perhaps words.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_survives_packing_and_its_parts_differ() {
        let flow = Flow::new(&[[1; 32], [2; 32], [3; 32]], Timestamp::from_seconds(5), true);
        let again = Flow::unpack(&flow.pack()).unwrap();
        assert_eq!(*again.pack(), *flow.pack());
        assert!(again.is_fresh() && again.started() == Timestamp::from_seconds(5));
        assert!(flow.state() != flow.nonce() && flow.nonce() != flow.verifier());
        assert_eq!(flow.verifier().len(), 43, "RFC 7636 section 4.1");
        for wrong in ["", "a b c", "a b c x 1", "a b c 1 1 1", "a  c 1 1"] {
            assert!(Flow::unpack(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        let flow = Flow::unpack("s n dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk 0 0").unwrap();
        assert_eq!(flow.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn answers() {
        let flow = Flow::unpack("st n v 0 0").unwrap();
        let answer =
            Answer::parse("code=a%2Bb&state=st&iss=https%3A%2F%2Fid.example&session_state=x").unwrap();
        assert!(answer.belongs_to(&flow));
        assert_eq!((answer.code(), answer.issuer()), ("a+b", Some("https://id.example")));
        let refused = Answer::parse("error=access_denied&error_description=not%20you&state=st").unwrap();
        assert_eq!(refused.error(), Some("access_denied: not you"));
        assert!(!Answer::parse("code=a&state=other").unwrap().belongs_to(&flow));
        for wrong in [
            "",
            "code=a",
            "state=st",
            "code=a&error=b&state=st",
            "code=a&code=b&state=st",
            "code=a&state=st&state=st",
        ] {
            assert!(Answer::parse(wrong).is_none(), "{wrong}");
        }
    }
}
