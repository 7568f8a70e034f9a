//! Tools that keep something of their own in the storage: restic its repository, Terraform its state.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::clients::tools;
use crate::setups::bench::{Bench, Keys, PREFIXES, assert_denied, keys};
use crate::world::{World, ok, refused};

fn through_the_prefixes(check: impl Fn(&World, &Keys)) {
    let world = World::start();
    let (storage, _) = world.storage("Repositories");
    for prefix in PREFIXES {
        check(&world, &keys(&world, &storage, prefix));
    }
}

#[test]
fn restic() {
    through_the_prefixes(|world, keys| {
        let perform = |bench: &Bench, text: &str| {
            let mut command = bench.perform(text);
            // It asks for this at the terminal.
            command.env("RESTIC_PASSWORD", "a password of this test");
            command
        };
        let source = Bench::new(world, "restic").planted("by read_write");
        ok(&mut perform(&source, keys.both.text("restic")));

        let bench = Bench::new(world, "restic");
        let told = ok(&mut perform(&bench, keys.read.text("restic")));
        assert!(told.contains("1 snapshots"), "{told}");
        let restored = bench.read("restored/folder/a.txt");
        assert_eq!(restored.as_deref(), Some("by read_write: folder/a.txt"));

        // What is refused is the backup: `init` alone would already fail, since there is a repository. Once is enough:
        // restic tries again for most of a minute, and no setting stops it.
        if keys.prefix.is_empty() {
            let backup = keys.both.text("restic").replace("restic init\n", "");
            let bench = Bench::new(world, "restic").planted("by read");
            let backup = keys.read.instead_of(&keys.both, &backup);
            assert_denied(&refused(&mut perform(&bench, &backup)));
        }
        let bench = Bench::new(world, "restic");
        let told =
            refused(&mut perform(&bench, &keys.write.instead_of(&keys.read, keys.read.text("restic"))));
        assert_denied(&told);
        assert!(keys.write.text("restic").contains("it needs a key with read_write"));
        let told = ok(&mut perform(&Bench::new(world, "restic"), keys.read.text("restic")));
        assert!(told.contains("1 snapshots"), "{told}");
    });
}

/// Terraform, from the library that PyPI has of it, as a program of its own name.
fn terraform(world: &World) -> Bench {
    let dir = world.scratch("terraform-program");
    let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/terraform.py");
    let program = dir.join("terraform");
    let script =
        format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", tools().join("python").display(), shim.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    Bench::new(world, "terraform").with(&dir)
}

fn with_input(bench: Bench, input: &str) -> Bench {
    let resource = format!("resource \"terraform_data\" \"one\" {{\n  input = \"{input}\"\n}}\n");
    fs::write(bench.work.join("main.tf"), resource).unwrap();
    bench
}

fn without_questions(mut command: Command) -> Command {
    command.env("TF_INPUT", "0").env("TF_CLI_ARGS_apply", "-auto-approve").env("CHECKPOINT_DISABLE", "1");
    command
}

#[test]
fn terraform_keeps_its_state() {
    through_the_prefixes(|world, keys| {
        let perform = |bench: &Bench, text: &str| without_questions(bench.perform(text));
        let state = || keys.stored(world, "terraform.tfstate").unwrap();
        let bench = with_input(terraform(world), "by read_write");
        ok(&mut perform(&bench, keys.both.text("terraform")));
        bench.assert_private(&keys.both.secret);
        assert!(state().contains("by read_write"));
        assert_eq!(keys.stored(world, "terraform.tfstate.tflock"), None, "the lock is given back");
        // Another workspace has its place inside the prefix too.
        ok(bench.command("terraform").args(["workspace", "new", "other"]));
        assert!(ok(bench.command("terraform").args(["workspace", "list"])).contains("other"));

        let bench = with_input(terraform(world), "by read_write");
        let told = ok(&mut perform(&bench, keys.read.text("terraform")));
        assert!(told.contains("No changes"), "{told}");

        let bench = with_input(terraform(world), "by read");
        let text = keys.read.instead_of(&keys.both, keys.both.text("terraform"));
        assert_denied(&refused(&mut perform(&bench, &text)));
        let bench = with_input(terraform(world), "by read_write");
        let text = keys.write.instead_of(&keys.read, keys.read.text("terraform"));
        assert_denied(&refused(&mut perform(&bench, &text)));
        assert!(state().contains("by read_write"));
        assert!(keys.write.text("terraform").contains("it needs a key with read_write"));
    });
}
