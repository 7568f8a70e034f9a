//! lftp over both kinds of TLS, in the clear, and over SFTP with OpenSSH below it.

use std::fs;
use std::process::Command;

use super::rig::{self, Secure, file, lftp};
use crate::world::{World, ok, plant, refused};

/// Names of [`plant`] that lftp's own mirror writes as they are.
fn tree(world: &World) -> std::path::PathBuf {
    let tree = world.scratch("tree");
    plant(&tree);
    tree
}

#[test]
fn mirrors_both_ways_over_tls() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Lftp");
    let [both, reader, writer] = rig::three(world, &storage, "ftp");
    let s3 = world.key(&storage, "read");
    let tree = tree(world);
    let doors = [
        format!("ftp://{}", world.ftp.as_deref().unwrap()),
        format!("ftps://{}", world.ftps.as_deref().unwrap()),
    ];
    for (number, door) in doors.iter().enumerate() {
        let up = format!("mirror --reverse --parallel=3 --no-perms {} tree-{number}", tree.display());
        ok(&mut lftp(world, &both, door, &up));
        let back = world.scratch("back").join(number.to_string());
        ok(&mut lftp(world, &reader, door, &format!("mirror --parallel=3 tree-{number} {}", back.display())));
        ok(Command::new("diff").arg("-r").arg(&tree).arg(&back));
        // Nothing is sent again: sizes and times are the same.
        let again = ok(&mut lftp(world, &both, door, &format!("{up} --verbose")));
        assert!(!again.contains("Transferring"), "{again}");
    }
    assert_eq!(rig::stored(world, &s3).iter().filter(|(name, _)| !name.ends_with('/')).count(), 2 * 128);
    let door = &doors[0];
    let deeds = "mkdir -p a/b/c\nmv tree-0/plain.txt a/b/moved.txt\nmv a other\ncls -1 other/b\nrm -r tree-1\nrmdir other/b/c\nrm other/b/moved.txt\n";
    assert_eq!(ok(&mut lftp(world, &both, door, deeds)), "other/b/c/\nother/b/moved.txt\n");
    assert!(
        rig::stored(world, &s3).iter().all(|(name, _)| name.starts_with("tree-0/") || name.ends_with('/'))
    );
    for deed in
        ["mkdir no", "rm -r tree-0", "mv tree-0 no", &format!("put {} -o no", tree.join("empty").display())]
    {
        refused(&mut lftp(world, &reader, door, deed));
    }
    ok(&mut lftp(world, &writer, door, &format!("put {} -o dropped", tree.join("plain.txt").display())));
    assert_eq!(ok(&mut lftp(world, &writer, door, "cls -1\ncls -1 tree-0")), "");
    for deed in ["get tree-0/empty", "rm tree-0/empty", "get nothing"] {
        refused(lftp(world, &writer, door, deed).current_dir(world.scratch("no")));
    }
}

#[test]
fn goes_on_where_it_broke_off() {
    let secure = Secure::start();
    let world = &secure.world;
    let (storage, _) = world.storage("Lftp");
    let key = rig::key(world, &storage, "ftp", "read_write");
    let door = format!("ftps://{}", world.ftps.as_deref().unwrap());
    let whole = file(world, "whole.bin", 30 << 20);
    let bytes = fs::read(&whole).unwrap();
    let begun = file(world, "begun.bin", 0);
    fs::write(&begun, &bytes[..11 << 20]).unwrap();
    let words = format!("put {} -o file.bin\nreput {} -o file.bin", begun.display(), whole.display());
    ok(&mut lftp(world, &key, &door, &words));
    let back = world.scratch("back").join("whole.bin");
    fs::write(&back, &bytes[..7 << 20]).unwrap();
    ok(&mut lftp(world, &key, &door, &format!("get -c file.bin -o {}", back.display())));
    assert!(fs::read(&back).unwrap() == bytes, "what was gone on with is another file");
}

#[test]
fn plain_ftp_only_where_it_is_allowed() {
    let world = rig::plain();
    let (storage, _) = world.storage("Lftp");
    let key = rig::key(&world, &storage, "ftp", "read_write");
    let door = format!("ftp://{}", world.ftp.as_deref().unwrap());
    let small = file(&world, "small", 1000);
    let back = world.scratch("back").join("small");
    let words = format!("put {} -o deep/small\n", small.display());
    ok(&mut lftp(&world, &key, &door, &format!("mkdir deep\n{words}get deep/small -o {}", back.display())));
    assert_eq!(fs::read(&small).unwrap(), fs::read(&back).unwrap());
    let secure = Secure::start();
    let (storage, _) = secure.world.storage("Lftp");
    let key = rig::key(&secure.world, &storage, "ftp", "read_write");
    let door = format!("ftp://{}", secure.world.ftp.as_deref().unwrap());
    let told =
        refused(&mut lftp(&secure.world, &key, &door, "set ftp:ssl-allow no\nset ftp:ssl-force no\ncls"));
    assert!(told.to_lowercase().contains("tls") || told.contains("530") || told.contains("421"), "{told}");
}
