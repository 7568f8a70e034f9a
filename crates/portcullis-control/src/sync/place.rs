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

#[cfg(test)]
mod tests {
    use portcullis_domain::{
        BucketName, ConnectionId, DisplayName, Label, Networks, Permission, SiteId, StorageId, StorageState,
        Timestamp, UserId,
    };

    use super::*;

    fn storage(id: u128, provider: Provider, endpoint: &str, bucket: &str) -> Storage {
        let label = Label::parse("files").unwrap();
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Storage {
            id: StorageId::from_u128(id),
            site: SiteId::from_u128(1),
            owner: UserId::from_u128(1),
            number: 1,
            name: DisplayName::parse("Files").unwrap(),
            bucket: BucketName::new(1, 1, &label),
            label,
            connection: Connection {
                id: ConnectionId::from_u128(id),
                provider,
                region: "us-east-1".to_owned(),
                endpoint: given(endpoint),
                bucket: given(bucket),
                path_style: true,
            },
            permission: Permission::ReadWrite,
            networks: Networks::anywhere(),
            s3_access: true,
            quota_bytes: None,
            state: StorageState::Active,
            created: Timestamp::default(),
            paused_until: None,
            trial: None,
        }
    }

    fn lie(one: (&Storage, &str), other: (&Storage, &str)) -> Overlap {
        let prefix = |text| KeyPrefix::parse(text).unwrap();
        same_place((one.0, &prefix(one.1)), (other.0, &prefix(other.1)))
    }

    #[test]
    fn sides_of_one_storage() {
        use Overlap::{Apart, FirstInside, OtherInside, Same};
        for remote in [false, true] {
            let provider = if remote { Provider::S3 } else { Provider::Builtin };
            let files = storage(1, provider, "", "");
            for (one, other, told) in [
                ("", "", Same),
                ("a/", "a/", Same),
                ("a/", "", FirstInside),
                ("", "a/", OtherInside),
                ("a/b", "a/", FirstInside),
                ("a/", "b/", Apart),
                ("a", "ab/", OtherInside),
            ] {
                assert_eq!(lie((&files, one), (&files, other)), told, "{one} {other}");
            }
        }
    }

    #[test]
    fn sides_of_two_storages() {
        use Overlap::{Apart, FirstInside, OtherInside, Same};
        let s3 = |endpoint, bucket| (Provider::S3, endpoint, bucket);
        let aws = |endpoint, bucket| (Provider::Aws, endpoint, bucket);
        let (host, other) = ("https://s3.example.com", "https://s3.example.org");
        for (one, at, two, there, told) in [
            (s3(host, "b"), "", s3(host, "b"), "", Same),
            (s3(host, "b"), "", s3("HTTPS://S3.Example.com:443/", "b"), "", Same),
            (s3(host, "b"), "", s3("http://s3.example.com", "b"), "", Same),
            (s3(host, "b"), "", s3("http://s3.example.com:80", "b"), "", Same),
            (s3("http://h:9000", "b"), "", s3("http://h:9001", "b"), "", Apart),
            (s3(host, "b"), "", s3(host, "c"), "", Apart),
            (s3(host, "b"), "", s3(other, "b"), "", Apart),
            (s3(host, "b/x/"), "", s3(host, "b"), "", FirstInside),
            (s3(host, "b"), "", s3(host, "b/x/"), "y/", OtherInside),
            (s3(host, "b"), "x/", s3(host, "b/x/"), "", Same),
            (s3(host, "b/x/"), "", s3(host, "b/y/"), "", Apart),
            (
                aws("https://s3.amazonaws.com", "b"),
                "",
                aws("https://s3.eu-west-1.amazonaws.com", "b"),
                "",
                Same,
            ),
            (aws("https://s3.amazonaws.com", "b"), "", s3(host, "b"), "", Apart),
            ((Provider::Builtin, "", ""), "", (Provider::Builtin, "", ""), "", Apart),
            ((Provider::Builtin, "", ""), "", s3(host, "b"), "", Apart),
        ] {
            let first = storage(1, one.0, one.1, one.2);
            let second = storage(2, two.0, two.1, two.2);
            assert_eq!(lie((&first, at), (&second, there)), told, "{one:?} {at} {two:?} {there}");
        }
    }
}
