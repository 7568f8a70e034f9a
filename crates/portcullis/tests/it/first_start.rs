//! The first start, with a password from the environment and with one that is made up.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::world::{World, binary};

/// Which users have the password that was printed.
fn printed(data: &Path) -> Vec<(String, bool)> {
    let database = rusqlite::Connection::open(data.join("portcullis.db")).unwrap();
    let mut query = database.prepare("SELECT username, password_printed FROM users").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn a_password_that_was_made_up_is_printed_once_and_remembered_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let start = || {
        let mut server = Command::new(binary());
        server.args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"]).arg(&data);
        server.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        server.spawn().unwrap()
    };
    let end = Instant::now() + Duration::from_secs(60);
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut server = start();
        while !data.join("endpoints.json").exists() {
            assert!(server.try_wait().unwrap().is_none() && Instant::now() < end, "the server did not start");
            thread::sleep(Duration::from_millis(20));
        }
        server.kill().unwrap();
        server.wait().unwrap();
        std::fs::remove_file(data.join("endpoints.json")).unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
        told.push(lines.filter(|line| line.trim().starts_with("pcs")).count());
        assert_eq!(printed(&data), [("admin".to_owned(), true)]);
    }
    assert_eq!(told, [1, 0]);
}

#[test]
fn a_password_from_the_environment_was_not_printed() {
    let mut world = World::start();
    world.kill();
    assert_eq!(printed(&world.data_dir()), [("admin".to_owned(), false)]);
    assert!(!world.log().contains("pcs"), "{}", world.log());
}
