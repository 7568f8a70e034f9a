//! Doors that speak TLS, with real clients and certificates that are exchanged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::ring::default_provider;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::world::{PASSWORD, World, binary, ok, refused};

/// The longest that an exchanged certificate may take to be served.
const EXCHANGED: Duration = Duration::from_secs(30);

/// TLS that trusts the certificate in this file.
pub(crate) fn trusting(certificate: &Path) -> TlsConfig {
    let certificate = Certificate::from_pem(&fs::read(certificate).unwrap()).unwrap();
    TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[certificate]))
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build()
}

/// A certificate for this machine and its key, in two files.
pub(crate) struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        files.renew();
        files
    }

    fn renew(&self) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn world(&self) -> World {
        let (certificate, key) = (self.certificate(), self.key());
        World::start_with(&["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()])
    }
}

fn bare(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command
}

fn curl(files: &Files) -> Command {
    let mut curl = bare("curl");
    curl.args(["--silent", "--show-error", "--cacert"]).arg(files.certificate());
    curl
}

#[test]
fn every_door_speaks_tls_with_real_clients() {
    let files = Files::new();
    let world = files.world();
    assert!(
        world.web.starts_with("https://") && world.s3.starts_with("https://"),
        "{} {}",
        world.web,
        world.s3
    );
    // Cookies are kept to https; who knows nothing of the certificate gets nothing.
    let head = ok(curl(&files)
        .args(["--dump-header", "-", "--output", "/dev/null"])
        .arg(format!("{}/sign-in", world.web)));
    assert!(head.contains("__Host-") && head.contains("Secure"), "{head}");
    refused(bare("curl").args(["--silent", "--show-error"]).arg(format!("{}/healthz", world.web)));
    let plain = world.web.replace("https://", "http://");
    let told =
        ok(bare("curl").args(["--silent", "--write-out", "%{http_code}"]).arg(format!("{plain}/healthz")));
    assert!(told.contains("https://") && told.ends_with("400"), "{told}");
    let old = ok(curl(&files).args(["--tlsv1.2", "--tls-max", "1.2"]).arg(format!("{}/healthz", world.web)));
    assert!(old.contains("ok"), "{old}");
    // rclone and aws over the S3 door.
    let (storage, bucket) = world.storage("Over TLS");
    let key = world.key(&storage, "read_write");
    let from = world.scratch("from");
    fs::write(from.join("a.txt"), "over TLS").unwrap();
    fs::write(from.join("b.bin"), vec![7; 3 << 20]).unwrap();
    let mut rclone = bare("rclone");
    rclone
        .env("HOME", world.scratch("home"))
        .env("RCLONE_CONFIG_GATE_TYPE", "s3")
        .env("RCLONE_CONFIG_GATE_PROVIDER", "Other")
        .env("RCLONE_CONFIG_GATE_ENDPOINT", &world.s3)
        .env("RCLONE_CONFIG_GATE_ACCESS_KEY_ID", &key.access_key)
        .env("RCLONE_CONFIG_GATE_SECRET_ACCESS_KEY", &key.secret)
        .arg("--ca-cert")
        .arg(files.certificate());
    ok(rclone.arg("copy").arg(&from).arg(format!("gate:{bucket}")));
    let listed = ok(crate::clients::aws(&world, &key).env("AWS_CA_BUNDLE", files.certificate()).args([
        "s3",
        "cp",
        &format!("s3://{bucket}/a.txt"),
        "-",
    ]));
    assert_eq!(listed, "over TLS");
}

#[test]
fn the_command_line_speaks_https() {
    let files = Files::new();
    let world = files.world();
    let password = world.scratch("secrets").join("password");
    fs::write(&password, PASSWORD).unwrap();
    let cli = |trusted: bool| {
        let mut cli = bare(binary());
        cli.env("HOME", world.scratch("home")).env("PORTCULLIS_API_KEY", world.token());
        if trusted {
            cli.env("PORTCULLIS_CA_FILE", files.certificate());
        }
        cli.args(["--server", &world.web, "storage", "list"]);
        cli
    };
    ok(&mut cli(true));
    let told = refused(&mut cli(false));
    assert!(told.contains("certificate") && told.contains("PORTCULLIS_CA_FILE"), "{told}");
    let told = refused(cli(true).env("PORTCULLIS_CA_FILE", &password));
    assert!(told.contains("holds no certificate"), "{told}");
    assert!(!told.contains(PASSWORD), "{told}");
}

#[test]
fn a_renewed_certificate_is_served_without_a_restart() {
    let files = Files::new();
    let world = files.world();
    let health = format!("{}/healthz", world.web);
    ok(curl(&files).arg(&health));
    files.renew();
    // curl trusts what is in the file now: it succeeds as soon as the server has it too.
    let end = Instant::now() + EXCHANGED;
    while !curl(&files).arg(&health).output().unwrap().status.success() {
        assert!(Instant::now() < end, "{}", world.log());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(world.log().contains("another TLS certificate is in use"), "{}", world.log());
}

#[test]
fn a_start_without_a_usable_pair_says_what_is_wrong_and_changes_nothing() {
    let files = Files::new();
    let data = files.dir.path().join("data");
    let start = |more: &[&str]| {
        let mut serve = bare(binary());
        serve
            .args(["serve", "--web", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .args(more);
        refused(&mut serve)
    };
    let (certificate, key) = (files.certificate(), files.key());
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    assert!(start(&["--tls-cert", certificate]).contains("needs tls_key too"));
    assert!(start(&["--tls-key", key]).contains("needs tls_cert too"));
    let swapped = start(&["--tls-cert", key, "--tls-key", certificate]);
    assert!(swapped.contains("key.pem holds no certificate"), "{swapped}");
    let missing = start(&["--tls-cert", "/nowhere/cert.pem", "--tls-key", key]);
    assert!(missing.contains("/nowhere/cert.pem cannot be read"), "{missing}");
    assert!(!data.exists());
}
