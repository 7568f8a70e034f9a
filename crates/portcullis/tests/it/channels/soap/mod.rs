//! The web service with the clients that people generate from its description: zeep, Node's `soap`, PHP's `SoapClient`, gSOAP.

mod beside;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::rig::{self, Secure, bare, file, key, private};
use crate::clients::tools;
use crate::world::{Access, World, ok};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/channels/soap").join(name)
}

/// Where the test command puts the packages that come from npm.
fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/npm/node_modules")
}

/// A storage with keys of the web service, as a file of settings for a client; what is given there besides; the key for S3.
struct Served {
    settings: Value,
    both: Access,
    s3: Access,
}

impl Served {
    fn new(world: &World) -> Self {
        let (storage, _) = world.storage("Served");
        let [both, reader, writer] = rig::three(world, &storage, "web-service");
        let chosen = json!({"user_name": "warehouse.four", "secret": "fourteen geese over the mill"});
        let chosen = rig::key_with_chosen(world, &storage, "web-service", "read", &chosen);
        let pair = |key: &Access| json!([key.access_key, key.secret]);
        let settings = json!({
            "web": world.web,
            "certificate": world.certificate(),
            "modules": modules().join("soap"),
            "read_write": pair(&both),
            "read": pair(&reader),
            "write": pair(&writer),
            "chosen": ["warehouse.four", chosen.secret],
            "other_channel": pair(&key(world, &storage, "http", "read_write")),
            "stranger": [both.access_key, "not the secret"],
        });
        Self { settings, both, s3: world.key(&storage, "read_write") }
    }

    fn write(&self, world: &World, name: &str) -> PathBuf {
        private(world, name, &self.settings.to_string())
    }
}

/// The bytes that S3 has.
fn of_s3(world: &World, s3: &Access, name: &str) -> Vec<u8> {
    let config = rig::rclone_config(world, "soap", &[("s3", s3)]);
    let back = world.scratch("back").join("of-s3");
    ok(rig::rclone(world, &config).arg("copyto").arg(format!("s3:{}/{name}", s3.bucket)).arg(&back));
    fs::read(back).unwrap()
}

fn zeep(world: &World) {
    let mut served = Served::new(world);
    let local = file(world, "upload.bin", 7 << 20);
    served.settings["upload"] = json!(local);
    let settings = served.write(world, "zeep.json");
    let mut python = bare(world, tools().join("python3").to_str().unwrap());
    let told = ok(python.arg(script("zeep_client.py")).arg(settings));
    assert_eq!(told.trim(), (7 << 20).to_string());
    assert!(of_s3(world, &served.s3, "for s3/upload.bin") == fs::read(&local).unwrap());
    assert!(of_s3(world, &served.s3, "mtom/digest-12.bin").len() > 300_000);
}

#[test]
fn zeep_over_tls() {
    zeep(&Secure::start().world);
}

#[test]
fn zeep_on_this_machine_without_tls() {
    zeep(&rig::plain());
}

#[test]
fn the_package_soap_of_node() {
    let secure = Secure::start();
    let world = &secure.world;
    let settings = Served::new(world).write(world, "node.json");
    let mut node = bare(world, "node");
    ok(node
        .env("NODE_EXTRA_CA_CERTS", secure.files.certificate())
        .arg(script("node_client.mjs"))
        .arg(settings));
}

#[test]
fn the_soap_client_of_php() {
    let secure = Secure::start();
    let world = &secure.world;
    let settings = Served::new(world).write(world, "php.json");
    ok(bare(world, "php").args(["-n", "-d", "extension=soap"]).arg(script("php_client.php")).arg(settings));
}

#[test]
fn what_gsoap_generates() {
    let world = rig::plain();
    let served = Served::new(&world);
    let dir = world.scratch("gsoap");
    let run = |program: &str, words: &[&str]| ok(bare(&world, program).current_dir(&dir).args(words));
    run("curl", &["--silent", "--fail", "--output", "files.wsdl", &format!("{}/soap?wsdl", world.web)]);
    run("wsdl2h", &["-c", "-x", "-O1", "-o", "files.h", "files.wsdl"]);
    run("soapcpp2", &["-c", "-C", "-L", "-x", "-I/usr/share/gsoap/import", "files.h"]);
    let client = script("gsoap_client.c");
    run("gcc", &["-I.", "-o", "client", client.to_str().unwrap(), "soapC.c", "soapClient.c", "-lgsoap"]);
    let local = file(&world, "gsoap.bin", 3 << 20);
    let settings = format!("{}/soap\n{}\n{}\n", world.web, served.both.access_key, served.both.secret);
    let settings = private(&world, "gsoap", &settings);
    run("./client", &[settings.to_str().unwrap(), local.to_str().unwrap()]);
    for name in ["gsoap/one.bin", "gsoap/two.bin"] {
        assert!(of_s3(&world, &served.s3, name) == fs::read(&local).unwrap(), "{name}");
    }
}
