//! What no program here can open: the form of bookmarks, and what is said where a tool cannot be used.

use std::fs;

use serde_json::Value;

use crate::setups::bench::{Bench, PREFIXES, keys};
use crate::world::{World, ok};

#[test]
fn cyberducks_file_is_a_property_list_without_the_secret() {
    let world = World::start();
    let (storage, bucket) = world.storage("Duck");
    for prefix in PREFIXES {
        let keys = keys(&world, &storage, prefix);
        let bench = Bench::new(&world, "duck");
        let text = keys.both.text("cyberduck");
        assert!(!text.contains(&keys.both.secret));
        fs::write(bench.work.join("file"), text).unwrap();
        let print = "import json, plistlib; print(json.dumps(plistlib.load(open('file', 'rb'))))";
        let told: Value = serde_json::from_str(&ok(bench.command("python3").args(["-c", print]))).unwrap();
        let (host, port) = world.s3_host().split_once(':').unwrap();
        // The server of the test has no TLS, so this is a profile.
        assert_eq!(told["Protocol"], "s3");
        assert_eq!(told["Scheme"], "http");
        assert_eq!(told["Default Hostname"], host);
        assert_eq!(told["Default Port"], port);
        assert_eq!(told["Default Path"], format!("/{bucket}/{prefix}"));
        assert_eq!(told["Username Placeholder"], keys.both.access_key.as_str());
        assert!(keys.write.text("cyberduck").contains("it needs a key with read or read_write"));
    }
}

#[test]
fn filezilla_is_not_promised_what_it_cannot_do() {
    let world = World::start();
    let (storage, _) = world.storage("Zilla");
    let keys = keys(&world, &storage, "");
    assert!(keys.both.text("filezilla").contains("TLS only"));
    assert!(keys.write.text("filezilla").contains("it needs a key with read or read_write"));
}
