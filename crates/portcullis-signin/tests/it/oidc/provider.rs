//! A provider on this machine that does what a test tells it to, right or wrong: real HTTP, real keys, one thread.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_domain::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const CLIENT_ID: &str = "gate:way";
pub(crate) const CLIENT_SECRET: &str = "s3cret & more%";

/// With what a token is signed.
pub(crate) enum Signer {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
    /// No signature.
    None,
    /// A shared secret: these bytes, which everybody knows.
    Hs256(Vec<u8>),
}

impl Signer {
    pub(crate) fn es256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self::Es256(pair.unwrap())
    }

    pub(crate) fn eddsa() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::EdDsa(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// Made by openssl: ring makes no RSA keys.
    pub(crate) fn rs256() -> Self {
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl makes the key; the test command installs what the tests need");
        let pem = String::from_utf8(made.stdout).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        Self::Rs256(Box::new(RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap()))
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
            Self::None => "none",
            Self::Hs256(_) => "HS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::None => Vec::new(),
            Self::Hs256(secret) => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, message).as_ref().to_vec()
            }
        }
    }

    /// The public half as it is published.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": text(x), "y": text(y)})
            }
            Self::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(pair.public_key().as_ref())})
            }
            Self::Rs256(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": kid, "alg": "RS256", "n": text(&public.n), "e": text(&public.e)})
            }
            Self::None | Self::Hs256(_) => panic!("there is no public half"),
        }
    }
}

/// What the provider does. Objects are laid over what would be right; null takes a member away.
pub(crate) struct Script {
    pub(crate) now: Timestamp,
    pub(crate) signer: Signer,
    /// The name that the token gives its key.
    pub(crate) kid: Value,
    pub(crate) keys: Vec<Value>,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) discovery: Value,
    pub(crate) userinfo: Value,
    /// What comes instead of tokens.
    pub(crate) token_answer: Option<(u16, Value)>,
    /// What comes instead of a code.
    pub(crate) error: Option<&'static str>,
    /// What the answer says of the issuer (RFC 9207).
    pub(crate) answer_issuer: Option<String>,
    /// Whether a code is good more than once, which it must not be.
    pub(crate) sloppy: bool,
}

#[derive(Default)]
struct Memory {
    /// Codes that were given out and not yet taken, with the request that they answer.
    codes: HashMap<String, HashMap<String, String>>,
    asked: Vec<String>,
    sent: Vec<HashMap<String, String>>,
}

struct Shared {
    script: Mutex<Script>,
    memory: Mutex<Memory>,
    address: SocketAddr,
    ended: AtomicBool,
}

/// The provider; it ends when it is dropped.
pub(crate) struct FakeProvider {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl FakeProvider {
    /// A provider that does everything right, by a clock that says this.
    pub(crate) fn start(now: Timestamp) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let signer = Signer::es256();
        let keys = vec![signer.jwk("first")];
        let script = Script {
            now,
            signer,
            kid: json!("first"),
            keys,
            header: json!({}),
            claims: json!({}),
            discovery: json!({}),
            userinfo: json!({}),
            token_answer: None,
            error: None,
            answer_issuer: None,
            sloppy: false,
        };
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            memory: Mutex::default(),
            address: listener.local_addr().unwrap(),
            ended: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.ended.load(Ordering::SeqCst) {
                    return;
                }
                // Whoever hangs up early has had enough.
                drop(stream.and_then(|stream| serving.serve(stream)));
            }
        });
        Self { shared, thread: Some(thread) }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// To be told what to do; not while it is asked something.
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script.lock().unwrap()
    }

    /// The paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.memory.lock().unwrap().asked.clone()
    }

    /// The fields of every authorization request.
    pub(crate) fn sent(&self) -> Vec<HashMap<String, String>> {
        self.shared.memory.lock().unwrap().sent.clone()
    }

    /// What a browser does with the address it is sent to, while its person agrees to everything: the address it is sent back to.
    pub(crate) fn visit(&self, address: &str) -> String {
        let path = address.strip_prefix(&self.issuer()).expect("an address of this provider");
        let mut stream = TcpStream::connect(self.shared.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        location.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.shared.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A request, taken apart.
struct Asked {
    method: String,
    path: String,
    query: HashMap<String, String>,
    authorization: String,
    form: HashMap<String, String>,
}

fn fields(text: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

impl Asked {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let (mut reader, mut line) = (BufReader::new(stream), String::new());
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "authorization" => value.clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), fields(query.as_bytes()));
        Ok(Self { method, path, query, authorization, form: fields(&body) })
    }
}

/// Lays members over an object.
fn overlay(mut base: Value, changes: &Value) -> Value {
    let members: &mut Map<String, Value> = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    base
}

impl Shared {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let asked = Asked::read(&stream)?;
        let (script, mut memory) = (self.script.lock().unwrap(), self.memory.lock().unwrap());
        memory.asked.push(asked.path.clone());
        let (status, extra, body) = match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => (200, String::new(), self.description(&script)),
            ("GET", "/authorize") => (303, self.authorize(&script, &mut memory, asked.query), json!({})),
            ("POST", "/token") => {
                let (status, body) = self.tokens(&script, &mut memory, &asked);
                (status, String::new(), body)
            }
            ("GET", "/keys") => (200, String::new(), json!({ "keys": script.keys })),
            ("GET", "/userinfo") if asked.authorization == "Bearer access token" => {
                let subject = script.claims.get("sub").cloned().unwrap_or_else(|| json!("ada-1"));
                (200, String::new(), overlay(json!({ "sub": subject }), &script.userinfo))
            }
            _ => (404, String::new(), json!({})),
        };
        drop((script, memory));
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n{extra}\r\n{body}",
            body.len()
        )
    }

    fn description(&self, script: &Script) -> Value {
        let issuer = self.issuer();
        let right = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "response_types_supported": ["code"],
        });
        overlay(right, &script.discovery)
    }

    /// The header that sends the browser back.
    fn authorize(&self, script: &Script, memory: &mut Memory, query: HashMap<String, String>) -> String {
        let field = |name: &str| query.get(name).cloned().unwrap_or_default();
        let mut answer = form_urlencoded::Serializer::new(String::new());
        answer.append_pair("state", &field("state"));
        let back = field("redirect_uri");
        let code = format!("code {}", memory.sent.len());
        match script.error {
            Some(error) => answer.append_pair("error", error),
            None => answer.append_pair("code", &code),
        };
        if let Some(issuer) = &script.answer_issuer {
            answer.append_pair("iss", issuer);
        }
        memory.sent.push(query.clone());
        memory.codes.insert(code, query);
        format!("location: {back}?{}\r\n", answer.finish())
    }

    fn tokens(&self, script: &Script, memory: &mut Memory, asked: &Asked) -> (u16, Value) {
        let sent = |name: &str| asked.form.get(name).map_or("", String::as_str);
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET)));
        let known = asked.authorization == format!("Basic {basic}")
            || (sent("client_id") == CLIENT_ID && sent("client_secret") == CLIENT_SECRET);
        if !known {
            return (401, json!({"error": "invalid_client"}));
        }
        let kept = memory.codes.get(sent("code")).filter(|_| script.sloppy).cloned();
        let Some(request) = kept.or_else(|| memory.codes.remove(sent("code"))) else {
            return (400, json!({"error": "invalid_grant", "error_description": "no such code"}));
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent("code_verifier")));
        let fits = request["code_challenge"] == challenge
            && request["code_challenge_method"] == "S256"
            && request["redirect_uri"] == sent("redirect_uri")
            && request["client_id"] == CLIENT_ID
            && sent("grant_type") == "authorization_code";
        if !fits {
            return (400, json!({"error": "invalid_grant", "error_description": "not what was asked for"}));
        }
        if let Some(answer) = &script.token_answer {
            return answer.clone();
        }
        let now = script.now.seconds();
        let claims = json!({
            "iss": self.issuer(), "sub": "ada-1", "aud": CLIENT_ID, "nonce": request["nonce"],
            "iat": now, "exp": now + 300, "auth_time": now,
            "preferred_username": "ada", "email": "ada@example.com",
        });
        let header = overlay(json!({"alg": script.signer.algorithm(), "kid": script.kid}), &script.header);
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(overlay(claims, &script.claims)));
        let signature = URL_SAFE_NO_PAD.encode(script.signer.sign(signed.as_bytes()));
        let token = format!("{signed}.{signature}");
        (200, json!({"access_token": "access token", "token_type": "Bearer", "id_token": token}))
    }
}
