//! A request that owns its parts, so that tests can change one of them.

use portcullis_sigv4::{
    AmzDate, AuthParseError, Payload, RawRequest, Seed, SignatureMismatch, Signer, SigningKey, parse,
};

/// The example credentials of the AWS documentation.
pub(crate) const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &[u8] = b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2013-05-24T00:00:00Z, the moment of its examples.
pub(crate) const NOW: i64 = 1_369_353_600;
pub(crate) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

/// How a request fared.
#[derive(Debug)]
pub(crate) enum Outcome {
    Anonymous,
    Unreadable(AuthParseError),
    Mismatch,
    Verified(Seed),
}

impl Request {
    pub(crate) fn new(method: &str, path: &str, query: Option<&str>, headers: &[(&str, &str)]) -> Self {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Self { method: method.to_owned(), path: path.to_owned(), query: query.map(str::to_owned), headers }
    }

    pub(crate) fn with_raw<T>(&self, use_it: impl FnOnce(&RawRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        use_it(&RawRequest {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &headers,
        })
    }

    /// Parses and verifies with the key that the presented scope asks for.
    pub(crate) fn judge(&self) -> Outcome {
        self.with_raw(|raw| match parse(raw) {
            Err(error) => Outcome::Unreadable(error),
            Ok(None) => Outcome::Anonymous,
            Ok(Some(presented)) => match presented.verify(&SigningKey::derive(SECRET, presented.scope())) {
                Ok(seed) => Outcome::Verified(seed),
                Err(SignatureMismatch) => Outcome::Mismatch,
            },
        })
    }

    #[track_caller]
    pub(crate) fn verified(&self) -> Seed {
        match self.judge() {
            Outcome::Verified(seed) => seed,
            other @ (Outcome::Anonymous | Outcome::Unreadable(_) | Outcome::Mismatch) => {
                panic!("{other:?} for {self:?}")
            }
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> AuthParseError {
        match self.judge() {
            Outcome::Unreadable(error) => error,
            other @ (Outcome::Anonymous | Outcome::Mismatch | Outcome::Verified(_)) => {
                panic!("{other:?} for {self:?}")
            }
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(present, _)| present != name);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let (_, value) = self.headers.iter().find(|(present, _)| present == name).unwrap();
        std::str::from_utf8(value).unwrap()
    }

    /// Signs with our signer and adds the headers that it makes.
    pub(crate) fn signed(mut self, payload: Payload) -> Self {
        let signed = self.with_raw(|raw| signer().sign(raw, &now(), payload)).unwrap();
        self.set("x-amz-date", signed.date.as_str());
        self.set("x-amz-content-sha256", &signed.content_sha256);
        self.set("authorization", &signed.authorization);
        self
    }

    pub(crate) fn presigned(mut self, expires: u32) -> Self {
        self.query = Some(self.with_raw(|raw| signer().presign(raw, &now(), expires)).unwrap());
        self
    }
}

pub(crate) fn now() -> AmzDate {
    AmzDate::from_unix(NOW).unwrap()
}

pub(crate) fn signer() -> Signer {
    Signer::new(ACCESS_KEY_ID, SECRET, "us-east-1", &now()).unwrap()
}
