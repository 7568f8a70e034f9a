//! Testing a connection step by step, with advice for a person.

use std::time::Duration;

use http::Method;
use portcullis_domain::Timestamp;

use super::address::Refused;
use super::backend::S3Backend;
use super::connect::{ConnectError, Reason, Stage};
use super::detect::Probe;
use super::fault::Fault;
use super::headers::date_of;
use super::wire::{Call, Load};
use super::xml::Node;
use crate::BackendError;

/// Past this a provider refuses signatures (S3 reference, "Authenticating requests").
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);
/// As many files are counted when a bucket is looked at; it is what providers list at once.
const MOST_SEEN: usize = 1000;
/// From here on it is worth saying.
const SKEW: Duration = Duration::from_secs(60);

/// A step of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckName {
    /// The host's name is looked up and its addresses are allowed.
    Name,
    /// A connection can be made.
    Tcp,
    /// TLS can be agreed on.
    Tls,
    /// The provider's time is ours.
    Clock,
    /// The provider takes the credentials.
    Credentials,
    /// The bucket is there, in this region, and opened by these credentials.
    Bucket,
    /// It can be listed.
    List,
    /// A file can be written, read and removed again.
    Write,
}

impl CheckName {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Clock => "clock",
            Self::Credentials => "credentials",
            Self::Bucket => "bucket",
            Self::List => "list",
            Self::Write => "write",
        }
    }
}

/// What a step found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckStep {
    /// Which step.
    pub name: CheckName,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do, if it is not as it should be; of a step that went well, what is worth knowing.
    pub advice: Option<String>,
}

/// What to test besides what only looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions {
    /// Whether to write, read and remove a file of its own.
    pub write_probe: bool,
}

fn fine(name: CheckName, detail: impl Into<String>) -> CheckStep {
    CheckStep { name, ok: true, detail: detail.into(), advice: None }
}

fn bad(name: CheckName, detail: impl Into<String>, advice: &str) -> CheckStep {
    CheckStep { name, ok: false, detail: detail.into(), advice: Some(advice.to_owned()) }
}

/// What is in the bucket already. It is no fault, but whoever connects it should know.
fn listed_step(listed: &Node) -> CheckStep {
    let count = listed.all("Contents").take(MOST_SEEN).count();
    let held = match count {
        0 => return fine(CheckName::List, "its files can be listed; there are none"),
        1 => "1 file is".to_owned(),
        _ if listed.flag("IsTruncated") => format!("{count} files or more are"),
        _ => format!("{count} files are"),
    };
    let advice = "Nothing of it is changed by connecting. Whoever may read here will see these files.";
    CheckStep {
        advice: Some(advice.to_owned()),
        ..fine(CheckName::List, format!("its files can be listed; {held} there already"))
    }
}

impl S3Backend {
    /// Tests the connection. Ends after the first step whose failure makes the next ones pointless; takes a few
    /// time-outs at most. Nothing is written unless that is asked for.
    pub async fn check(&self, options: &CheckOptions) -> Vec<CheckStep> {
        let mut steps = Vec::new();
        if !self.check_connection(&mut steps).await {
            return steps;
        }
        if self.check_bucket(&mut steps).await && options.write_probe {
            steps.push(self.check_write().await);
        }
        steps
    }

    async fn check_connection(&self, steps: &mut Vec<CheckStep>) -> bool {
        let endpoint = &self.wire.remote.endpoint;
        let host = self.wire.host_name();
        let connector = &self.wire.connector;
        let addresses = match connector.resolve(&host, endpoint.port(), endpoint.is_secure()).await {
            Ok(addresses) => addresses,
            Err(error) => {
                steps.push(connect_failed(&error, self.wire.remote.path_style));
                return false;
            }
        };
        let list: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        steps.push(fine(CheckName::Name, format!("the name {host} leads to {}", list.join(", "))));
        let stream = match connector.tcp(&addresses).await {
            Ok(stream) => stream,
            Err(error) => {
                steps.push(connect_failed(&error, self.wire.remote.path_style));
                return false;
            }
        };
        steps.push(fine(CheckName::Tcp, format!("port {} answers", endpoint.port())));
        if !endpoint.is_secure() {
            return true;
        }
        match connector.tls(&host, stream).await {
            Ok(_) => {
                steps.push(fine(CheckName::Tls, "the certificate is valid for this host"));
                true
            }
            Err(error) => {
                steps.push(connect_failed(&error, self.wire.remote.path_style));
                false
            }
        }
    }

    async fn check_bucket(&self, steps: &mut Vec<CheckStep>) -> bool {
        let prefix = self.wire.remote.prefix.as_str();
        let call = Call::new("check", Method::GET, None)
            .ask("max-keys", MOST_SEEN.to_string())
            .ask("prefix", prefix);
        match self.wire.attempt(call, Load::none()).await {
            Ok(answer) => {
                steps.extend(self.clock_step(date_of(&answer.headers)));
                steps.push(fine(CheckName::Credentials, "the provider takes the access key"));
                let bucket = &self.wire.remote.bucket;
                steps.push(fine(CheckName::Bucket, format!("the bucket {bucket} is there")));
                match answer.document("ListBucketResult", &self.wire.timeouts).await {
                    Ok(listed) => {
                        steps.push(listed_step(&listed));
                        true
                    }
                    Err(error) => {
                        let advice = "What answers is not an S3 service. Is this the address of the provider's S3 interface, and \
                                      not of its web page or of a proxy in between?";
                        steps.push(bad(CheckName::List, cause(&error), advice));
                        false
                    }
                }
            }
            Err((error, None)) => {
                let advice = "The address answers, but not as an S3 service does. Check the address and the port, and whether \
                              it expects https.";
                steps.push(bad(CheckName::Credentials, cause(&error), advice));
                false
            }
            Err((_, Some(fault))) => {
                steps.extend(self.clock_step(fault.date));
                self.judge_bucket(&fault, steps);
                false
            }
        }
    }

    fn clock_step(&self, theirs: Option<Timestamp>) -> Option<CheckStep> {
        let (ours, theirs) = (self.wire.clock.now(), theirs?);
        let (skew, which) =
            if ours > theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
        let detail = format!("this server's clock is {} s {which} the provider's", skew.as_secs());
        if skew < SKEW {
            return Some(fine(CheckName::Clock, "both clocks agree"));
        }
        let advice = "Set the clock of this server, for example by turning time synchronisation (NTP) on. Providers refuse \
                      requests that are more than 15 minutes off.";
        let ok = skew < MAX_SKEW;
        Some(CheckStep { ok, ..bad(CheckName::Clock, detail, advice) })
    }

    /// Which step a fault belongs to, and what to do about it.
    fn judge_bucket(&self, fault: &Fault, steps: &mut Vec<CheckStep>) {
        let remote = &self.wire.remote;
        let detail = fault.to_string();
        let other_region = fault.region.as_deref().filter(|region| *region != remote.region);
        let (name, advice) = match (fault.code.as_str(), fault.status.as_u16(), other_region) {
            ("RequestTimeTooSkewed", ..) => {
                (CheckName::Clock, "Set the clock of this server; the provider finds it too far off.".to_owned())
            }
            ("InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken", ..) => (
                CheckName::Credentials,
                "The provider does not know this access key. Copy it again; is it for this provider and account, and \
                 still active?"
                    .to_owned(),
            ),
            ("SignatureDoesNotMatch", ..) => (
                CheckName::Credentials,
                "The secret does not belong to this access key, or the region is wrong. Copy the secret again, without \
                 spaces at its ends."
                    .to_owned(),
            ),
            (_, _, Some(region)) => {
                (CheckName::Bucket, format!("The bucket is in the region {region}. Set the region to that."))
            }
            ("NoSuchBucket", ..) | (_, 404, _) => (
                CheckName::Bucket,
                format!(
                    "There is no bucket {} at this address. Check its spelling and the account, and try the other \
                     addressing style (path or virtual host).",
                    remote.bucket
                ),
            ),
            ("AuthorizationHeaderMalformed" | "InvalidRegion", ..) | (_, 301 | 302 | 307 | 308, _) => (
                CheckName::Bucket,
                "The bucket is in another region, or has another address. Look both up at the provider.".to_owned(),
            ),
            (_, 403, _) => (
                CheckName::Bucket,
                "The access key may not list this bucket. Either the bucket belongs to another account, or the key needs \
                 the rights to list, read, write and delete in it."
                    .to_owned(),
            ),
            (_, 400 | 405, _) => (
                CheckName::Bucket,
                "The provider does not understand the request. Check the region and the addressing style (path or \
                 virtual host)."
                    .to_owned(),
            ),
            (_, 429 | 500..=599, _) => {
                (CheckName::Bucket, "The provider has a fault of its own at the moment. Try again later.".to_owned())
            }
            _ => (CheckName::Bucket, "Check the address, the region and the bucket.".to_owned()),
        };
        if name == CheckName::Bucket
            && !matches!(fault.status.as_u16(), 500..=599)
            && fault.code == "NoSuchBucket"
        {
            steps.push(fine(CheckName::Credentials, "the provider takes the access key"));
        }
        steps.retain(|step| step.name != name);
        steps.push(bad(name, detail, &advice));
    }

    async fn check_write(&self) -> CheckStep {
        match Probe::write_read_delete(self).await {
            Ok(()) => fine(CheckName::Write, "a file of its own was written, read and removed"),
            Err(error) => bad(
                CheckName::Write,
                cause(&error),
                "The access key needs the rights to write, read and delete in this bucket. A storage that is only read \
                 from works without.",
            ),
        }
    }
}

/// An error with what caused it.
fn cause(error: &BackendError) -> String {
    match &error.source {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

fn connect_failed(error: &ConnectError, path_style: bool) -> CheckStep {
    let name = match error.stage {
        Stage::Name => CheckName::Name,
        Stage::Tcp => CheckName::Tcp,
        Stage::Tls => CheckName::Tls,
    };
    let advice = match (&error.reason, error.stage) {
        (Reason::Refused(_, Refused::NotPublic), _) => {
            "The address is in a private network. If the provider is meant to be there, the operator of this server adds \
             that network to allow_private_endpoints."
        }
        (Reason::Refused(_, Refused::PlainHttp), _) => {
            "Use https: over plain http everybody on the way can read the files. Only addresses that the operator allows \
             are used without TLS."
        }
        (_, Stage::Name) if path_style => {
            "Check the spelling of the address, and whether this server can look names up."
        }
        (_, Stage::Name) => {
            "Check the spelling of the address. With virtual-host addressing the bucket is part of the name; try path \
             addressing."
        }
        (_, Stage::Tcp) => "Check the port, and whether a firewall is between this server and the provider.",
        (_, Stage::Tls) => {
            "Check the address and the port. If the provider's certificate is from an authority of your own, the operator \
             adds that authority. A service without TLS needs http:// in front of its address."
        }
    };
    bad(name, error.to_string(), advice)
}
