//! The command line as a person uses it.

use crate::world::{OWN_PASSWORD, PASSWORD, World, ok, refused};

#[test]
fn without_credentials_it_says_how_to_get_them() {
    let world = World::start();
    let told = refused(world.command().args(["storage", "list"]));
    assert!(told.contains("portcullis login") && told.contains("PORTCULLIS_API_KEY"), "{told}");
    let told = refused(world.command().env("PORTCULLIS_API_KEY", "nonsense").args(["storage", "list"]));
    assert!(told.contains("portcullis login"), "{told}");
}

#[test]
fn a_site_key_administers() {
    let world = World::start();
    let made = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = made["bearer"].as_str().unwrap().to_owned();
    let call = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    let told = ok(&mut call(&["storage", "create", "--name", "Büro", "--label", "buero", "--quota", "10G"]));
    assert!(told.contains("-buero") && told.contains("10.0 GiB"), "{told}");
    let told = ok(&mut call(&["storage", "list"]));
    assert!(told.starts_with("NAME") && told.contains("Büro"), "{told}");
    let told = ok(&mut call(&[
        "key",
        "create",
        "--storage",
        "Büro",
        "--name",
        "scanner",
        "--permission",
        "write",
        "--network",
        "127.0.0.0/8",
        "--expires",
        "2999-01-01T00:00:00Z",
    ]));
    assert!(told.contains("Secret key") && told.contains("127.0.0.0/8"), "{told}");
    let told = ok(&mut call(&["key", "list", "--storage", "Büro"]));
    assert!(told.contains("scanner") && told.contains("write"), "{told}");
    let access_key =
        told.split_whitespace().find(|word| word.starts_with("PC") && word.len() == 20).unwrap().to_owned();
    let told = ok(&mut call(&["key", "rotate", &access_key]));
    assert!(told.contains("Büro") && told.contains("Secret key") && !told.contains(&access_key), "{told}");
    let told = refused(&mut call(&["key", "show", &access_key]));
    assert!(told.contains("no key"), "{told}");
    let told = ok(&mut call(&["key", "list", "--storage", "Büro", "--json"]));
    let listed: serde_json::Value = serde_json::from_str(&told).unwrap();
    let access_key = listed[0]["access_key"].as_str().unwrap();
    let told = ok(&mut call(&["key", "rotate", access_key, "--setup", "rclone"]));
    assert!(told.contains("secret_access_key = pcs"), "{told}");
    let id = listed[0]["id"].as_str().unwrap();
    ok(&mut call(&["key", "delete", "--yes", id]));
    let told = refused(&mut call(&["key", "rotate", id]));
    assert!(told.contains("no key"), "{told}");
}

#[test]
fn keys_for_mail_and_what_they_make_of_messages() {
    let world = World::start();
    let given = serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"});
    let bearer = world.admin("POST", "/keys", Some(&given))["bearer"].as_str().unwrap().to_owned();
    let (_, bucket) = world.storage("Files");
    let call = |words: &[&str]| {
        let mut command = world.command();
        command.env("PORTCULLIS_API_KEY", &bearer).args(words);
        command
    };
    let make = [
        "key",
        "create",
        "--storage",
        &bucket,
        "--name",
        "Scans",
        "--channel",
        "email",
        "--permission",
        "write",
    ];
    let more = [
        "--mail-folder",
        "subject",
        "--keep",
        "text,message",
        "--max-message",
        "25M",
        "--user-name",
        "scans",
    ];
    let told = ok(&mut call(&[&make[..], &more].concat()));
    let rules =
        "folder by subject; keeps attachments and text, message; 600 messages an hour, at most 25.0 MiB each";
    assert!(told.contains(rules) && told.contains("scans") && told.contains("pcs"), "{told}");
    let told = ok(&mut call(&[
        "key",
        "update",
        "scans",
        "--keep",
        "nothing",
        "--max-message",
        "none",
        "--per-hour",
        "5",
    ]));
    assert!(told.contains("folder by subject; keeps attachments; 5 messages an hour\n"), "{told}");
    assert!(ok(&mut call(&["key", "show", "scans"])).contains("5 messages an hour"));
    let told = refused(&mut call(&["key", "update", "scans", "--keep", "pictures"]));
    assert!(told.contains("mail.keep") && told.contains("html"), "{told}");
    let told = ok(&mut call(&[
        "key",
        "create",
        "--storage",
        &bucket,
        "--name",
        "Orders",
        "--channel",
        "web-service",
    ]));
    assert!(told.contains("/soap") && !told.contains("Messages"), "{told}");
    let told = refused(&mut call(&["key", "update", "Orders", "--per-hour", "5"]));
    assert!(told.contains("mail"), "{told}");
}

#[test]
fn wrong_input_is_explained() {
    let world = World::start();
    let key = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    let bearer = key["bearer"].as_str().unwrap().to_owned();
    let (_, bucket) = world.storage("Files");
    for (words, expected) in [
        (vec!["key", "create", "--storage", "Nowhere", "--name", "x"], "no storage \"Nowhere\""),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--network", "300.1.2.3"], "networks"),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--expires", "yesterday"], "expires_at"),
        (
            vec!["key", "create", "--storage", &bucket, "--name", "x", "--expires", "2001-01-01T00:00:00Z"],
            "expires_at",
        ),
        (
            vec!["key", "create", "--storage", &bucket, "--name", "x", "--permission", "readonly"],
            "permission",
        ),
        (vec!["key", "create", "--storage", &bucket, "--name", "x", "--channel", "gopher"], "channel"),
        (vec!["storage", "create", "--name", "  "], "name"),
        (vec!["storage", "create", "--name", "x", "--label", "Not DNS"], "label"),
        (vec!["storage", "create", "--name", "x", "--quota", "lots"], "not a size"),
    ] {
        let told = refused(world.command().env("PORTCULLIS_API_KEY", &bearer).args(&words));
        assert!(told.contains(expected), "{words:?}: {told}");
    }
}

/// The shells themselves read the scripts, and know the commands afterwards.
#[test]
fn completion_scripts() {
    let world = World::start();
    let dir = world.scratch("completion");
    for (shell, flags, ask) in [
        (
            "bash",
            &["--norc", "-euc"][..],
            "source ./bash; COMP_WORDS=(portcullis gr); COMP_CWORD=1; _portcullis portcullis gr portcullis; echo \"${COMPREPLY[@]}\"",
        ),
        (
            "zsh",
            &["-fc"],
            "autoload -Uz compinit; compinit -u -D; source ./zsh; print $_comps[portcullis]; whence -w _portcullis; grep -o \"'gr[a-z]*:\" zsh",
        ),
        ("fish", &["--no-config", "-c"], "source ./fish; complete -C 'portcullis gr'"),
    ] {
        std::fs::write(dir.join(shell), ok(world.command().args(["completion", shell]))).unwrap();
        let mut command = std::process::Command::new(shell);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", &dir);
        let told = ok(command.current_dir(&dir).args(flags).arg(ask));
        assert!(told.contains("group") && told.contains("grant"), "{shell}: {told}");
    }
}

#[test]
fn flags_for_clients_are_not_those_of_the_server() {
    let world = World::start();
    let told = ok(world.command().args(["serve", "--help"]));
    for flag in ["--server", "--api-key", "--json"] {
        assert!(!told.contains(flag), "{told}");
    }
    let told = ok(world.command().args(["storage", "list", "--help"]));
    assert!(told.contains("--server") && told.contains("--json"), "{told}");
}

/// A secret is read from a file, standard input or the environment; no argument for one is offered.
#[test]
fn secrets_do_not_stand_in_arguments() {
    let world = World::start();
    let dir = world.scratch("secrets");
    std::fs::write(dir.join("password"), format!("{PASSWORD}\n")).unwrap();
    std::fs::write(dir.join("own"), format!("{OWN_PASSWORD}\n")).unwrap();
    let told = ok(world.command().args(["login", "--password-file"]).arg(dir.join("password")));
    assert!(told.starts_with("Signed in to"), "{told}");
    let told = ok(world.command().args(["user", "create", "guest", "--password-file"]).arg(dir.join("own")));
    assert!(told.contains("guest"), "{told}");
    let told =
        ok(world.command().args(["login", "--username", "guest", "--password-file"]).arg(dir.join("own")));
    assert!(told.contains("as guest"), "{told}");
    let told = ok(world.command().args(["me"]));
    assert!(told.contains("guest") && told.contains("member"), "{told}");
    let key = world.admin(
        "POST",
        "/keys",
        Some(&serde_json::json!({"name": "cli", "channel": "rest", "scope": "site", "permission": "full"})),
    );
    std::fs::write(dir.join("key"), key["bearer"].as_str().unwrap()).unwrap();
    let told = ok(world.command().args(["user", "list", "--api-key-file"]).arg(dir.join("key")));
    assert!(told.contains("guest"), "{told}");
    // For scripts that have it so: flags of the connection first, and a key that the list of processes shows.
    let bearer = key["bearer"].as_str().unwrap();
    let told = ok(world.command().args(["--json", "--api-key", bearer, "user", "list"]));
    assert!(told.contains("\"guest\""), "{told}");
    let mut help = vec![vec![]];
    while let Some(words) = help.pop() {
        let told = ok(world.command().args(&words).arg("--help"));
        for flag in told.split_whitespace().filter(|word| word.starts_with("--")) {
            let known =
                ["--password", "--password-stdin", "--password-file", "--secret-file", "--api-key-file"];
            // How long they are kept is no secret.
            if flag == "--retired-secret-days" {
                continue;
            }
            let secret = ["password", "secret", "token", "api-key"].iter().any(|word| flag.contains(word));
            assert!(!secret || known.contains(&flag) || flag == "--admin-password-file", "{words:?}: {flag}");
        }
        // `--password` of a link is a switch: what follows it in the help is no value.
        assert!(!told.contains("--password <"), "{told}");
        if words.len() < 2 {
            let commands = told.split("Commands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap();
            for command in commands.lines().filter_map(|line| line.split_whitespace().next()) {
                if command != "help" {
                    help.push([words.clone(), vec![command.to_owned()]].concat());
                }
            }
        }
    }
}
