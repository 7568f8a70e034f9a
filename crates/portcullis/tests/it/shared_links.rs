//! Links in the hands of somebody who has curl and an address.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, ok, refused, run};

/// curl with nothing of the machine's own settings, in a directory of its own.
fn curl(at: &Path) -> Command {
    let mut command = Command::new("curl");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", at).current_dir(at);
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
    command
}

/// A file that holds what is not for a command line.
fn kept(at: &Path, name: &str, text: &str) -> PathBuf {
    let path = at.join(name);
    fs::write(&path, text).unwrap();
    path
}

struct Place {
    world: World,
    storage: String,
    /// Where the visitor works.
    at: PathBuf,
}

impl Place {
    fn new() -> Self {
        let world = World::start();
        let (storage, _) = world.storage("Shared");
        let at = world.scratch("visitor");
        Self { world, storage, at }
    }

    fn upload(&self, key: &str, file: &Path) {
        let bearer = kept(
            &self.world.scratch("admin"),
            "bearer",
            &format!("Authorization: Bearer {}\n", self.world.token()),
        );
        let address = format!("{}/api/v1/storages/{}/file?key={key}", self.world.web, self.storage);
        ok(curl(&self.at)
            .arg("--header")
            .arg(format!("@{}", bearer.display()))
            .arg("--upload-file")
            .arg(file)
            .arg(address));
    }

    /// A new link: its id and its address.
    fn link(&self, more: &Value) -> (String, String) {
        let mut given = json!({"storage": self.storage, "name": "For you", "permission": "read"});
        for (name, value) in more.as_object().unwrap() {
            given[name] = value.clone();
        }
        let made = self.world.admin("POST", "/share-links", Some(&given));
        (made["link"]["id"].as_str().unwrap().to_owned(), made["url"].as_str().unwrap().to_owned())
    }

    fn end(&self, link: &str) {
        self.world.admin("DELETE", &format!("/share-links/{link}"), None);
    }

    fn keys(&self) -> Vec<String> {
        let list = self.world.admin("GET", &format!("/storages/{}/files", self.storage), None);
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["key"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[test]
fn files_and_folders_come_down_with_curl() {
    let place = Place::new();
    let (at, files) = (&place.at, place.world.scratch("files"));
    let report = kept(&files, "report.txt", "0123456789");
    place.upload("reports%2Freport.txt", &report);
    place.upload("reports%2Fdeep%2Fmore.txt", &kept(&files, "more.txt", "more"));
    let (id, address) = place.link(&json!({"file": "reports/report.txt", "max_downloads": 2}));
    let told = ok(curl(at).arg(&address));
    let download = told.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    assert_eq!(download, format!("{address}/file"));
    ok(curl(at).args(["-O", "-J"]).arg(&download));
    assert_eq!(fs::read_to_string(at.join("report.txt")).unwrap(), "0123456789", "under its own name");
    ok(curl(at).arg("-O").arg(&download));
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "0123456789");
    let told = refused(curl(at).arg("-O").arg(&download));
    assert!(told.contains("404"), "used up: {told}");
    assert_eq!(place.world.admin("GET", &format!("/share-links/{id}"), None)["state"], "spent");

    let (_, folder) = place.link(&json!({"folder": "reports/"}));
    let told = ok(curl(at).arg(&folder));
    let addresses: Vec<_> = told.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(addresses.len(), 2, "{told}");
    for address in addresses {
        ok(curl(at).args(["-O", "-J", "--clobber"]).arg(address));
    }
    assert_eq!(fs::read_to_string(at.join("more.txt")).unwrap(), "more");
    // A download that broke off goes on.
    fs::write(at.join("half"), "01234").unwrap();
    let whole = format!("{folder}/file?key=report.txt");
    ok(curl(at).args(["--continue-at", "-", "--output", "half"]).arg(whole));
    assert_eq!(fs::read_to_string(at.join("half")).unwrap(), "0123456789");
}

#[test]
fn a_password_is_given_once() {
    let place = Place::new();
    let at = &place.at;
    place.upload("a.txt", &kept(&place.world.scratch("files"), "a.txt", "behind it"));
    let (_, address) = place.link(&json!({"folder": "", "password": "open sesame"}));
    let file = format!("{address}/file?key=a.txt");
    assert!(refused(curl(at).arg(&file)).contains("403"));
    let wrong = kept(at, "wrong", "open barley");
    let form = |file: &Path| format!("password@{}", file.display());
    assert!(refused(curl(at).arg("--data-urlencode").arg(form(&wrong)).arg(&address)).contains("403"));
    let right = kept(at, "right", "open sesame");
    ok(curl(at).args(["--cookie-jar", "jar", "--data-urlencode"]).arg(form(&right)).arg(&address));
    assert_eq!(ok(curl(at).args(["--cookie", "jar"]).arg(&file)), "behind it");
    let log = place.world.log();
    let token = address.rsplit('/').next().unwrap();
    assert!(!log.contains(token) && !log.contains("open sesame"), "{log}");
}

#[test]
fn a_drop_box_takes_files_from_curl() {
    let place = Place::new();
    let at = &place.at;
    let (id, address) = place.link(&json!({"folder": "in/", "permission": "write"}));
    for (name, text) in [("one.txt", "1"), ("two.txt", "22"), ("three.txt", "333")] {
        kept(at, name, text);
    }
    let told =
        ok(curl(at).args(["-F", "file=@one.txt", "-F", "file=@two.txt"]).arg(format!("{address}/upload")));
    assert!(told.contains("2 files"), "{told}");
    let put = format!("{address}/file?key=three.txt");
    let first = ok(curl(at).args(["--upload-file", "three.txt"]).arg(&put));
    assert_eq!(
        ok(curl(at).args(["--upload-file", "one.txt"]).arg(&put)),
        first,
        "taken or not, it is the same"
    );
    assert_eq!(place.keys(), ["in/one.txt", "in/three.txt", "in/two.txt"]);
    let kept = json!({"storage": place.storage, "folder": "in/", "name": "back", "permission": "read"});
    let back = place.world.admin("POST", "/share-links", Some(&kept))["url"].as_str().unwrap().to_owned();
    assert_eq!(ok(curl(at).arg(format!("{back}/file?key=three.txt"))), "333", "the first stays");
    assert!(refused(curl(at).arg(&put)).contains("404"), "nothing comes out");
    place.end(&id);
    assert!(refused(curl(at).args(["-F", "file=@one.txt"]).arg(format!("{address}/upload"))).contains("404"));
}

#[test]
fn the_end_of_a_link_cuts_a_download_under_way() {
    let place = Place::new();
    let large = place.world.scratch("files").join("large");
    // More than the sockets in between hold.
    fs::write(&large, vec![7; 64 << 20]).unwrap();
    place.upload("large", &large);
    let (id, address) = place.link(&json!({"file": "large"}));
    let mut download = curl(&place.at)
        .args(["--limit-rate", "1M", "--output", "half"])
        .arg(format!("{address}/file"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while fs::metadata(place.at.join("half")).map_or(0, |half| half.len()) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing came");
        thread::sleep(Duration::from_millis(10));
    }
    place.end(&id);
    let ended = download.wait().unwrap();
    assert!(!ended.success(), "curl saw a whole file");
    let came = fs::metadata(place.at.join("half")).unwrap().len();
    assert!(came < 64 << 20, "{came} bytes came after all");
    assert_eq!(run(curl(&place.at).arg(&address)).status.code(), Some(22), "nothing is there any more");
}
