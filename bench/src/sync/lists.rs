//! A provider that has millions of objects and holds none of them: it answers listings from a rule, each page after a time that is given.
//! Signatures are not looked at. What is written to it (a marker, a probe) it keeps.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use md5::{Digest as _, Md5};

use super::asked::Asked;

/// When everything was written.
const WRITTEN: &str = "2026-03-01T12:00:00.000Z";
const WRITTEN_HTTP: &str = "Sun, 01 Mar 2026 12:00:00 GMT";
/// What a page holds at the most.
const PAGE: usize = 1_000;

/// The key of an object; in the order of numbers.
pub(crate) fn key(number: u64) -> String {
    format!("data/{:05}/{number:08}.bin", number / 1_000)
}

/// What the buckets were asked for.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) lists: AtomicU64,
    pub(crate) heads: AtomicU64,
    pub(crate) others: AtomicU64,
}

impl Counts {
    /// What was asked since the last time: listings, looks at an object, anything else.
    pub(crate) fn take(&self) -> [u64; 3] {
        [&self.lists, &self.heads, &self.others].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

/// A bucket with `objects` objects, each the text of its own key.
pub(crate) struct Bucket {
    pub(crate) name: &'static str,
    pub(crate) objects: u64,
    pub(crate) delay: Duration,
}

/// The server, for as long as the process runs.
pub(crate) struct Lists {
    pub(crate) address: String,
    pub(crate) counts: Arc<Counts>,
}

struct Shared {
    buckets: Vec<Bucket>,
    written: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    counts: Arc<Counts>,
}

impl Lists {
    /// Listens on a free port.
    pub(crate) fn start(buckets: Vec<Bucket>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared { buckets, written: Mutex::default(), counts: Arc::clone(&counts) });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
        Ok(Self { address, counts })
    }
}

/// An answer before it is sent.
struct Answer {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn xml(body: String) -> Self {
        Self {
            status: "200 OK",
            headers: "content-type: application/xml\r\n".into(),
            body: body.into_bytes(),
        }
    }

    fn fault(status: &'static str, code: &str) -> Self {
        let text =
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>");
        Self { status, ..Self::xml(text) }
    }

    fn object(body: Vec<u8>) -> Self {
        let headers = format!(
            "etag: \"{}\"\r\nlast-modified: {WRITTEN_HTTP}\r\ncontent-type: application/octet-stream\r\n",
            hex::encode(Md5::digest(&body))
        );
        Self { status: "200 OK", headers, body }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        // Whoever goes away has what they wanted.
        drop(self.exchange(stream));
    }

    fn exchange(&self, stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(32 << 10, stream);
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut asked = Asked::parse(&line).context("no request")?;
            asked.read_headers(&mut reader)?;
            let mut body = vec![0; asked.length];
            reader.read_exact(&mut body)?;
            let answer = self.answer(&asked, body);
            let date = httpdate::fmt_http_date(now());
            let head = format!(
                "HTTP/1.1 {}\r\ndate: {date}\r\n{}content-length: {}\r\n\r\n",
                answer.status,
                answer.headers,
                answer.body.len()
            );
            let mut all = head.into_bytes();
            if asked.method != "HEAD" {
                all.extend_from_slice(&answer.body);
            }
            reader.get_mut().write_all(&all)?;
        }
    }

    fn answer(&self, asked: &Asked, body: Vec<u8>) -> Answer {
        let Some(bucket) = self.buckets.iter().find(|bucket| bucket.name == asked.bucket) else {
            return Answer::fault("404 Not Found", "NoSuchBucket");
        };
        if asked.key.is_empty() {
            return self.answer_bucket(bucket, asked);
        }
        match asked.method.as_str() {
            "GET" | "HEAD" => {
                self.counts.heads.fetch_add(1, Ordering::Relaxed);
                match self.object(bucket, &asked.key) {
                    Some(body) => Answer::object(body),
                    None => Answer::fault("404 Not Found", "NoSuchKey"),
                }
            }
            "PUT" if asked.query.is_empty() => {
                self.counts.others.fetch_add(1, Ordering::Relaxed);
                let there = self.object(bucket, &asked.key).map(|body| hex::encode(Md5::digest(&body)));
                if asked.forbids(there.as_deref()) {
                    return Answer::fault("412 Precondition Failed", "PreconditionFailed");
                }
                let etag = Answer { body: Vec::new(), ..Answer::object(body.clone()) };
                self.written().insert((bucket.name.to_owned(), asked.key.clone()), body);
                etag
            }
            "DELETE" => {
                self.counts.others.fetch_add(1, Ordering::Relaxed);
                self.written().remove(&(bucket.name.to_owned(), asked.key.clone()));
                Answer { status: "204 No Content", headers: String::new(), body: Vec::new() }
            }
            _ => Answer::fault("501 Not Implemented", "NotImplemented"),
        }
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<(String, String), Vec<u8>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, bucket: &Bucket, wanted: &str) -> Option<Vec<u8>> {
        if let Some(body) = self.written().get(&(bucket.name.to_owned(), wanted.to_owned())) {
            return Some(body.clone());
        }
        let number = wanted.strip_suffix(".bin")?.rsplit('/').next()?.parse::<u64>().ok()?;
        (number < bucket.objects && key(number) == wanted).then(|| wanted.as_bytes().to_vec())
    }

    fn answer_bucket(&self, bucket: &Bucket, asked: &Asked) -> Answer {
        if asked.has("location") {
            return Answer::xml(
                "<?xml version=\"1.0\"?><LocationConstraint>us-east-1</LocationConstraint>".into(),
            );
        }
        if asked.has("versioning") {
            return Answer::xml("<?xml version=\"1.0\"?><VersioningConfiguration/>".into());
        }
        if ["uploads", "versions", "policy", "object-lock", "lifecycle"].iter().any(|name| asked.has(name)) {
            return Answer::fault("501 Not Implemented", "NotImplemented");
        }
        match asked.method.as_str() {
            "HEAD" => Answer { body: Vec::new(), ..Answer::xml(String::new()) },
            "GET" => {
                self.counts.lists.fetch_add(1, Ordering::Relaxed);
                thread::sleep(bucket.delay);
                Answer::xml(self.page(bucket, asked))
            }
            _ => Answer::fault("501 Not Implemented", "NotImplemented"),
        }
    }

    /// A page of a listing, in either version of the request.
    fn page(&self, bucket: &Bucket, asked: &Asked) -> String {
        let prefix = asked.value("prefix").unwrap_or_default();
        let delimiter = asked.value("delimiter").filter(|delimiter| !delimiter.is_empty());
        let most = asked.value("max-keys").and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(PAGE);
        let after = asked
            .value("continuation-token")
            .or_else(|| asked.value("start-after"))
            .or_else(|| asked.value("marker"))
            .unwrap_or_default();
        let mut page = Page::default();
        // What was written sorts before what is made up: its names begin with a full stop.
        for ((at, name), body) in self.written().iter() {
            if at == bucket.name
                && name.starts_with(prefix)
                && name.as_str() > after
                && delimiter.is_none()
                && page.entries < most
            {
                page.object(name, body.len(), &hex::encode(Md5::digest(body)));
            }
        }
        let mut number = first(bucket.objects, |key| key >= prefix && key > after);
        while number < bucket.objects && page.entries < most {
            let name = key(number);
            let Some(rest) = name.strip_prefix(prefix) else { break };
            let folder = delimiter
                .and_then(|delimiter| rest.split_once(delimiter).map(|(folder, _)| (folder, delimiter)));
            if let Some((folder, delimiter)) = folder {
                let group = format!("{prefix}{folder}{delimiter}");
                // A page before ended with this folder.
                if group != after {
                    page.prefix(&group);
                }
                number = first(bucket.objects, |key| key > group.as_str() && !key.starts_with(&group));
            } else {
                page.object(&name, name.len(), &hex::encode(Md5::digest(name.as_bytes())));
                number += 1;
            }
        }
        let more = number < bucket.objects && key(number).starts_with(prefix);
        page.document(bucket.name, prefix, more)
    }
}

/// The first number whose key fulfils what grows with keys.
fn first(objects: u64, holds: impl Fn(&str) -> bool) -> u64 {
    let (mut low, mut high) = (0, objects);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(&key(middle)) { high = middle } else { low = middle + 1 }
    }
    low
}

#[expect(clippy::disallowed_methods, reason = "a load tool lives in real time")]
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// A page under construction. No key of these needs an escape.
#[derive(Default)]
struct Page {
    text: String,
    entries: usize,
    last: String,
}

impl Page {
    fn object(&mut self, name: &str, size: usize, etag: &str) {
        self.text.push_str("<Contents><Key>");
        self.text.push_str(name);
        self.text.push_str("</Key><LastModified>");
        self.text.push_str(WRITTEN);
        self.text.push_str("</LastModified><ETag>&quot;");
        self.text.push_str(etag);
        self.text.push_str("&quot;</ETag><Size>");
        self.text.push_str(&size.to_string());
        self.text.push_str("</Size><StorageClass>STANDARD</StorageClass></Contents>");
        self.entries += 1;
        name.clone_into(&mut self.last);
    }

    fn prefix(&mut self, group: &str) {
        self.text.push_str(&format!("<CommonPrefixes><Prefix>{group}</Prefix></CommonPrefixes>"));
        self.entries += 1;
        group.clone_into(&mut self.last);
    }

    fn document(self, bucket: &str, prefix: &str, more: bool) -> String {
        let next = if more {
            format!(
                "<NextContinuationToken>{0}</NextContinuationToken><NextMarker>{0}</NextMarker>",
                self.last
            )
        } else {
            String::new()
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{PAGE}</MaxKeys>\
             <IsTruncated>{more}</IsTruncated>{next}{}</ListBucketResult>",
            self.entries, self.text
        )
    }
}
