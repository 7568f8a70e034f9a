//! The SDKs: each program is run as it is shown.

use std::fs;
use std::path::{Path, PathBuf};

use crate::setups::bench::{Bench, PREFIXES, keys};
use crate::setups::circle::Circle;
use crate::world::{World, run};

const FETCHES: &[&str] = &["downloaded.txt"];
const SENDS: &[&str] = &["file.txt"];

#[test]
fn boto3() {
    let bench = |world: &World| Bench::new(world, "bench");
    Circle { tool: "boto3", sends: SENDS, fetches: FETCHES, any_prefix: true, bench, adapt: str::to_owned }
        .go();
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools").canonicalize().unwrap()
}

#[test]
fn javascript() {
    let bench = |world: &World| {
        let bench = Bench::new(world, "bench");
        std::os::unix::fs::symlink(target().join("npm/node_modules"), bench.work.join("node_modules"))
            .unwrap();
        bench
    };
    Circle {
        tool: "javascript",
        sends: SENDS,
        fetches: FETCHES,
        any_prefix: true,
        bench,
        adapt: str::to_owned,
    }
    .go();
}

/// Debian's SDK for Go is of a time when the address of a server was given in another field; but for this one line the
/// program is run as it is shown.
#[test]
fn go() {
    let bench = |world: &World| {
        let bench = Bench::new(world, "bench");
        // Where this Go finds the SDK, and where it keeps what it compiled.
        let settings = format!(
            "GO111MODULE=off\nGOPATH=/usr/share/gocode\nGOCACHE={}\n",
            target().join("go-cache").display()
        );
        fs::create_dir_all(bench.home.join(".config/go")).unwrap();
        fs::write(bench.home.join(".config/go/env"), settings).unwrap();
        bench
    };
    let adapt = |text: &str| {
        let line = text.lines().find(|line| line.contains("BaseEndpoint:")).unwrap();
        let old = line.replace("BaseEndpoint: aws.String(", "EndpointResolver: s3.EndpointResolverFromURL(");
        text.replace(line, &old)
    };
    Circle { tool: "go", sends: SENDS, fetches: FETCHES, any_prefix: true, bench, adapt }.go();
}

/// The SDK for Java cannot be had from Debian, PyPI or npm. What is seen without it: a compiler reads the program, and
/// misses nothing but the SDK.
#[test]
fn java_is_well_formed() {
    let world = World::start();
    let (storage, _) = world.storage("Java");
    for prefix in PREFIXES {
        let keys = keys(&world, &storage, prefix);
        for key in [&keys.both, &keys.read, &keys.write] {
            let bench = Bench::new(&world, "java");
            fs::write(bench.work.join("Portcullis.java"), key.text("java")).unwrap();
            let compiled = run(bench.command("javac").args(["-Xmaxerrs", "100", "Portcullis.java"]));
            let told = String::from_utf8_lossy(&compiled.stderr).into_owned();
            let faults: Vec<_> = told.lines().filter(|line| line.contains(": error: ")).collect();
            assert!(!compiled.status.success() && !faults.is_empty(), "{told}");
            for fault in faults {
                let missing =
                    fault.contains("package software.amazon.awssdk") || fault.contains("cannot find symbol");
                assert!(missing, "{fault}\n{}", key.text("java"));
            }
            // A program with a fault in its form is told from one that misses a library.
            let broken = key.text("java").replacen(".build())", ".build()", 1);
            fs::write(bench.work.join("Portcullis.java"), broken).unwrap();
            let told = run(bench.command("javac").arg("Portcullis.java"));
            assert!(String::from_utf8_lossy(&told.stderr).contains("expected"), "javac reads the form");
        }
    }
}
