use super::file::parse;
use super::*;

pub(super) fn load_text(text: &str) -> Result<Config, Problems> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("portcullis.toml");
    std::fs::write(&path, text).unwrap();
    load(&Vec::new(), Some(&path))
}

#[test]
fn every_problem_is_told_at_once_with_line_and_field() {
    let text = "web = \"localhost\"\n\ns3 = 9000\nsthree = \"x\"\nlog_format = \"xml\"\ns3_url = \"s3.example.com\"\n";
    let told = load_text(text).unwrap_err().to_string();
    for expected in [
        "the configuration has 5 problems",
        "portcullis.toml:1: web: \"localhost\" is not an address",
        "portcullis.toml:3: s3: expected text",
        "portcullis.toml:4: sthree: unknown setting",
        "portcullis.toml:5: log_format: \"xml\" is neither text nor json",
        "portcullis.toml:6: s3_url: \"s3.example.com\" is not an address; write one such as https://s3.example.com, without a path",
    ] {
        assert!(told.contains(expected), "{expected}\nnot in\n{told}");
    }
}

#[test]
fn broken_toml_names_its_line() {
    let mut problems = Vec::new();
    assert!(parse("web = \"a\"\ns3 = ", "p.toml", &mut problems).is_empty());
    assert!(problems[0].starts_with("p.toml:2: "), "{problems:?}");
}

#[test]
fn flags_win_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.toml");
    std::fs::write(
        &path,
        "s3 = \"127.0.0.1:1\"\nweb = \"127.0.0.1:2\"\ns3_domain = [\"a.example\", \"B.example\"]\n",
    )
    .unwrap();
    let config = load(&vec![("s3", "127.0.0.1:3".into())], Some(&path)).unwrap();
    assert_eq!(config.s3.port(), 3);
    assert_eq!(config.web.port(), 2);
    assert_eq!(config.s3_domains, ["a.example", "b.example"]);
}

#[test]
fn connections_are_counted_as_the_operator_says() {
    let config = load_text("max_connections = \"9000\"\nmax_connections_per_address = \"2000\"").unwrap();
    assert_eq!((config.limits.max_connections, config.limits.max_connections_per_address), (9000, 2000));
    assert_eq!(load_text("").unwrap().limits, Limits::default());
    for wrong in ["0", "many", "1000001"] {
        let told = load_text(&format!("max_connections = \"{wrong}\"")).unwrap_err().to_string();
        assert!(told.contains("is not a number from 1 to 1000000"), "{told}");
    }
}

#[test]
fn a_database_password_is_not_repeated() {
    let told = load_text("database = \"mysql://root:hunter2@db/x\"").unwrap_err().to_string();
    assert!(told.contains("database: begins neither") && !told.contains("hunter2"), "{told}");
}

#[test]
fn one_port_cannot_be_two_doors() {
    let told = load_text("web = \"127.0.0.1:9000\"").unwrap_err().to_string();
    assert!(told.contains("give each its own port"), "{told}");
}

#[test]
fn master_keys_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let made = read_master_key(&MasterKeySource::Default, dir.path(), true).unwrap();
    let again = read_master_key(&MasterKeySource::Default, dir.path(), false).unwrap();
    assert_eq!(*made.to_hex(), *again.to_hex());
    let path = dir.path().join("master.key");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let told = read_master_key(&MasterKeySource::Default, dir.path(), false).unwrap_err().to_string();
    assert!(told.contains("chmod 600"), "{told}");
    let other = tempfile::tempdir().unwrap();
    let told = read_master_key(&MasterKeySource::Default, other.path(), false).unwrap_err().to_string();
    assert!(told.contains("is missing"), "{told}");
    let echo = MasterKeySource::Command(format!("echo {}", "ab".repeat(32)));
    assert_eq!(*read_master_key(&echo, other.path(), false).unwrap().to_hex(), "ab".repeat(32));
    let wrong = MasterKeySource::Command("echo hunter2".into());
    let told = read_master_key(&wrong, other.path(), false).unwrap_err().to_string();
    assert!(told.contains("64 hexadecimal digits") && !told.contains("hunter2"), "{told}");
}
