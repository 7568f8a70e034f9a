//! The door on a real socket: what the router alone does not show.

use std::time::Duration;

use portcullis_listener::DoorConfig;
use portcullis_web::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::world::{S3_ADDRESS, WEB_ADDRESS, World, spool};

struct Door {
    world: World,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Door {
    async fn open() -> Self {
        let world = World::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let config = Config {
            s3_address: S3_ADDRESS.to_owned(),
            web_address: WEB_ADDRESS.to_owned(),
            doors: portcullis_web::Doors::default(),
            spool: spool(),
            door: DoorConfig::default(),
        };
        let serving = portcullis_web::serve(
            config,
            listener,
            world.access.clone(),
            world.control.clone(),
            stop.clone(),
            tasks.clone(),
        );
        tasks.spawn(async move { serving.await.unwrap() });
        tasks.close();
        Self { world, address, stop, tasks }
    }

    /// Sends these bytes and reads to the end.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut told = Vec::new();
        tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await.unwrap().unwrap();
        String::from_utf8_lossy(&told).into_owned()
    }

    async fn close(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.tasks.wait()).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_over_tcp_has_its_peer() {
    let door = Door::open().await;
    let told = door.raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("\r\n\r\nok"), "{told}");
    let request = format!(
        "GET /api/v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        door.world.token
    );
    let told = door.raw(request.as_bytes()).await;
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    // A refusal is noted with the address of the socket.
    let told = door.raw(b"GET /api/v1/me HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\nconnection: close\r\n\r\n").await;
    let document: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
    door.world.flush().await;
    let path = format!("/api/v1/audit-events?request_id={}", document["request_id"].as_str().unwrap());
    assert_eq!(door.world.get(&path).await["items"][0]["peer"], "127.0.0.1");
    door.close().await;
}

#[tokio::test]
async fn an_upload_and_a_head_over_tcp() {
    let door = Door::open().await;
    let storage = door.world.storage("NAS").await;
    let key = door.world.rest_key(&storage, "read_write").await;
    let file = format!("/api/v1/storages/{}/file?key=a", storage["id"].as_str().unwrap());
    let common = format!("HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n");
    let told = door
        .raw(
            format!("PUT {file} {common}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                .as_bytes(),
        )
        .await;
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("\"size\":5"), "{told}");
    let told = door.raw(format!("HEAD {file} {common}\r\n").as_bytes()).await;
    assert!(told.contains("content-length: 5\r\n") && told.ends_with("\r\n\r\n"), "{told}");
    let told = door.raw(format!("HEAD {file}x {common}\r\n").as_bytes()).await;
    assert!(told.starts_with("HTTP/1.1 404") && told.ends_with("\r\n\r\n"), "{told}");
    // An upload that is refused is refused before its body comes.
    let told = door
        .raw(
            format!(
                "PUT {file} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1000000\r\n\r\n"
            )
            .as_bytes(),
        )
        .await;
    assert!(told.starts_with("HTTP/1.1 401"), "{told}");
    door.close().await;
}

/// Whoever follows a run does not keep the server from stopping.
#[tokio::test]
async fn a_stream_ends_when_the_server_stops() {
    let door = Door::open().await;
    let (storage, other) = (door.world.storage("NAS").await, door.world.storage("Archive").await);
    let side = format!("/api/v1/storages/{}", storage["id"].as_str().unwrap());
    let post = async |path: &str, given: Value| {
        let answer = door.world.admin("POST", path).json(&given).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    door.world.admin("PUT", &format!("{side}/file?key=a")).body("x").send().await;
    let terms = json!({"with": {"storage": other["id"]}, "mode": "copy"});
    let plan = post(&format!("{side}/sync-plans"), terms).await;
    door.world.round().await;
    // Nobody carries it out here: it waits.
    let run = post(&format!("/api/v1/sync-plans/{plan}/run"), json!({})).await;
    let request = format!(
        "GET /api/v1/sync-runs/{run}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        door.world.token
    );
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("event: progress") {
        assert_ne!(stream.read_buf(&mut told).await.unwrap(), 0, "{}", String::from_utf8_lossy(&told));
    }
    door.stop.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut told)).await;
    rest.unwrap().unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("event: end\ndata: {\"because\":\"stop\"}"), "{told}");
    door.close().await;
}
