//! Bodies: framing, signatures of chunks, trailers, lengths. What is not right is not stored.

use portcullis_s3::Config;
use portcullis_sigv4::aws_chunked::{Trailer, canonical_trailers, encode_end, encode_header};
use portcullis_sigv4::{ChunkSigner, Payload, SignedRequest};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, Request, Response, path};
use crate::world::World;

/// Data of several chunks, large enough that hashes are computed on another thread.
fn data() -> Vec<u8> {
    (0..200_000u32).flat_map(u32::to_be_bytes).take(200_000).collect()
}

fn crc64(data: &[u8]) -> String {
    use base64::Engine as _;
    let mut digester = portcullis_access::Digester::new(&[portcullis_access::DigestAlgorithm::Crc64Nvme]);
    digester.update(data);
    base64::engine::general_purpose::STANDARD.encode(&digester.finish()[0].value)
}

/// Frames data; signed if there is a signature to go on from, with a trailer if there is a value for it.
fn frame(client: &Client, signed: Option<SignedRequest>, data: &[u8], trailer: Option<&str>) -> Vec<u8> {
    let mut signer = signed.map(|signed| ChunkSigner::new(client.signer.key().clone(), signed.seed));
    let mut body = Vec::new();
    for chunk in data.chunks(65_536).chain([&[][..]]) {
        let signature = signer.as_mut().map(|signer| signer.sign_chunk(&Sha256::digest(chunk).into()));
        body.extend_from_slice(
            encode_header(u64::try_from(chunk.len()).unwrap(), signature.as_ref()).as_bytes(),
        );
        body.extend_from_slice(chunk);
        if !chunk.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    let trailers: Vec<Trailer> = trailer
        .map(|value| Trailer { name: "x-amz-checksum-crc64nvme".to_owned(), value: value.to_owned() })
        .into_iter()
        .collect();
    let signature = signer
        .filter(|_| trailer.is_some())
        .map(|signer| signer.sign_trailer(&canonical_trailers(&trailers)));
    body.extend_from_slice(encode_end(&trailers, signature.as_ref()).as_bytes());
    body
}

fn request<'a>(client: &'a Client, at: &str, payload: Payload, length: usize) -> Request<'a> {
    let request = client.put(at, "").payload(payload).header("content-encoding", "aws-chunked");
    let request = request.header("x-amz-decoded-content-length", length.to_string());
    match payload {
        Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer => {
            request.header("x-amz-trailer", "x-amz-checksum-crc64nvme")
        }
        Payload::Signed(_) | Payload::Unsigned | Payload::StreamingSigned => request,
    }
}

/// A framed upload, its body changed before it is sent.
async fn upload(
    client: &Client,
    at: &str,
    payload: Payload,
    data: &[u8],
    change: impl FnOnce(&mut Vec<u8>),
) -> Response {
    let request = request(client, at, payload, data.len());
    let (signed, trailer) = match payload {
        Payload::StreamingSigned => (true, false),
        Payload::StreamingSignedTrailer => (true, true),
        Payload::StreamingUnsignedTrailer => (false, true),
        Payload::Signed(_) | Payload::Unsigned => (false, false),
    };
    let crc = crc64(data);
    let mut body = frame(client, signed.then(|| request.sign()), data, trailer.then_some(crc.as_str()));
    change(&mut body);
    request.body(body).send().await
}

const KINDS: [Payload; 4] = [
    Payload::StreamingSigned,
    Payload::StreamingSignedTrailer,
    Payload::StreamingUnsignedTrailer,
    Payload::Unsigned,
];

#[tokio::test]
async fn every_kind_of_framing_is_stored_as_its_data() {
    let (_world, storage, client) = World::with_storage().await;
    for (at, kind) in KINDS.into_iter().enumerate() {
        for data in [data(), b"small".to_vec(), Vec::new()] {
            let at = path(storage.bucket.as_str(), &format!("{at}-{}", data.len()));
            let put = upload(&client, &at, kind, &data, |_| ()).await.ok();
            let trailed = matches!(kind, Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer);
            assert_eq!(put.header("x-amz-checksum-crc64nvme"), trailed.then(|| crc64(&data)).as_deref());
            let got = client.get(&at).send().await.ok();
            assert!(got.body == data, "{kind:?}");
            assert_eq!(got.header("content-encoding"), None);
        }
    }
}

fn replace(body: &mut Vec<u8>, from: &[u8], to: &[u8]) {
    let at = body.windows(from.len()).rposition(|window| window == from).expect("nothing to change");
    body.splice(at..at + from.len(), to.iter().copied());
}

#[tokio::test]
async fn what_was_changed_on_the_way_is_not_stored() {
    let (_world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    for data in [data(), b"some small data".to_vec()] {
        let last = data[data.len() - 4..].to_vec();
        for kind in [Payload::StreamingSigned, Payload::StreamingSignedTrailer] {
            let changed = upload(&client, &at, kind, &data, |body| replace(body, &last, b"!!!!")).await;
            changed.fails(403, "SignatureDoesNotMatch");
            let signature = upload(&client, &at, kind, &data, |body| {
                replace(body, b"\r\n0;chunk-signature=", b"\r\n0;chunk-signature=0")
            });
            assert_eq!(signature.await.status, 400, "a signature of 65 digits is malformed");
            let cut = upload(&client, &at, kind, &data, |body| body.truncate(body.len() - 100)).await;
            cut.fails(400, "IncompleteBody");
            let longer = upload(&client, &at, kind, &data, |body| body.extend_from_slice(b"more")).await;
            longer.fails(400, "IncompleteBody");
        }
        let crc = crc64(&data);
        let (wrong, other) = (crc64(b"other"), "AAAA");
        let trailer = |value: String| {
            let crc = crc.clone();
            upload(&client, &at, Payload::StreamingUnsignedTrailer, &data, move |body| {
                replace(body, crc.as_bytes(), value.as_bytes())
            })
        };
        trailer(wrong.clone()).await.fails(400, "BadDigest");
        trailer(other.to_owned()).await.fails(400, "MalformedTrailerError");
        let line = format!("x-amz-checksum-crc64nvme:{crc}\r\n");
        let missing = upload(&client, &at, Payload::StreamingUnsignedTrailer, &data, |body| {
            replace(body, line.as_bytes(), b"")
        });
        missing.await.fails(400, "MalformedTrailerError");
        let signed = upload(&client, &at, Payload::StreamingSignedTrailer, &data, |body| {
            replace(body, crc.as_bytes(), wrong.as_bytes())
        });
        signed.await.fails(403, "SignatureDoesNotMatch");
    }
    client.get(&at).send().await.fails(404, "NoSuchKey");
}

#[tokio::test]
async fn lengths_must_be_told_and_kept() {
    let (world, storage, client) = World::with_storage().await;
    let at = path(storage.bucket.as_str(), "k");
    client.put(&at, "").without_length().send().await.fails(411, "MissingContentLength");
    let chunked = client.put(&at, "").without_length().header("transfer-encoding", "chunked");
    chunked.body(b"3\r\nabc\r\n0\r\n\r\n".to_vec()).send().await.fails(411, "MissingContentLength");
    let framed = client.put(&at, "0\r\n\r\n").payload(Payload::StreamingUnsignedTrailer);
    framed.send().await.fails(411, "MissingContentLength");
    for length in [4, 6] {
        let body = frame(&client, None, b"small", None);
        let request = request(&client, &at, Payload::Unsigned, length).body(body);
        request.send().await.fails(400, "IncompleteBody");
    }
    for size in [10, 100_000] {
        let mut bytes = client.put(&at, vec![b'x'; size]).bytes();
        bytes.truncate(bytes.len() - 5);
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
    }
    client.get(&at).send().await.fails(404, "NoSuchKey");
    // With HTTP's own chunks around S3's: what the AWS command line sends over TLS.
    let data = data();
    let framed = frame(&client, None, &data, Some(&crc64(&data)));
    let mut body = format!("{:x}\r\n", framed.len()).into_bytes();
    body.extend_from_slice(&framed);
    body.extend_from_slice(b"\r\n0\r\n\r\n");
    let request = request(&client, &at, Payload::StreamingUnsignedTrailer, data.len()).without_length();
    request.header("transfer-encoding", "chunked").body(body).send().await.ok();
    assert!(client.get(&at).send().await.body == data);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_sent() {
    let world = World::start_with(Config { max_object_size: 1_000, ..Config::default() }).await;
    let storage = world.storage("files").await;
    let client = world.client(&world.key(&storage, portcullis_domain::Permission::ReadWrite).await);
    let at = path(storage.bucket.as_str(), "k");
    client.put(&at, vec![0; 1_000]).send().await.ok();
    client.put(&at, vec![0; 1_001]).send().await.fails(400, "EntityTooLarge");
    let reader = world.client(&world.key(&storage, portcullis_domain::Permission::Read).await);
    for (client, allowed) in [(&client, true), (&reader, false)] {
        let bytes = client.put(&at, "hello").header("expect", "100-continue").bytes();
        let head = &bytes[..bytes.len() - 5];
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, if allowed { b"HTTP/1.1 100" } else { b"HTTP/1.1 403" });
    }
}

#[tokio::test]
async fn quotas_are_kept() {
    let world = World::start().await;
    let storage = world.storage_with("files", |new| new.quota_bytes = Some(10)).await;
    let client = world.client(&world.key(&storage, portcullis_domain::Permission::ReadWrite).await);
    client.put(&path(storage.bucket.as_str(), "a"), "0123456").send().await.ok();
    client.put(&path(storage.bucket.as_str(), "b"), "0123456").send().await.fails(403, "QuotaExceeded");
    client.get(&path(storage.bucket.as_str(), "b")).send().await.fails(404, "NoSuchKey");
}
