//! Whether two sides are the same place.

use portcullis_domain::{Connection, KeyPrefix, Provider, Storage};

/// How two sides lie to each other, as far as their connections tell: one server under two names is not known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// They have no key in common.
    Apart,
    /// They are the same.
    Same,
    /// All of the first lies in the other.
    FirstInside,
    /// All of the other lies in the first.
    OtherInside,
}

/// How two sides lie to each other: of one storage, or of two whose connections lead to one bucket.
pub(crate) fn same_place(one: (&Storage, &KeyPrefix), other: (&Storage, &KeyPrefix)) -> Overlap {
    let (here, there) = if one.0.id == other.0.id {
        (one.1.to_string(), other.1.to_string())
    } else {
        let (Some(here), Some(there)) = (Remote::of(&one.0.connection), Remote::of(&other.0.connection))
        else {
            return Overlap::Apart;
        };
        if !here.is_bucket_of(&there) {
            return Overlap::Apart;
        }
        (format!("{}{}", here.prefix, one.1), format!("{}{}", there.prefix, other.1))
    };
    match (here.starts_with(&there), there.starts_with(&here)) {
        (true, true) => Overlap::Same,
        (true, false) => Overlap::FirstInside,
        (false, true) => Overlap::OtherInside,
        (false, false) => Overlap::Apart,
    }
}

/// A bucket of a provider, and what of it.
struct Remote<'a> {
    provider: Provider,
    /// Host and port, in small letters; no port where it is the one of the scheme.
    host: String,
    bucket: &'a str,
    prefix: &'a str,
}

impl<'a> Remote<'a> {
    fn of(connection: &'a Connection) -> Option<Self> {
        let (endpoint, place) = (connection.endpoint.as_deref()?, connection.bucket.as_deref()?);
        let (scheme, authority) = endpoint.split_once("://").unwrap_or(("https", endpoint));
        let authority = authority.trim_end_matches('/').to_ascii_lowercase();
        let usual = if scheme.eq_ignore_ascii_case("http") { ":80" } else { ":443" };
        let host = authority.strip_suffix(usual).unwrap_or(&authority).to_owned();
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        Some(Self { provider: connection.provider, host, bucket, prefix })
    }

    fn is_bucket_of(&self, other: &Self) -> bool {
        // There is one bucket of a name at Amazon, whichever of its addresses is used.
        let amazon = |one: &Self| one.provider == Provider::Aws;
        self.bucket == other.bucket && (self.host == other.host || amazon(self) && amazon(other))
    }
}
