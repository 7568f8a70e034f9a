//! Mounted folders: s3fs for a whole storage, rclone for a part of one.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::setups::bench::{Bench, Keys, PREFIXES, keys};
use crate::world::{World, ok, refused, run};

/// Takes the mount of a bench away with the test.
struct Mounted(Bench);

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(run(Command::new("fusermount").arg("-uz").arg(self.0.work.join("mounted"))));
    }
}

fn mount(bench: Bench, text: &str, rclone: Option<&str>) -> Mounted {
    if let Some(rclone) = rclone {
        let config = bench.home.join(".config/rclone");
        fs::create_dir_all(&config).unwrap();
        // Made private by the set-up of rclone, whose commands are not run here.
        let file = config.join("rclone.conf");
        fs::write(&file, rclone).unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    }
    let bench = Mounted(bench);
    ok(&mut bench.0.perform(text));
    bench
}

/// Whether the folder shows what is in the storage. A folder that was not mounted, or no longer is, is empty.
fn shows(bench: &Mounted, name: &str) -> Option<String> {
    bench.0.read(&format!("mounted/{name}"))
}

/// With `rclone`, the set-up needs that of rclone to be in place.
fn mounts(world: &World, keys: &Keys, rclone: bool, bench: impl Fn() -> Bench) {
    let place = |text: &str| rclone.then(|| text.to_owned());
    if !Path::new("/dev/fuse").exists() {
        // Without FUSE nothing can be mounted; the test command says so. That it is the mount which fails can still be seen.
        refused(&mut bench().perform(keys.both.text("s3fs")));
        return;
    }
    let mount = |text: &str, config: &str| mount(bench(), text, place(config).as_deref());

    let both = mount(keys.both.text("s3fs"), keys.both.text("rclone"));
    both.0.assert_private(&keys.both.secret);
    let folder = both.0.work.join("mounted");
    fs::create_dir(folder.join("dir")).unwrap();
    fs::write(folder.join("dir/file.txt"), "by read_write").unwrap();
    fs::write(folder.join("gone.txt"), "by read_write").unwrap();
    assert_eq!(shows(&both, "dir/file.txt").as_deref(), Some("by read_write"));
    // A mounted folder may send a file some seconds after it was closed.
    let end = Instant::now() + Duration::from_secs(60);
    while keys.stored(world, "dir/file.txt").is_none() || keys.stored(world, "gone.txt").is_none() {
        assert!(Instant::now() < end, "what was written into the folder was not sent");
        thread::sleep(Duration::from_millis(50));
    }
    fs::remove_file(folder.join("gone.txt")).unwrap();
    assert_eq!(keys.stored(world, "gone.txt"), None);
    drop(both);

    let read = mount(keys.read.text("s3fs"), keys.read.text("rclone"));
    assert_eq!(shows(&read, "dir/file.txt").as_deref(), Some("by read_write"));
    let refusal = fs::write(read.0.work.join("mounted/new.txt"), "by read").unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::ReadOnlyFilesystem);
    drop(read);

    // The folder that a reader mounts for writing is refused by the gate, not by the flag.
    let config = keys.read.instead_of(&keys.both, keys.both.text("rclone"));
    let text = if rclone {
        keys.both.text("s3fs").to_owned()
    } else {
        keys.read.instead_of(&keys.both, keys.both.text("s3fs"))
    };
    let attempt = mount(&text, &config);
    assert_eq!(shows(&attempt, "dir/file.txt").as_deref(), Some("by read_write"));
    fs::remove_file(attempt.0.work.join("mounted/dir/file.txt")).unwrap_err();
    drop(attempt);
    assert_eq!(keys.stored(world, "dir/file.txt").as_deref(), Some("by read_write"));

    assert!(keys.write.text("s3fs").contains("needs a key with read"));
    let config = keys.write.instead_of(&keys.read, keys.read.text("rclone"));
    let text = if rclone {
        keys.read.text("s3fs").to_owned()
    } else {
        keys.write.instead_of(&keys.read, keys.read.text("s3fs"))
    };
    assert_eq!(shows(&mount(&text, &config), "dir/file.txt"), None);
}

#[test]
fn s3fs_with_a_whole_storage() {
    let world = World::start();
    let (storage, _) = world.storage("Mounted");
    mounts(&world, &keys(&world, &storage, PREFIXES[0]), false, || Bench::new(&world, "mounts"));
}

#[test]
fn rclone_of_today_with_a_part_of_a_storage() {
    let world = World::start();
    let (storage, _) = world.storage("Mounted");
    mounts(&world, &keys(&world, &storage, PREFIXES[1]), true, || Bench::new(&world, "mounts"));
}

#[test]
fn rclone_of_debian_with_a_part_of_a_storage() {
    let world = World::start();
    let (storage, _) = world.storage("Mounted");
    let bench = || Bench::new(&world, "mounts").with_debians("rclone");
    mounts(&world, &keys(&world, &storage, PREFIXES[1]), true, bench);
}
