//! What is set on a connection's page, at the S3 door: it holds when the answer has come.

use crate::http::Signed;
use crate::panel_keys::Panel;
use crate::world::{Access, World};

struct Scene {
    world: World,
    key: Access,
    home: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::start();
        let (storage, _) = world.storage("NAS");
        let key = world.key(&storage, "read_write");
        Self { key, home: format!("/connections/{storage}"), world }
    }

    /// Sends one of the forms of a page; the status of the answer.
    fn set(&self, page: &str, form: &str, filled: &str) -> u16 {
        let panel = Panel(&self.world);
        panel.send_with(&panel.get(page), &format!("{page}/{form}"), filled).status
    }

    /// The status of an upload and of a download.
    fn doors(&self) -> (u16, u16) {
        let (signed, file) = (Signed::new(&self.world, &self.key), format!("/{}/file", self.key.bucket));
        let call = |method: &str, body: &[u8]| signed.call(method, &file, "", &[], body).status;
        (call("PUT", b"x"), call("GET", b""))
    }
}

#[test]
fn what_the_panel_sets_holds_at_once_at_the_s3_door() {
    let scene = Scene::new();
    let home = scene.home.clone();
    assert_eq!(scene.doors(), (200, 200));
    assert_eq!(scene.set(&home, "permission#permissions", "permission=read"), 303);
    assert_eq!(scene.doors(), (403, 200));
    // Of a connection and its credentials that were alike, both are widened.
    assert_eq!(scene.set(&home, "permission#permissions", "permission=read_write&also=yes"), 303);
    assert_eq!(scene.doors(), (200, 200));
    assert_eq!(scene.set(&home, "s3-access#s3-access", "s3=off"), 303);
    assert_eq!(scene.doors(), (403, 403));
    assert_eq!(scene.set(&home, "s3-access#s3-access", "s3=on"), 303);
    assert_eq!(scene.doors(), (200, 200));
    assert_eq!(scene.set(&home, "networks#networks", "mode=listed&add=203.0.113.0%2F24&op=save"), 422);
    // Who uses it would be cut off: the first press only says so.
    assert_eq!(scene.doors(), (200, 200));
}

#[test]
fn credentials_are_switched_off_on_and_deleted_at_once() {
    let scene = Scene::new();
    let page = format!("{}/keys/{}", scene.home, scene.key.key_id);
    assert_eq!(scene.doors(), (200, 200));
    assert_eq!(scene.set(&page, "permission#permissions", "permission=none"), 303);
    assert_eq!(scene.doors(), (403, 403));
    assert_eq!(scene.set(&page, "permission#permissions", "permission=write"), 303);
    assert_eq!(scene.doors(), (200, 403));
    let panel = Panel(&scene.world);
    let delete = format!("{page}/delete");
    assert_eq!(panel.send_with(&panel.get(&delete), &delete, "understood=yes").status, 303);
    let refused = Signed::new(&scene.world, &scene.key).call(
        "PUT",
        &format!("/{}/file", scene.key.bucket),
        "",
        &[],
        b"x",
    );
    assert_eq!((refused.status, refused.code().as_str()), (403, "InvalidAccessKeyId"));
}

#[test]
fn a_list_of_addresses_holds_at_once_at_the_s3_door() {
    let scene = Scene::new();
    let home = scene.home.clone();
    // Nobody has been here yet, so nobody is cut off.
    assert_eq!(scene.set(&home, "networks#networks", "mode=listed&add=203.0.113.0%2F24&op=save"), 303);
    assert_eq!(scene.doors(), (403, 403));
    assert_eq!(scene.set(&home, "networks#networks", "mode=any&op=save"), 303);
    assert_eq!(scene.doors(), (200, 200));
}
