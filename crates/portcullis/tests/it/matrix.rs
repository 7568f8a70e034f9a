//! The refusal matrix: every operation of S3 and every REST call × every way in which a credential can be wrong.
//!
//! The rows come from the code's own lists, so an operation that is added stands in the snapshot or fails the test. Beside the
//! snapshot, rules that hold for every row are asserted on their own.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use portcullis_domain::{Action, Permission};
use portcullis_s3::{Level, Operation};
use serde_json::json;

use crate::http::{Answer, Signed, request};
use crate::world::{Access, World};

/// A way in which a credential can be right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    Nobody,
    UnknownKey,
    WrongSecret,
    WrongNetwork,
    OtherStorage,
    RestKey,
    Disabled,
    Expired,
    Deleted,
    Rotated,
    TemporaryWithoutToken,
    TemporaryWrongToken,
    TemporaryOfDeleted,
    UserWithoutGrants,
    Read,
    Write,
    ReadWrite,
    TemporaryRead,
    GrantedRead,
}

impl Credential {
    const ALL: [Self; 19] = [
        Self::Nobody,
        Self::UnknownKey,
        Self::WrongSecret,
        Self::WrongNetwork,
        Self::OtherStorage,
        Self::RestKey,
        Self::Disabled,
        Self::Expired,
        Self::Deleted,
        Self::Rotated,
        Self::TemporaryWithoutToken,
        Self::TemporaryWrongToken,
        Self::TemporaryOfDeleted,
        Self::UserWithoutGrants,
        Self::Read,
        Self::Write,
        Self::ReadWrite,
        Self::TemporaryRead,
        Self::GrantedRead,
    ];

    const fn permission(self) -> Option<Permission> {
        match self {
            Self::Read | Self::TemporaryRead | Self::GrantedRead => Some(Permission::Read),
            Self::Write => Some(Permission::Write),
            Self::ReadWrite => Some(Permission::ReadWrite),
            Self::Nobody
            | Self::UnknownKey
            | Self::WrongSecret
            | Self::WrongNetwork
            | Self::OtherStorage
            | Self::RestKey
            | Self::Disabled
            | Self::Expired
            | Self::Deleted
            | Self::Rotated
            | Self::TemporaryWithoutToken
            | Self::TemporaryWrongToken
            | Self::TemporaryOfDeleted
            | Self::UserWithoutGrants => None,
        }
    }

    /// The code that every operation gets.
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Nobody | Self::WrongNetwork | Self::Disabled => Some("AccessDenied"),
            Self::UnknownKey
            | Self::Deleted
            | Self::Rotated
            | Self::RestKey
            | Self::TemporaryWithoutToken
            | Self::TemporaryOfDeleted => Some("InvalidAccessKeyId"),
            Self::TemporaryWrongToken => Some("InvalidToken"),
            Self::WrongSecret => Some("SignatureDoesNotMatch"),
            Self::Expired => Some("ExpiredToken"),
            Self::OtherStorage
            | Self::UserWithoutGrants
            | Self::Read
            | Self::Write
            | Self::ReadWrite
            | Self::TemporaryRead
            | Self::GrantedRead => None,
        }
    }
}

/// Everything the rows need.
struct Stage {
    world: World,
    bucket: String,
    admin: Access,
    keys: Vec<(Credential, Option<Access>)>,
}

fn stage() -> Stage {
    let world = World::start();
    let (storage, bucket) = world.storage("Matrix");
    let (other, _) = world.storage("Other");
    let admin = world.key(&storage, "read_write");
    let make = |credential| {
        let key = |permission: &str| world.key(&storage, permission);
        Some(match credential {
            Credential::Nobody => return None,
            Credential::UnknownKey => {
                Access { access_key: "PC00000000000000NONE".into(), ..key("read_write") }
            }
            Credential::WrongSecret => Access { secret: admin.secret.clone(), ..key("read_write") },
            Credential::WrongNetwork => world.key_with(
                &storage,
                &json!({"permission": "read_write", "networks": ["203.0.113.0/24", "2001:db8::/32"]}),
            ),
            Credential::OtherStorage => Access { bucket: bucket.clone(), ..world.key(&other, "read_write") },
            Credential::RestKey => {
                let made = world.admin(
                    "POST",
                    "/keys",
                    Some(&json!({"name": "rest", "channel": "rest", "scope": "site", "permission": "full"})),
                );
                Access {
                    key_id: made["key"]["id"].as_str().unwrap().into(),
                    access_key: made["key"]["access_key"].as_str().unwrap().into(),
                    secret: made["secret"].as_str().unwrap().into(),
                    bucket: bucket.clone(),
                    session_token: None,
                }
            }
            Credential::TemporaryWithoutToken => {
                Access { session_token: None, ..world.temporary(&admin, &json!({})) }
            }
            Credential::TemporaryWrongToken => {
                let other = world.temporary(&admin, &json!({})).session_token;
                Access { session_token: other, ..world.temporary(&admin, &json!({})) }
            }
            Credential::TemporaryOfDeleted => {
                let key = key("read_write");
                let temporary = world.temporary(&key, &json!({}));
                world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
                temporary
            }
            Credential::TemporaryRead => world.temporary(&admin, &json!({"permission": "read"})),
            Credential::UserWithoutGrants => world.user_key(&world.member("without"), "read_write", &bucket),
            Credential::GrantedRead => {
                let user = world.member("granted");
                let grant = json!({"storage": storage, "user": user, "permission": "read"});
                world.admin("POST", "/grants", Some(&grant));
                world.user_key(&user, "read_write", &bucket)
            }
            Credential::Disabled => {
                let key = key("read_write");
                world.admin("PATCH", &format!("/keys/{}", key.key_id), Some(&json!({"permission": "none"})));
                key
            }
            Credential::Expired => {
                let soon = jiff::Timestamp::now() + Duration::from_millis(1500);
                let key = world
                    .key_with(&storage, &json!({"permission": "read_write", "expires_at": soon.to_string()}));
                let end = Instant::now() + Duration::from_secs(30);
                while Signed::new(&world, &key)
                    .call("GET", &format!("/{bucket}"), "location=", &[], b"")
                    .status
                    == 200
                {
                    assert!(Instant::now() < end, "the key did not expire");
                    thread::sleep(Duration::from_millis(50));
                }
                key
            }
            Credential::Deleted => {
                let key = key("read_write");
                world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
                key
            }
            Credential::Rotated => {
                let key = key("read_write");
                let fresh = world.admin("POST", &format!("/keys/{}/rotate", key.key_id), Some(&json!({})));
                let access_key = fresh["key"]["access_key"].as_str().unwrap().to_owned();
                let fresh =
                    Access { access_key, secret: fresh["secret"].as_str().unwrap().into(), ..key.clone() };
                let path = format!("/{bucket}");
                assert_eq!(Signed::new(&world, &fresh).call("GET", &path, "location=", &[], b"").status, 200);
                key
            }
            Credential::Read => key("read"),
            Credential::Write => key("write"),
            Credential::ReadWrite => key("read_write"),
        })
    };
    let keys = Credential::ALL.map(|credential| (credential, make(credential))).into();
    Stage { world, bucket, admin, keys }
}

/// An operation as a request; objects and uploads are made anew so that each row meets the same world.
fn perform(stage: &Stage, operation: Operation, key: Option<&Access>) -> Answer {
    let (world, bucket) = (&stage.world, &stage.bucket);
    let shape = operation.shape();
    let admin = Signed::new(world, &stage.admin);
    let object = format!("/{bucket}/there.txt");
    assert_eq!(admin.call("PUT", &object, "", &[], b"hello").status, 200);
    let mut upload = String::new();
    if shape.selectors.contains(&"uploadId") {
        // The upload belongs to whoever asks, if they can begin one at all.
        let begun = key.map(|key| Signed::new(world, key).call("POST", &object, "uploads=", &[], b""));
        let begun = begun
            .filter(|answer| answer.status == 200)
            .unwrap_or_else(|| admin.call("POST", &object, "uploads=", &[], b""));
        upload = begun.text().split("<UploadId>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    }
    let path = match shape.level {
        Level::Service => "/".to_owned(),
        Level::Bucket => format!("/{bucket}"),
        Level::Object => object,
    };
    let mut selectors: Vec<String> = shape
        .selectors
        .iter()
        .map(|name| match *name {
            "partNumber" => "partNumber=1".to_owned(),
            "uploadId" => format!("uploadId={upload}"),
            "list-type" => "list-type=2".to_owned(),
            name => format!("{name}="),
        })
        .collect();
    selectors.sort();
    let source = format!("/{bucket}/there.txt");
    let mut headers: Vec<(&str, &str)> = Vec::new();
    if shape.copies {
        headers.push(("x-amz-copy-source", &source));
        if operation == Operation::CopyObject {
            headers.push(("x-amz-metadata-directive", "REPLACE"));
        }
    }
    let (body, md5) = body(stage, operation, key, &upload);
    if let Some(md5) = md5 {
        headers.push(("content-md5", md5));
    }
    if operation == Operation::GetObjectAttributes {
        headers.push(("x-amz-object-attributes", "ObjectSize"));
    }
    let query = selectors.join("&");
    match key {
        Some(key) => Signed::new(world, key).call(shape.method.as_str(), &path, &query, &headers, &body),
        None => {
            let target = if query.is_empty() { path } else { format!("{path}?{query}") };
            request(world, shape.method.as_str(), &target, &headers, &body)
        }
    }
}

fn body(
    stage: &Stage,
    operation: Operation,
    key: Option<&Access>,
    upload: &str,
) -> (Vec<u8>, Option<&'static str>) {
    match operation {
        Operation::DeleteObjects => {
            let xml = b"<Delete><Object><Key>there.txt</Key></Object></Delete>".to_vec();
            (xml, Some("C9qlud30rEUgHmLbU0sC8Q=="))
        }
        Operation::PutObjectTagging => (
            b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>".to_vec(),
            Some("jqzPL3CP1xqTN8blcrX3gg=="),
        ),
        Operation::CompleteMultipartUpload => {
            let path = format!("/{}/there.txt", stage.bucket);
            let query = format!("partNumber=1&uploadId={upload}");
            let owner = key.unwrap_or(&stage.admin);
            let part = Signed::new(&stage.world, owner).call("PUT", &path, &query, &[], b"part");
            let etag = part.header("etag").unwrap_or("\"0\"").to_owned();
            let xml = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
            );
            (xml.into_bytes(), None)
        }
        _ => (Vec::new(), None),
    }
}

#[test]
fn every_s3_operation_with_every_credential() {
    let stage = stage();
    let mut table = format!("{:<36}", "");
    for credential in Credential::ALL {
        write!(table, "{:<26}", format!("{credential:?}")).unwrap();
    }
    for operation in Operation::ALL {
        write!(table, "\n{:<36}", operation.as_str()).unwrap();
        for (credential, key) in &stage.keys {
            let answer = perform(&stage, *operation, key.as_ref());
            let code = if answer.status < 300 { String::new() } else { answer.code() };
            rules(*operation, *credential, &answer, &code);
            write!(table, "{:<26}", format!("{} {code}", answer.status)).unwrap();
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!("s3", table);
}

/// What holds for every row, whatever the snapshot says.
fn rules(operation: Operation, credential: Credential, answer: &Answer, code: &str) {
    let row = format!("{} with {credential:?}: {} {}", operation.as_str(), answer.status, answer.text());
    assert!(answer.header("x-amz-request-id").is_some(), "{row}");
    assert!(answer.status < 500 || answer.status == 501, "{row}");
    let head = operation.shape().method == "HEAD";
    if let Some(expected) = credential.code() {
        assert!((400..500).contains(&answer.status), "{row}");
        // An answer to HEAD has no body; a form brings its credentials in the body, not in a header.
        if !head && operation != Operation::PostObject {
            assert_eq!(code, expected, "{row}");
        }
        return;
    }
    if matches!(credential, Credential::OtherStorage | Credential::UserWithoutGrants) {
        let sees_nothing =
            answer.status == 403 || operation == Operation::ListBuckets || operation == Operation::PostObject;
        assert!(sees_nothing, "{row}");
        assert!(!answer.text().contains("there.txt") || answer.status == 403, "{row}");
        return;
    }
    if operation == Operation::PostObject {
        // A form's credentials are in its body; this one is none. Forms have tests of their own.
        assert_eq!(answer.status, 400, "{row}");
        return;
    }
    let permission = credential.permission().unwrap();
    let may = operation.shape().needs.iter().all(|action| permission.permits(*action));
    if !may {
        assert_eq!(
            answer.status,
            if operation == Operation::DeleteObjects { answer.status } else { 403 },
            "{row}"
        );
        assert!(
            operation != Operation::DeleteObjects
                || answer.status == 403
                || answer.text().contains("AccessDenied"),
            "{row}"
        );
    } else {
        let absent =
            answer.status == 404 && operation.shape().needs.iter().all(|action| *action == Action::Enter);
        assert!(answer.status < 300 || absent, "{row}");
    }
}

#[test]
fn write_only_learns_nothing() {
    let stage = stage();
    let writer = stage
        .keys
        .iter()
        .find(|(credential, _)| *credential == Credential::Write)
        .unwrap()
        .1
        .clone()
        .unwrap();
    let signed = Signed::new(&stage.world, &writer);
    Signed::new(&stage.world, &stage.admin).call(
        "PUT",
        &format!("/{}/there.txt", stage.bucket),
        "",
        &[],
        b"hello",
    );
    type Headers = &'static [(&'static str, &'static str)];
    let calls: [(&str, &str, Headers); 9] = [
        ("GET", "", &[]),
        ("HEAD", "", &[]),
        ("DELETE", "", &[]),
        ("GET", "attributes=", &[("x-amz-object-attributes", "ObjectSize")]),
        ("GET", "tagging=", &[]),
        ("GET", "acl=", &[]),
        ("PUT", "", &[("if-none-match", "*")]),
        ("PUT", "", &[("if-match", "\"5d41402abc4b2a76b9719d911017c592\"")]),
        ("GET", "uploadId=00000000000000000000000000000000", &[]),
    ];
    for (method, query, headers) in calls {
        let told = ["there.txt", "nope!.txt"].map(|key| {
            let answer = signed.call(method, &format!("/{}/{key}", stage.bucket), query, headers, b"");
            let id = answer.header("x-amz-request-id").unwrap().to_owned();
            let text = answer.text().replace(key, "KEY").replace(&id, "ID");
            let mut names: Vec<_> =
                answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
            names.sort();
            (answer.status, names, text)
        });
        assert_eq!(told[0], told[1], "{method} ?{query} tells whether a file is there");
        assert!(told[0].0 >= 400, "{method} ?{query}");
    }
    // Creating and overwriting look the same.
    let put = |key: &str| {
        let answer = signed.call("PUT", &format!("/{}/{key}", stage.bucket), "", &[], b"same");
        let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        (answer.status, names, answer.text())
    };
    assert_eq!(put("there.txt"), put("fresh.txt"));
}

#[test]
fn another_bucket_and_none_look_the_same() {
    let stage = stage();
    let reader =
        stage.keys.iter().find(|(credential, _)| *credential == Credential::Read).unwrap().1.clone().unwrap();
    let (_, other) = stage.world.storage("Somebody else's");
    let ask = |bucket: &str| {
        let answer = Signed::new(&stage.world, &reader).call("GET", &format!("/{bucket}/x"), "", &[], b"");
        let id = answer.header("x-amz-request-id").unwrap().to_owned();
        (answer.status, answer.text().replace(bucket, "BUCKET").replace(&id, "ID"))
    };
    let there = ask(&other);
    assert_eq!(there.0, 403);
    assert_eq!(there, ask("usr-10001-itm-77777-nothing"));
}
