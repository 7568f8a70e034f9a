//! The command line of people: invitations, passwords, second factors, links and keys of their own.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{OWN_PASSWORD, PASSWORD, World, ok, refused, run};

/// Runs a command that reads these lines; what it printed on standard output.
pub(crate) fn fed(command: &mut Command, lines: &[&str]) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The value in a line `Name   value`.
fn field(told: &str, name: &str) -> String {
    let line = told.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {told}")).trim().to_owned()
}

fn world() -> World {
    let world = World::start();
    fed(world.command().args(["login", "--password-stdin"]), &[PASSWORD]);
    world
}

/// The command line of somebody else on the same machine.
fn other<'a>(world: &World, words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = world.command();
    command.env("HOME", world.scratch("other")).args(words);
    command
}

#[test]
fn an_invitation_is_taken_up_and_members_look_after_themselves() {
    let world = world();
    ok(world.command().args(["site", "update", "main", "--members-make-keys", "true"]));
    ok(world.command().args(["storage", "create", "--name", "Files"]));
    let link = field(&ok(world.command().args(["user", "invite", "guest"])), "Invitation");
    ok(world.command().args([
        "grant",
        "create",
        "--storage",
        "Files",
        "--user",
        "guest",
        "--permission",
        "read_write",
    ]));
    let told = fed(&mut other(&world, ["join"]), &[&link, OWN_PASSWORD]);
    assert!(told.contains("--username guest"), "{told}");
    let told = refused_when_fed(&mut other(&world, ["join"]), &[&link, OWN_PASSWORD]);
    assert!(told.contains("token"), "an invitation is good once: {told}");
    fed(&mut other(&world, ["login", "--username", "guest", "--password-stdin"]), &[OWN_PASSWORD]);

    let told = ok(&mut other(&world, ["me", "storages"]));
    assert!(told.contains("Files") && told.contains("read_write"), "{told}");
    let made = ok(&mut other(&world, ["key", "create", "--name", "laptop", "--s3", "--json"]));
    let made: Value = serde_json::from_str(&made).unwrap();
    assert!(made["bearer"].is_string() && made["s3"]["secret"].is_string(), "{made}");
    let told = ok(&mut other(&world, ["key", "list", "--user", "me"]));
    assert_eq!(told.lines().count(), 3, "{told}");
    let s3 = made["s3"]["key"]["access_key"].as_str().unwrap();
    let told = ok(&mut other(
        &world,
        ["key", "temporary", s3, "--duration", "15m", "--permission", "read", "--storage", "Files"],
    ));
    assert!(!field(&told, "Session token").is_empty());
    let told = refused(&mut other(&world, ["user", "list"]));
    assert!(told.contains("Access denied"), "{told}");

    let told = ok(world.command().args(["user", "end-sessions", "guest"]));
    assert!(told.contains("Ended 1 sign-ins"), "{told}");
    let told = refused(&mut other(&world, ["me"]));
    assert!(told.contains("portcullis login"), "{told}");
    let told = ok(world.command().args(["user", "disable", "guest"]));
    assert!(told.contains("disabled"), "{told}");
}

fn refused_when_fed(command: &mut Command, lines: &[&str]) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{command:?} was not refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What an authenticator app shows for a secret at the moment.
fn code(secret: &str) -> String {
    let program = "import base64, hashlib, hmac, struct, sys, time\n\
        mac = hmac.new(base64.b32decode(sys.argv[1]), struct.pack('>Q', int(time.time()) // 30), hashlib.sha1).digest()\n\
        print('%06d' % ((struct.unpack_from('>I', mac, mac[19] & 15)[0] & 0x7fffffff) % 1000000))";
    ok(Command::new("python3").args(["-c", program, secret])).trim().to_owned()
}

#[test]
fn a_second_factor_at_the_terminal() {
    let world = world();
    let mut child =
        world.command().args(["me", "totp"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    let code = code(&field(&line, "Secret"));
    child.stdin.take().unwrap().write_all(format!("{code}\n").as_bytes()).unwrap();
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    let recovery: Vec<_> =
        rest.lines().filter(|line| !line.starts_with("Address")).map(str::to_owned).collect();
    assert_eq!(recovery.len(), 10, "{rest}");

    let dir = world.scratch("factor");
    fs::write(dir.join("password"), PASSWORD).unwrap();
    let login = |more: &[&str]| {
        let mut command = world.command();
        command.args(["login", "--password-file"]).arg(dir.join("password")).args(more);
        command
    };
    let told = refused(&mut login(&[]));
    assert!(told.contains("--otp"), "{told}");
    let told = refused(&mut login(&["--otp", "000000"]));
    assert!(told.contains("portcullis: "), "{told}");
    ok(&mut login(&["--otp", &recovery[0]]));
    let told = refused(&mut login(&["--otp", &recovery[0]]));
    assert!(told.contains("portcullis: "), "a recovery code is good once: {told}");
    fed(world.command().args(["session", "confirm", "--password-stdin", "--otp", &recovery[1]]), &[PASSWORD]);
    ok(world.command().args(["me", "remove-totp"]));
    ok(&mut login(&[]));
}

#[test]
fn links_and_sessions() {
    let world = world();
    ok(world.command().args(["storage", "create", "--name", "Files"]));
    let words = [
        "link",
        "create",
        "--storage",
        "Files",
        "--folder",
        "public/",
        "--name",
        "Pictures",
        "--password-stdin",
    ];
    let told = fed(world.command().args(words), &["open sesame, please"]);
    assert!(field(&told, "Address").contains("/s/") && field(&told, "Password") == "yes", "{told}");
    let told = ok(world.command().args(["link", "list", "--storage", "Files"]));
    assert!(told.contains("Pictures") && told.contains("public/"), "{told}");
    let told = ok(world.command().args(["link", "update", "Pictures", "--expires", "2999-01-01T00:00:00Z"]));
    assert!(field(&told, "Expires").starts_with("2999-"), "{told}");
    ok(world.command().args(["link", "end", "Pictures"]));
    assert_eq!(field(&ok(world.command().args(["link", "show", "Pictures"])), "State"), "ended");

    let sessions: Value =
        serde_json::from_str(&ok(world.command().args(["session", "list", "--json"]))).unwrap();
    let others = sessions.as_array().unwrap().iter().filter(|session| session["current"] == false);
    for session in others {
        ok(world.command().args(["session", "end", session["id"].as_str().unwrap()]));
    }
    assert_eq!(ok(world.command().args(["session", "list"])).lines().count(), 2);
    ok(world.command().arg("logout"));
    assert_eq!(run(world.command().arg("me")).status.code(), Some(1));
    for words in [&["user"][..], &["user", "show"], &["frobnicate"], &["grant", "create", "--storage", "x"]] {
        assert_eq!(run(world.command().args(words)).status.code(), Some(2), "{words:?}");
    }
}
