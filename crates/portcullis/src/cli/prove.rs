//! `portcullis key prove`: a key tried out where it is used, with its own secret and no other right.

use std::path::Path;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use portcullis_control::{
    Act, Answer, Ask, Finding, Promise, Proof, ProofDoor, ProofPlan, ProofStep, S3Request, Scanner,
    SeenOfProof as Seen, answer_of_s3, prove,
};
use portcullis_domain::{Clock as _, CredentialId, Secret, SystemClock};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ureq::http::{Method, Request};

use super::Usage;
use super::api::{Api, encode};
use super::args::{ProveArgs, Remote};
use super::render::Form;
use super::secret;
use crate::output;

/// The longest answer that is read.
const LONGEST: u64 = 64 << 10;

/// Runs all steps and shows them.
///
/// # Errors
/// The credentials cannot be read; not everything was as it was to be.
pub(super) fn run(remote: &Remote, args: &ProveArgs) -> anyhow::Result<()> {
    let (access_key, secret) = credentials(&args.credentials)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut plan = ProofPlan {
        bucket: args.bucket.clone().unwrap_or_default(),
        prefix: args.prefix.clone(),
        other_bucket: args.other.clone(),
        promise: args.expect.map(Promise::of),
        token: token()?,
    };
    // Nothing else runs here that a call could hold up.
    let proof = match (&args.s3, &args.storage) {
        (Some(address), _) => runtime.block_on(prove(&S3Client::new(address, access_key, secret)?, &plan)),
        (None, storage) => {
            let bearer = format!("{access_key}.{}", secret.reveal());
            let api = Api::anonymous(remote.server.as_deref())?.with_token(bearer);
            plan.bucket = storage_id(&api, storage.as_deref().unwrap_or_default());
            let listed = std::sync::atomic::AtomicBool::new(false);
            runtime.block_on(prove(&RestClient { api, listed }, &plan))
        }
    };
    show(remote.form(), &proof)?;
    match (proof.is_as_promised(), args.expect) {
        (true, _) => Ok(()),
        (false, Some(expected)) => {
            bail!("not everything is as a key with the permission {expected} is to be")
        }
        (false, None) => bail!("not everything was answered as it should be"),
    }
}

/// The one pair in a file, whatever else is in it.
fn credentials(path: &Path) -> anyhow::Result<(CredentialId, Secret)> {
    let text = secret::whole_file(path)?;
    let mut scanner = Scanner::default();
    let mut found = scanner.feed(text.as_bytes());
    found.extend(scanner.end());
    let mut found = found.into_iter();
    let Some(Finding { secret, access_key, .. }) = found.next() else {
        bail!(Usage(format!("{} holds no secret key of Portcullis", path.display())));
    };
    if found.any(|other| other.secret != secret) {
        bail!(Usage(format!("{} holds several secret keys; give a file with one of them", path.display())));
    }
    let access_key =
        access_key.with_context(|| format!("{} holds no access key beside the secret", path.display()))?;
    Ok((access_key, secret))
}

fn token() -> anyhow::Result<String> {
    let mut entropy = [0; 8];
    getrandom::fill(&mut entropy).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(entropy))
}

fn show(form: Form, proof: &Proof) -> anyhow::Result<()> {
    let word = |allowed| if allowed { "allowed" } else { "refused" };
    if form == Form::Programs {
        let step = |step: &ProofStep| {
            json!({
                "name": step.act.as_str(), "expected": step.expected.map(word), "seen": step.seen.as_str(),
                "ok": step.is_as_expected(), "status": step.status, "code": step.code, "detail": step.detail,
            })
        };
        let steps: Vec<Value> = proof.steps.iter().map(step).collect();
        let all = json!({
            "as_promised": proof.is_as_promised(), "secret_tested": true, "left_behind": proof.left_behind,
            "steps": steps,
        });
        return Ok(output::line(&serde_json::to_string_pretty(&all)?)?);
    }
    let row = |step: &ProofStep| {
        vec![
            step.act.as_str().replace('_', " "),
            step.expected.map_or("-", word).to_owned(),
            step.seen.as_str().to_owned(),
            if step.is_as_expected() { "yes" } else { "NO" }.to_owned(),
            step.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            step.code.clone(),
            step.detail.to_owned(),
        ]
    };
    let rows: Vec<_> = proof.steps.iter().map(row).collect();
    output::line(&output::table(&["STEP", "TO BE", "SEEN", "OK", "STATUS", "CODE", "NOTE"], &rows))?;
    if let Some(left) = &proof.left_behind {
        output::prompt(&format!("The file {left} was written and stays: the key may not delete it.\n"));
    }
    Ok(())
}

/// A client of S3 with the key's credentials.
struct S3Client {
    agent: ureq::Agent,
    base: String,
    host: String,
    access_key: CredentialId,
    secret: Secret,
}

impl S3Client {
    fn new(address: &str, access_key: CredentialId, secret: Secret) -> anyhow::Result<Self> {
        let base = address.trim_end_matches('/').to_owned();
        let host = base.split_once("://").map(|(_, host)| host).filter(|host| !host.contains('/'));
        let wrong =
            || Usage(format!("--s3: \"{address}\" is no address such as http://files.example.com:9000"));
        let host = host.ok_or_else(wrong)?.to_owned();
        Ok(Self { agent: super::agent::agent(&base)?, base, host, access_key, secret })
    }

    fn signed(&self, request: &S3Request) -> anyhow::Result<Request<Vec<u8>>> {
        let date = AmzDate::from_unix(SystemClock.now().seconds())
            .context("the clock of this machine is far off")?;
        let headers = [("host", self.host.as_bytes())];
        let raw = RawRequest {
            method: request.method,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &headers,
        };
        let id = self.access_key.to_string();
        let signer = Signer::new(&id, self.secret.reveal().as_bytes(), "us-east-1", &date)?;
        let signed = signer.sign(&raw, &date, Payload::Signed(Sha256::digest(&request.body).into()))?;
        let built = Request::builder()
            .method(Method::from_bytes(request.method.as_bytes())?)
            .uri(format!("{}{}", self.base, request.target()))
            .header("x-amz-date", signed.date.as_str())
            .header("x-amz-content-sha256", signed.content_sha256)
            .header("authorization", signed.authorization);
        Ok(built.body(request.body.clone())?)
    }
}

#[async_trait]
impl ProofDoor for S3Client {
    async fn ask(&self, ask: &Ask<'_>) -> Answer {
        let asked = self.signed(&S3Request::of(ask)).and_then(|request| Ok(self.agent.run(request)?));
        match asked {
            Err(error) => Answer::none(format!("{error:#}")),
            Ok(mut answer) => {
                let version = answer.headers().get("x-amz-version-id").and_then(|id| id.to_str().ok());
                let version = version.map(str::to_owned);
                let status = answer.status().as_u16();
                let body = answer.body_mut().with_config().limit(LONGEST).read_to_vec().unwrap_or_default();
                answer_of_s3(status, version, body)
            }
        }
    }
}

/// A client of REST with the key's token.
struct RestClient {
    api: Api,
    /// Whether a list was allowed: then what is not found is a file that is not there, and not a storage that is not theirs.
    listed: std::sync::atomic::AtomicBool,
}

/// The id of a storage that a key opens, by its bucket name; what is found by none is taken for an id.
fn storage_id(api: &Api, wanted: &str) -> String {
    let found = api.get(&format!("/me/storages?{}", encode(&[("search", wanted)])));
    let items = found.ok().and_then(|found| found.get("items").and_then(Value::as_array).cloned());
    let is_it = |item: &&Value| item.get("bucket_name").and_then(Value::as_str) == Some(wanted);
    let id = items.iter().flatten().find(is_it).and_then(|item| item.get("id")?.as_str().map(str::to_owned));
    id.unwrap_or_else(|| wanted.to_owned())
}

#[async_trait]
impl ProofDoor for RestClient {
    async fn ask(&self, ask: &Ask<'_>) -> Answer {
        use std::sync::atomic::Ordering;
        let at = format!("/storages/{}", encode_one(ask.bucket));
        let file = || format!("{at}/file?{}", encode(&[("key", ask.key)]));
        let (method, path) = match ask.act {
            Act::List | Act::OtherBucket => {
                (Method::GET, format!("{at}/files?{}", encode(&[("prefix", ask.key), ("limit", "1")])))
            }
            Act::Read | Act::OutsidePrefix => (Method::GET, file()),
            Act::Write => (Method::PUT, file()),
            Act::Delete => (Method::DELETE, file()),
        };
        let (status, body) = match self.api.raw(method, &path, ask.body, LONGEST) {
            Ok(answer) => answer,
            Err(error) => return Answer::none(format!("{error:#}")),
        };
        let problem = serde_json::from_slice::<Value>(&body).ok().filter(|_| status >= 400);
        let kind =
            problem.as_ref().and_then(|problem| problem.get("type")?.as_str()?.rsplit([':', '/']).next());
        let seen = match (status, ask.act) {
            (200..300, _) => Seen::Allowed,
            (404, Act::Read | Act::Delete) if self.listed.load(Ordering::Relaxed) => Seen::Allowed,
            (401 | 403 | 404, _) => Seen::Refused,
            (_, _) => Seen::Unclear,
        };
        if ask.act == Act::List {
            self.listed.store(seen == Seen::Allowed, Ordering::Relaxed);
        }
        let code = kind.unwrap_or_default().to_owned();
        Answer { seen, status: Some(status), code, body, version: None }
    }
}

/// A part of a path, encoded.
fn encode_one(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
