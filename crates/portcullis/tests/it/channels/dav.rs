//! WebDAV: litmus, cadaver, and davfs2 where the machine allows mounts.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::rig::{self, Secure, bare, curl, dav, file, mounts};
use crate::world::{Access, World, ok, run};

#[test]
fn litmus_has_no_complaint() {
    let world = World::start();
    let (storage, _) = world.storage("Litmus");
    let key = rig::key(&world, &storage, "http", "read_write");
    let home = world.scratch("litmus");
    let told = run(bare(&world, "litmus").current_dir(&home).args([
        "-k",
        &dav(&world, ""),
        &key.access_key,
        &key.secret,
    ]));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{text}");
    let summaries: Vec<_> = text.lines().filter(|line| line.contains("<- summary for")).collect();
    assert_eq!(summaries.len(), 5, "{text}");
    assert!(summaries.iter().all(|line| line.contains(" 0 failed")), "{}", summaries.join("\n"));
    assert!(!text.contains("SKIPPED"), "{text}");
    let key = rig::key(&world, &storage, "http", "read");
    let told =
        run(bare(&world, "litmus").current_dir(&home).args([&dav(&world, ""), &key.access_key, &key.secret]));
    assert!(!told.status.success(), "a key that may only read passed as one that may write");
}

/// cadaver with this key and these words; it tells everything on its standard output and ends well whatever happens.
fn cadaver(world: &World, key: &Access, script: &str) -> String {
    let home = world.scratch(&format!("cadaver-{}", key.access_key));
    let host = world.web.split_once("://").unwrap().1.rsplit_once(':').unwrap().0;
    let netrc = home.join(".netrc");
    fs::write(&netrc, format!("machine {host}\nlogin {}\npassword {}\n", key.access_key, key.secret))
        .unwrap();
    fs::set_permissions(&netrc, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let rc = home.join("script");
    fs::write(&rc, format!("{script}\nquit\n")).unwrap();
    let out = bare(world, "cadaver")
        .env("HOME", &home)
        .arg(dav(world, ""))
        .stdin(fs::File::open(rc).unwrap())
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

#[test]
fn cadaver_does_what_people_do() {
    let world = World::start();
    let (storage, _) = world.storage("Cadaver");
    let [both, reader, writer] = rig::three(&world, &storage, "http");
    let s3 = world.key(&storage, "read");
    let large = file(&world, "large.bin", 9 << 20);
    let back = world.scratch("back").join("large.bin");
    let (up, down) = (large.display(), back.display());
    let told = cadaver(
        &world,
        &both,
        &format!(
            "mkcol in\ncd in\nput {up} large.bin\ncopy large.bin copy.bin\nmove copy.bin moved.bin\nls\nget large.bin {down}\n\
             lock large.bin\ndiscover large.bin\nsteal large.bin\nunlock large.bin\nmkcol empty\nrmcol empty\ndelete moved.bin"
        ),
    );
    assert!(!told.contains("failed"), "{told}");
    assert!(fs::read(&large).unwrap() == fs::read(&back).unwrap());
    let there = rig::stored(&world, &s3);
    assert_eq!(there.last(), Some(&("in/large.bin".to_owned(), 9 << 20)), "{there:?}");
    let told = cadaver(&world, &reader, &format!("ls in\ndelete in/large.bin\nmkcol no\nput {up} no.bin"));
    assert_eq!(told.matches("failed").count(), 3, "{told}");
    assert!(told.contains("large.bin"), "{told}");
    let told = cadaver(&world, &writer, &format!("put {up} dropped.bin\nget in/large.bin /dev/null\nls in"));
    assert!(told.contains("succeeded") && told.contains("failed"), "{told}");
    assert_eq!(rig::stored(&world, &s3).len(), there.len() + 1);
}

#[test]
fn davfs2_mounts() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Mounted");
    let key = rig::key(world, &storage, "http", "read_write");
    let s3 = world.key(&storage, "read");
    if !mounts("davfs2") {
        ok(curl(world, &key).args(["--request", "MKCOL"]).arg(dav(world, "dir/")));
        return;
    }
    let mounted = rig::davfs2(world, &key);
    let at = mounted.at.clone();
    let large = fs::read(file(world, "large.bin", 10 << 20)).unwrap();
    fs::create_dir(at.join("dir")).unwrap();
    fs::write(at.join("dir/hello.txt"), b"hello").unwrap();
    fs::write(at.join("large.bin"), &large).unwrap();
    assert_eq!(fs::read(at.join("dir/hello.txt")).unwrap(), b"hello");
    fs::rename(at.join("dir/hello.txt"), at.join("dir/renamed.txt")).unwrap();
    fs::write(at.join("dir/gone.txt"), b"gone").unwrap();
    fs::remove_file(at.join("dir/gone.txt")).unwrap();
    let space = ok(Command::new("df").arg("--output=size").arg(&at));
    assert!(space.lines().count() == 2, "{space}");
    // Unmounting waits for what is still to be sent.
    drop(mounted);
    let there: Vec<_> =
        rig::stored(world, &s3).into_iter().filter(|(name, _)| !name.ends_with('/')).collect();
    assert_eq!(there, [("dir/renamed.txt".to_owned(), 5), ("large.bin".to_owned(), 10 << 20)]);
    let reader = rig::key_with(world, &storage, "http", "read", &json!({}));
    let told = ok(curl(world, &reader).arg(dav(world, "dir/renamed.txt")));
    assert_eq!(told, "hello");
}
