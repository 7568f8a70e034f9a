//! The tools that send and fetch files.

use crate::setups::bench::{Bench, Keys, NO_PATH, PREFIXES, Shown, assert_denied, keys};
use crate::world::{World, ok, refused};

/// What is particular of one tool.
pub(super) struct Circle {
    pub(super) tool: &'static str,
    /// What stands below the prefix after the set-ups for read_write and for write.
    pub(super) sends: &'static [&'static str],
    /// The files that the set-up for read leaves in the working directory.
    pub(super) fetches: &'static [&'static str],
    /// Whether it sends a prefix with `//` and `..` as it is.
    pub(super) any_prefix: bool,
    /// Makes a bench on which the tool is there.
    pub(super) bench: fn(&World) -> Bench,
    /// Changes a text before it is done; most are done as they are.
    pub(super) adapt: fn(&str) -> String,
}

impl Circle {
    /// Through all keys, with and without a prefix.
    pub(super) fn go(&self) {
        let world = World::start();
        let (storage, _) = world.storage("Set-ups");
        let whole = keys(&world, &storage, PREFIXES[0]);
        self.with(&world, &whole);
        let part = keys(&world, &storage, PREFIXES[1]);
        self.with(&world, &part);

        let odd = keys(&world, &storage, NO_PATH);
        if self.any_prefix {
            self.with(&world, &odd);
        } else {
            assert!(odd.both.text(self.tool).contains("would change"), "{}", odd.both.text(self.tool));
        }

        // Outside its prefix even a key for reading and writing does nothing.
        let text = part.both.instead_of(&whole.both, whole.both.text(self.tool));
        assert_denied(&refused(&mut self.perform(&world, &text, Some("by nobody")).1));
        self.assert_stored(&world, &whole, "by write");
    }

    fn with(&self, world: &World, keys: &Keys) {
        let (bench, mut command) = self.perform(world, keys.both.text(self.tool), Some("by read_write"));
        ok(&mut command);
        bench.assert_private(&keys.both.secret);
        self.assert_stored(world, keys, "by read_write");

        let (bench, mut command) = self.perform(world, keys.read.text(self.tool), None);
        ok(&mut command);
        self.assert_fetched(&bench, Some("by read_write"));

        let (_, mut command) = self.perform(world, keys.write.text(self.tool), Some("by write"));
        ok(&mut command);
        self.assert_stored(world, keys, "by write");

        let attempt = |key: &Shown, other: &Shown, content| {
            let text = key.instead_of(other, other.text(self.tool));
            let (bench, mut command) = self.perform(world, &text, content);
            assert_denied(&refused(&mut command));
            bench
        };
        attempt(&keys.read, &keys.both, Some("by read"));
        self.assert_stored(world, keys, "by write");
        let bench = attempt(&keys.write, &keys.read, None);
        self.assert_fetched(&bench, None);
    }

    fn perform(&self, world: &World, text: &str, content: Option<&str>) -> (Bench, std::process::Command) {
        let bench = (self.bench)(world);
        let bench = match content {
            Some(content) => bench.planted(content),
            None => bench,
        };
        // Under a name instead of an IP address, a tool that nobody told otherwise puts the bucket into the host's name.
        let text = text.replace("//127.0.0.1:", "//localhost:").replace(" = 127.0.0.1:", " = localhost:");
        assert!(text.contains("localhost:"), "{text}");
        let command = bench.perform(&(self.adapt)(&text));
        (bench, command)
    }

    fn assert_stored(&self, world: &World, keys: &Keys, content: &str) {
        for name in self.sends {
            let stored = keys.stored(world, name).unwrap_or_default();
            assert!(stored.starts_with(content), "{}{name}: {stored}", keys.prefix);
        }
    }

    fn assert_fetched(&self, bench: &Bench, content: Option<&str>) {
        for file in self.fetches {
            let fetched = bench.read(file);
            let right = match content {
                Some(content) => fetched.as_deref().is_some_and(|text| text.starts_with(content)),
                None => fetched.is_none(),
            };
            assert!(right, "{file}: {fetched:?}");
        }
    }
}

fn bench(world: &World) -> Bench {
    Bench::new(world, "bench")
}

const FOLDER: &[&str] = &["folder/a.txt", "folder/sub dir/ü+%41.txt"];

#[test]
fn rclone_of_today() {
    let sends = &["a.txt", "sub dir/ü+%41.txt"];
    Circle { tool: "rclone", sends, fetches: FOLDER, any_prefix: false, bench, adapt: str::to_owned }.go();
}

#[test]
fn rclone_of_debian() {
    let sends = &["a.txt", "sub dir/ü+%41.txt"];
    let bench = |world: &World| Bench::new(world, "bench").with_debians("rclone");
    Circle { tool: "rclone", sends, fetches: FOLDER, any_prefix: false, bench, adapt: str::to_owned }.go();
}

#[test]
fn aws_command_line() {
    let sends = &["file.txt", "a.txt", "sub dir/ü+%41.txt"];
    Circle { tool: "aws", sends, fetches: FOLDER, any_prefix: true, bench, adapt: str::to_owned }.go();
}

#[test]
fn s3cmd() {
    let sends = &["file.txt", "a.txt", "sub dir/ü+%41.txt"];
    Circle { tool: "s3cmd", sends, fetches: FOLDER, any_prefix: true, bench, adapt: str::to_owned }.go();
}

#[test]
fn curl() {
    let fetches = &["file.txt"];
    Circle { tool: "curl", sends: &["file.txt"], fetches, any_prefix: true, bench, adapt: str::to_owned }
        .go();
}
