//! curl on plain HTTP, FTP with explicit and implicit TLS, and SFTP as far as its build speaks it.

use std::fs;

use super::rig::{self, Secure, curl, file, http};
use crate::world::{Access, World, ok, refused, run};

/// curl's exit codes: access denied at login, login, an HTTP answer of 400 and above.
const DENIED: [i32; 4] = [9, 22, 67, 78];

#[test]
fn files_over_http() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Curl");
    let [both, reader, writer] = rig::three(world, &storage, "http");
    let local = file(world, "large.bin", 20 << 20);
    let back = world.scratch("back").join("large.bin");
    let url = http(world, &both, "in/large%20file.bin");
    ok(curl(world, &both).arg("--upload-file").arg(&local).arg(&url));
    ok(curl(world, &reader).arg("--output").arg(&back).arg(&url));
    assert_eq!(fs::read(&local).unwrap(), fs::read(&back).unwrap());
    // A download that broke off goes on.
    fs::write(&back, &fs::read(&local).unwrap()[..5 << 20]).unwrap();
    ok(curl(world, &reader).args(["--continue-at", "-"]).arg("--output").arg(&back).arg(&url));
    assert_eq!(fs::read(&local).unwrap(), fs::read(&back).unwrap());
    let listed = ok(curl(world, &reader).arg(http(world, &reader, "in/")));
    assert!(listed.contains("large file.bin"), "{listed}");
    let page =
        ok(curl(world, &reader).args(["--header", "Accept: text/html"]).arg(http(world, &reader, "in/")));
    assert!(page.contains("<a ") && page.contains("large%20file.bin"), "{page}");
    // Only if there is nothing yet.
    let once = ["--header", "If-None-Match: *", "--upload-file"];
    let status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
    let told = refused(curl(world, &both).args(status).args(once).arg(&local).arg(&url));
    assert!(told.contains("412"), "{told}");
    // A token instead of name and secret.
    let token = format!("header = \"Authorization: Bearer {}.{}\"\n", reader.access_key, reader.secret);
    let config = rig::private(world, "bearer", &token);
    let mut bearer = rig::bare(world, "curl");
    bearer
        .args(["--silent", "--fail", "--config"])
        .arg(config)
        .arg("--cacert")
        .arg(secure.files.certificate());
    assert_eq!(ok(bearer.args(["--range", "0-99"]).arg(&url)).len().min(1), 1);
    beyond(world, [&both, &reader, &writer], &url);
}

fn beyond(world: &World, [both, reader, writer]: [&Access; 3], url: &str) {
    let small = file(world, "small", 10);
    let code = |key: &Access, words: &[&str], url: &str| {
        let out = run(curl(world, key)
            .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
            .args(words)
            .arg(url));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let put = ["--upload-file", small.to_str().unwrap()];
    assert_eq!(code(reader, &put, &http(world, reader, "no")), "403");
    assert_eq!(code(reader, &["--request", "DELETE"], url), "403");
    assert_eq!(code(writer, &put, &http(world, writer, "dropped")), "201");
    // Who may only write is told the same of what is there and what is not.
    for name in ["dropped", "nothing", "in/large%20file.bin"] {
        assert_eq!(code(writer, &[], &http(world, writer, name)), "403", "{name}");
        assert_eq!(code(writer, &["--request", "DELETE"], &http(world, writer, name)), "403", "{name}");
    }
    assert_eq!(code(both, &["--request", "DELETE"], url), "204");
    assert_eq!(code(both, &[], url), "404");
}

#[test]
fn ftp_with_both_kinds_of_tls() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Curl");
    let [both, reader, writer] = rig::three(world, &storage, "ftp");
    let local = file(world, "large.bin", 20 << 20);
    let explicit = format!("ftp://{}", world.ftp.as_deref().unwrap());
    let implicit = format!("ftps://{}", world.ftps.as_deref().unwrap());
    for (door, name) in [(&explicit, "one.bin"), (&implicit, "two.bin")] {
        let url = format!("{door}/made/for/it/{name}");
        let up = ["--ssl-reqd", "--ftp-create-dirs", "--upload-file"];
        ok(curl(world, &both).args(up).arg(&local).arg(&url));
        let back = world.scratch("back").join(name);
        ok(curl(world, &reader).arg("--ssl-reqd").arg("--output").arg(&back).arg(&url));
        assert_eq!(fs::read(&local).unwrap(), fs::read(&back).unwrap());
        // Both directions go on where they broke off; PASV does as well as EPSV.
        fs::write(&back, &fs::read(&local).unwrap()[..3 << 20]).unwrap();
        let on = ["--ssl-reqd", "--disable-epsv", "--continue-at", "-"];
        ok(curl(world, &reader).args(on).arg("--output").arg(&back).arg(&url));
        assert_eq!(fs::read(&local).unwrap(), fs::read(&back).unwrap());
        let listed =
            ok(curl(world, &reader).args(["--ssl-reqd", "--list-only"]).arg(format!("{door}/made/for/it/")));
        assert!(listed.lines().any(|line| line == name), "{listed}");
        ok(curl(world, &both)
            .args([
                "--ssl-reqd",
                "--quote",
                &format!("RNFR made/for/it/{name}"),
                "--quote",
                &format!("RNTO moved-{name}"),
            ])
            .arg(format!("{door}/")));
    }
    let refusals = |key: &Access, words: &[&str], url: &str| {
        let output = run(curl(world, key).arg("--ssl-reqd").args(words).arg(url));
        assert!(!output.status.success(), "{words:?} {url} was not refused");
        output.status.code().unwrap()
    };
    let put = ["--upload-file", local.to_str().unwrap()];
    // 25: an upload was refused, or 13 if that came before the data connection was in TLS; 21: a command was.
    assert!([13, 25].contains(&refusals(&reader, &put, &format!("{explicit}/no"))));
    assert_eq!(refusals(&reader, &["--quote", "DELE moved-one.bin"], &format!("{explicit}/")), 21);
    ok(curl(world, &writer).arg("--ssl-reqd").args(put).arg(format!("{explicit}/dropped")));
    // The same, whether it is there or not.
    let told =
        ["moved-one.bin", "never-was"].map(|name| refusals(&writer, &[], &format!("{explicit}/{name}")));
    assert_eq!(told[0], told[1]);
    assert_eq!(ok(curl(world, &writer).args(["--ssl-reqd", "--list-only"]).arg(format!("{explicit}/"))), "");
    // Without TLS no name and no secret is taken; 67 and 9 are curl's words for a login that was refused.
    let plain = run(curl(world, &both).arg(format!("{explicit}/")));
    assert!(DENIED.contains(&plain.status.code().unwrap()), "{plain:?}");
}

#[test]
fn sftp_if_its_build_speaks_it() {
    let world = rig::plain();
    let (storage, _) = world.storage("Curl");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    let protocols = ok(rig::bare(&world, "curl").arg("--version"));
    if !protocols.contains(" sftp") {
        println!("curl: this build does not speak SFTP; OpenSSH, rclone and lftp do");
        return;
    }
    let local = file(&world, "large.bin", 10 << 20);
    let url = format!("sftp://{}/~/made/large.bin", world.sftp.as_deref().unwrap());
    // The host's key is looked at by the tests with OpenSSH.
    ok(curl(&world, &key).args(["--insecure", "--ftp-create-dirs", "--upload-file"]).arg(&local).arg(&url));
    let back = world.scratch("back").join("large.bin");
    ok(curl(&world, &key).arg("--insecure").arg("--output").arg(&back).arg(&url));
    assert_eq!(fs::read(&local).unwrap(), fs::read(&back).unwrap());
    let wrong = Access { secret: "x".repeat(40), ..key };
    let told = run(curl(&world, &wrong).arg("--insecure").arg(&url));
    assert_eq!(told.status.code(), Some(67), "{told:?}");
}
