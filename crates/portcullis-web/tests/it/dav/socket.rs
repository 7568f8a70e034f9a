//! Over sockets: what the router alone does not show.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Share;

struct Door {
    share: Share,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Door {
    async fn open() -> Self {
        let share = Share::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (access, control) = (share.world.access.clone(), share.world.control.clone());
        let serving = portcullis_web::serve(
            crate::world::door(),
            listener,
            access,
            control,
            stop.clone(),
            tasks.clone(),
        );
        tasks.spawn(async move { serving.await.unwrap() });
        tasks.close();
        Self { share, address, stop, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends these bytes and reads to the end.
    async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        to_end(&mut stream).await
    }

    fn head(&self, line: &str) -> String {
        format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\n", self.share.basic)
    }

    async fn close(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.tasks.wait()).await.unwrap();
    }
}

async fn to_end(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await.unwrap().unwrap();
    String::from_utf8_lossy(&told).into_owned()
}

#[tokio::test]
async fn who_is_not_known_sends_no_body() {
    let door = Door::open().await;
    let told = door
        .raw("PUT /dav/f HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n")
        .await;
    assert!(
        told.starts_with("HTTP/1.1 401") && told.contains("www-authenticate: Basic realm=\"Portcullis\""),
        "{told}"
    );
    let told = door
        .raw(&(door.head("PUT /dav/no/f") + "expect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"))
        .await;
    assert!(told.starts_with("HTTP/1.1 409"), "{told}");
    // Who is known and may is asked for it.
    let mut stream = door.connect().await;
    stream
        .write_all((door.head("PUT /dav/f") + "expect: 100-continue\r\ncontent-length: 5\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let told = to_end(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 201"), "{told}");
    door.close().await;
}

#[tokio::test]
async fn a_broken_upload_leaves_the_old_file() {
    let door = Door::open().await;
    door.share.put("/dav/f", "old").await;
    for (head, piece) in [
        ("content-length: 100\r\n\r\n", "half of it"),
        ("transfer-encoding: chunked\r\n\r\n", "a\r\nhalf of it\r\n"),
        (
            "transfer-encoding: chunked\r\nx-expected-entity-length: 100\r\n\r\n",
            "a\r\nhalf of it\r\n0\r\n\r\n",
        ),
        ("transfer-encoding: chunked\r\n\r\n", "zz\r\n"),
    ] {
        for path in ["/dav/f", "/dav/new"] {
            let mut stream = door.connect().await;
            stream.write_all((door.head(&format!("PUT {path}")) + head + piece).as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let told = to_end(&mut stream).await;
            assert!(told.is_empty() || told.starts_with("HTTP/1.1 400"), "{head}: {told}");
        }
        assert_eq!(door.share.content("/dav/f").await.as_deref(), Some("old"), "{head}");
        assert_eq!(door.share.content("/dav/new").await, None, "{head}");
    }
    let whole =
        "transfer-encoding: chunked\r\nx-expected-entity-length: 10\r\n\r\na\r\nhalf of it\r\n0\r\n\r\n";
    let told = door.raw(&(door.head("PUT /dav/f") + whole)).await;
    assert!(told.starts_with("HTTP/1.1 204"), "{told}");
    assert_eq!(door.share.content("/dav/f").await.as_deref(), Some("half of it"));
    door.close().await;
}

#[tokio::test]
async fn answers_have_their_length_or_their_end() {
    let door = Door::open().await;
    door.share.put("/dav/f", "hello").await;
    let told = door.raw(&(door.head("HEAD /dav/f") + "\r\n")).await;
    assert!(told.contains("content-length: 5\r\n") && told.ends_with("\r\n\r\n"), "{told}");
    let told = door.raw(&(door.head("PROPFIND /dav/") + "depth: 1\r\n\r\n")).await;
    assert!(told.starts_with("HTTP/1.1 207") && told.contains("/dav/f</D:href>"), "{told}");
    let told = door.raw(&(door.head("GET /dav/f") + "range: bytes=1-2\r\n\r\n")).await;
    assert!(told.contains("content-length: 2\r\n") && told.ends_with("\r\n\r\nel"), "{told}");
    door.close().await;
}

/// A client that sends nothing more hears at once that its key is gone.
#[tokio::test]
async fn an_upload_ends_with_its_key() {
    let door = Door::open().await;
    let world = &door.share.world;
    let mut stream = door.connect().await;
    stream
        .write_all((door.head("PUT /dav/large") + "content-length: 64000000\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.write_all(&vec![b'x'; 9 << 20]).await.unwrap();
    while world.get("/api/v1/transfers").await["items"].as_array().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let keys = world.get("/api/v1/keys").await;
    let own = keys["items"].as_array().unwrap().iter().find(|key| key["channel"] == "http").unwrap();
    let path = format!("/api/v1/keys/{}", own["id"].as_str().unwrap());
    assert!(world.admin("DELETE", &path).send().await.status.is_success());
    let mut told = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await;
    // What it sent and nobody read may reset the connection before the answer is read.
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(read.unwrap().is_err() || told.starts_with("HTTP/1.1 401"), "{told}");
    let path = format!("/api/v1/storages/{}/file?key=large", door.share.storage["id"].as_str().unwrap());
    assert_eq!(world.admin("GET", &path).send().await.status, 404);
    door.close().await;
}
