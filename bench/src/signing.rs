//! Signed request heads.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_sigv4::{AmzDate, Payload as Sum, RawRequest, Signer as SigV4};

use crate::client::Payload;

/// A key, and nothing that a request would have to wait for.
pub(crate) struct Signer {
    access_key: String,
    secret: String,
}

impl Signer {
    pub(crate) fn new(access_key: &str, secret: &str) -> Self {
        Self { access_key: access_key.to_owned(), secret: secret.to_owned() }
    }

    /// The request line and headers, signed, with the blank line at their end. `path` and `query` are encoded already, the
    /// query's parameters in order.
    pub(crate) fn head(&self, method: &str, host: &str, path: &str, query: &str, body: &Payload) -> String {
        #[expect(clippy::disallowed_methods, reason = "a load tool lives in real time")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs());
        let date = AmzDate::from_unix(i64::try_from(now).unwrap_or(0));
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let length = if body.bytes.is_empty() {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.bytes.len())
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{length}");
        let signed = date.and_then(|date| {
            let signer = SigV4::new(&self.access_key, self.secret.as_bytes(), "us-east-1", &date).ok()?;
            let headers = [("host", host.as_bytes())];
            let query = (!query.is_empty()).then_some(query);
            let sum = body.sha256.as_deref().and_then(digest).map_or(Sum::Unsigned, Sum::Signed);
            signer.sign(&RawRequest { method, path, query, headers: &headers }, &date, sum).ok()
        });
        // A request that cannot be signed is sent as it is; the server's refusal says so.
        if let Some(signed) = signed {
            head.push_str(&format!(
                "x-amz-date: {}\r\nx-amz-content-sha256: {}\r\nauthorization: {}\r\n",
                signed.date, signed.content_sha256, signed.authorization
            ));
        }
        head.push_str("\r\n");
        head
    }
}

fn digest(hexadecimal: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut bytes).ok()?;
    Some(bytes)
}
