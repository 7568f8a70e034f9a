//! Temporary credentials and keys of users, with the tools that people have: boto3 and the AWS command line.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::tools;
use crate::http::Signed;
use crate::world::{Access, World, ok, refused};

fn parts(key: &Access) -> Value {
    json!([key.access_key, key.secret, key.session_token])
}

#[test]
fn boto3_with_temporary_credentials() {
    let world = World::start();
    let (storage, bucket) = world.storage("Temporary");
    let (owner, parent) = (world.key(&storage, "read_write"), world.key(&storage, "read"));
    let narrow =
        world.temporary(&owner, &json!({"permission": "read", "prefix": "in/", "duration_seconds": 900}));
    let orphan = world.temporary(&parent, &json!({}));
    let given = json!({
        "endpoint": world.s3, "web": world.web, "admin": world.token(), "bucket": bucket, "owner": parts(&owner),
        "narrow": parts(&narrow), "orphan": parts(&orphan), "orphan_key": parent.key_id,
    });
    let path = world.scratch("boto").join("given.json");
    fs::write(&path, given.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/temporary.py");
    let mut python = Command::new(tools().join("python"));
    python.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    python.env("AWS_EC2_METADATA_DISABLED", "true");
    let told = ok(python.arg(script).arg(&path));
    assert!(told.contains("temporary: every step as expected"), "{told}");
    // Neither of them stands anywhere but in the answer that made it.
    let log = world.log();
    for key in [&narrow, &orphan] {
        assert!(!log.contains(&key.secret) && !log.contains(key.session_token.as_ref().unwrap()));
    }
}

fn aws(world: &World, key: &Access) -> Command {
    let mut command = Command::new(tools().join("aws"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", world.scratch("home"));
    command.env("AWS_ACCESS_KEY_ID", &key.access_key).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    if let Some(token) = &key.session_token {
        command.env("AWS_SESSION_TOKEN", token);
    }
    command
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1");
    command.args(["--endpoint-url", &world.s3]);
    command
}

#[test]
fn the_aws_command_line_asks_for_a_session() {
    let world = World::start();
    let (storage, bucket) = world.storage("Session");
    let key = world.key(&storage, "read_write");
    let told = ok(aws(&world, &key).args(["sts", "get-session-token", "--duration-seconds", "900"]));
    let told: Value = serde_json::from_str(&told).unwrap();
    let text = |name: &str| told["Credentials"][name].as_str().unwrap().to_owned();
    let session = Access {
        access_key: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
        ..key.clone()
    };
    let file = world.scratch("files").join("a.txt");
    fs::write(&file, "hello").unwrap();
    let gate = format!("s3://{bucket}");
    ok(aws(&world, &session)
        .args(["s3", "cp", "--only-show-errors"])
        .arg(&file)
        .arg(format!("{gate}/a.txt")));
    assert!(ok(aws(&world, &session).args(["s3", "ls", &gate])).contains("a.txt"));
    let role = [
        "sts",
        "assume-role",
        "--role-arn",
        "arn:aws:iam::000000000000:role/any",
        "--role-session-name",
        "ann",
    ];
    assert!(ok(aws(&world, &key).args(role)).contains("SessionToken"));
    let told = refused(aws(&world, &key).args(role).args(["--policy", "{}"]));
    assert!(told.contains("ValidationError") && told.contains("temporary-credentials"), "{told}");
    let told = refused(aws(&world, &session).args(["sts", "get-session-token"]));
    assert!(told.contains("AccessDenied"), "{told}");
    world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
    let told = refused(aws(&world, &session).args(["s3", "ls", &gate]));
    assert!(told.contains("InvalidAccessKeyId"), "{told}");
}

#[test]
fn they_end_with_their_key() {
    let world = World::start();
    let (storage, bucket) = world.storage("Short");
    let soon = jiff::Timestamp::now() + Duration::from_secs(3);
    let key = world.key_with(&storage, &json!({"permission": "read_write", "expires_at": soon.to_string()}));
    let temporary = world.temporary(&key, &json!({"duration_seconds": 900}));
    let look = || Signed::new(&world, &temporary).call("GET", &format!("/{bucket}"), "location=", &[], b"");
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = look();
        if answer.status != 200 {
            assert_eq!(answer.code(), "ExpiredToken", "{}", answer.text());
            break;
        }
        assert!(Instant::now() < end, "they outlasted their key");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_users_s3_key_follows_what_is_shared() {
    let world = World::start();
    let (storage, bucket) = world.storage("Shared");
    world.storage("Not shared");
    let user = world.member("bob");
    let key = world.user_key(&user, "read_write", &bucket);
    assert!(!ok(aws(&world, &key).args(["s3", "ls"])).contains("usr-"));
    let grant = json!({"storage": storage, "user": user, "permission": "read"});
    let grant = world.admin("POST", "/grants", Some(&grant))["id"].as_str().unwrap().to_owned();
    let listed = ok(aws(&world, &key).args(["s3", "ls"]));
    assert!(listed.contains(&bucket) && listed.lines().count() == 1, "{listed}");
    let file = world.scratch("files").join("a.txt");
    fs::write(&file, "hello").unwrap();
    let to = format!("s3://{bucket}/a.txt");
    let told = refused(aws(&world, &key).args(["s3", "cp"]).arg(&file).arg(&to));
    assert!(told.contains("AccessDenied"), "{told}");
    world.admin("PATCH", &format!("/grants/{grant}"), Some(&json!({"permission": "read_write"})));
    ok(aws(&world, &key).args(["s3", "cp", "--only-show-errors"]).arg(&file).arg(&to));
    world.admin("DELETE", &format!("/grants/{grant}"), None);
    assert!(!ok(aws(&world, &key).args(["s3", "ls"])).contains(&bucket));
}
