//! Configuration: flags over environment over file over defaults, read once, here and nowhere else.
//!
//! Every setting is a flag (`--s3-domain`), an environment variable (`PORTCULLIS_S3_DOMAIN`) and a field of the TOML
//! file (`s3_domain`). All problems of all sources are reported together, each with where it stands.

mod doors;
mod field;
mod file;
mod mail;
mod master_key;
mod oidc;
mod sinks;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use portcullis_domain::Secret;
use portcullis_listener::{Limits, Proxies, ProxyKind};

pub(crate) use doors::LineDoors;
pub(crate) use field::{FIELDS, Field};
pub(crate) use mail::MailDoors;
pub(crate) use master_key::{MasterKeySource, read as read_master_key, write_new as write_master_key};
pub(crate) use oidc::{ClientSecretSource, OidcConfig};
pub(crate) use sinks::SinkConfig;

/// How long secrets that were replaced are kept if nothing is said.
const RETIRED_SECRETS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Everything `serve` needs.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where state and the embedded store live.
    pub(crate) data_dir: PathBuf,
    /// Panel, REST and health.
    pub(crate) web: SocketAddr,
    /// The S3 protocol.
    pub(crate) s3: SocketAddr,
    /// FTP and SFTP.
    pub(crate) line: LineDoors,
    /// Mail submission.
    pub(crate) mail: MailDoors,
    /// Where administration is kept; the default is a file in the data directory.
    pub(crate) database: Option<String>,
    /// Domains below which buckets are host names.
    pub(crate) s3_domains: Vec<String>,
    /// The S3 address that people are shown, if it is another than the one listened on.
    pub(crate) s3_url: Option<String>,
    /// The address at which browsers reach the panel, if it is another than the one listened on.
    pub(crate) web_url: Option<String>,
    /// The files of certificate and key with which the doors speak TLS.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Networks that are not public and where providers may be all the same.
    pub(crate) allow_private_endpoints: Vec<IpNet>,
    /// The proxies whose word on the client's address counts.
    pub(crate) proxies: Proxies,
    /// What each door allows its clients.
    pub(crate) limits: Limits,
    /// Further certificate authorities for providers.
    pub(crate) provider_ca_file: Option<PathBuf>,
    /// Where the master key comes from.
    pub(crate) master_key: MasterKeySource,
    /// The provider by which people sign in.
    pub(crate) oidc: Option<OidcConfig>,
    /// Where the audit trail is sent on to.
    pub(crate) sinks: Vec<SinkConfig>,
    /// How long entries of the audit trail stay; for ever if there is none.
    pub(crate) audit_retention: Option<Duration>,
    /// How long secrets that were replaced are kept.
    pub(crate) retired_secrets: Duration,
    /// Which messages are logged.
    pub(crate) log: String,
    /// Whether messages are JSON.
    pub(crate) log_json: bool,
}

impl Config {
    /// The URL of the database.
    pub(crate) fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("portcullis.db").display()))
    }
}

/// Everything that is wrong with the configuration.
#[derive(Debug)]
pub(crate) struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the configuration has {} problem{}; nothing was started",
            self.0.len(),
            if self.0.len() == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// A value and where it came from, for the message if it is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) value: String,
    pub(crate) origin: String,
}

/// What the flags say: field name and value.
pub(crate) type Flags = Vec<(&'static str, String)>;

/// Reads every source and gives the configuration, or every problem.
pub(crate) fn load(flags: &Flags, file: Option<&PathBuf>) -> Result<Config, Problems> {
    let mut problems = Vec::new();
    let from_file = match file {
        None => Vec::new(),
        Some(path) => file::read(path, &mut problems),
    };
    let raw = |field: &Field| -> Option<Raw> {
        let flag = flags.iter().find(|(name, _)| *name == field.name);
        flag.map(|(_, value)| Raw { value: value.clone(), origin: format!("--{}", field.flag()) })
            .or_else(|| env(&field.env()).map(|value| Raw { value, origin: field.env() }))
            .or_else(|| from_file.iter().find(|(name, _)| name == field.name).map(|(_, raw)| raw.clone()))
    };
    let get = |name: &str| FIELDS.iter().find(|field| field.name == name).and_then(&raw);
    let has_tls = get("tls_cert").or_else(|| get("tls_key")).is_some();
    let web_url = url(get("web_url"), &mut problems);
    let config = Config {
        data_dir: get("data_dir")
            .map_or_else(|| PathBuf::from("portcullis-data"), |raw| PathBuf::from(raw.value)),
        web: address(get("web").as_ref(), "127.0.0.1:8080", &mut problems),
        s3: address(get("s3").as_ref(), "127.0.0.1:9000", &mut problems),
        line: doors::read(get, has_tls, &mut problems),
        mail: mail::read(get, has_tls, web_url.as_deref(), &mut problems),
        database: database(get("database"), &mut problems),
        s3_domains: domains(get("s3_domain"), "s3.example.com", &mut problems),
        s3_url: url(get("s3_url"), &mut problems),
        web_url,
        tls: tls(get("tls_cert"), get("tls_key"), &mut problems),
        allow_private_endpoints: networks(get("allow_private_endpoints"), &mut problems),
        proxies: proxies(get("trusted_proxies"), get("proxy_header"), &mut problems),
        limits: limits(get("max_connections"), get("max_connections_per_address"), &mut problems),
        provider_ca_file: get("provider_ca_file").map(|raw| PathBuf::from(raw.value)),
        master_key: master_key::source(
            env("PORTCULLIS_MASTER_KEY"),
            get("master_key_file"),
            get("master_key_command"),
            &mut problems,
        ),
        oidc: oidc::read(&from_file, &mut problems),
        sinks: sinks::read(&from_file, &mut problems),
        audit_retention: retention(get("audit_retention_days"), &mut problems),
        retired_secrets: retention(get("retired_secret_days"), &mut problems).unwrap_or(RETIRED_SECRETS),
        log: get("log").map_or_else(|| "portcullis=info,warn".to_owned(), |raw| raw.value),
        log_json: log_format(get("log_format"), &mut problems),
    };
    doors::crossed(&config, &mut problems);
    if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
}

/// The admin's password for the first start, if the operator chose one.
pub(crate) fn admin_password() -> Option<Secret> {
    env("PORTCULLIS_ADMIN_PASSWORD").filter(|text| !text.is_empty()).map(Secret::foreign)
}

/// A variable of the environment; the only place that reads one.
#[expect(clippy::disallowed_methods, reason = "this is where configuration is read")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn address(raw: Option<&Raw>, default: &str, problems: &mut Vec<String>) -> SocketAddr {
    let text = raw.map_or(default, |raw| raw.value.as_str());
    text.parse().unwrap_or_else(|_| {
        let origin = raw.map_or("default", |raw| raw.origin.as_str());
        problems.push(format!("{origin}: \"{text}\" is not an address; write 127.0.0.1:9000 or [::1]:9000 (port 0 picks a free one)"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

/// Days, as many as a century has.
fn retention(raw: Option<Raw>, problems: &mut Vec<String>) -> Option<Duration> {
    let raw = raw?;
    let days = raw.value.parse::<u32>().ok().filter(|days| (1..=36_525).contains(days));
    if days.is_none() {
        problems.push(format!("{}: \"{}\" is not a number of days from 1 to 36525", raw.origin, raw.value));
    }
    days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60))
}

/// Connections; more than a process may have files open is the system's to refuse.
fn limits(all: Option<Raw>, per_address: Option<Raw>, problems: &mut Vec<String>) -> Limits {
    let mut read = |raw: Option<Raw>, default: usize| {
        let Some(raw) = raw else { return default };
        let number = raw.value.parse::<usize>().ok().filter(|number| (1..=1_000_000).contains(number));
        if number.is_none() {
            problems.push(format!("{}: \"{}\" is not a number from 1 to 1000000", raw.origin, raw.value));
        }
        number.unwrap_or(default)
    };
    let defaults = Limits::default();
    Limits {
        max_connections: read(all, defaults.max_connections),
        max_connections_per_address: read(per_address, defaults.max_connections_per_address),
        ..defaults
    }
}

fn database(raw: Option<Raw>, problems: &mut Vec<String>) -> Option<String> {
    let raw = raw?;
    if !["sqlite://", "postgres://", "postgresql://"].iter().any(|scheme| raw.value.starts_with(scheme)) {
        // The value may hold a password: it is not repeated.
        problems.push(format!("{}: begins neither with postgres:// nor with sqlite://", raw.origin));
    }
    Some(raw.value)
}

fn domains(raw: Option<Raw>, example: &str, problems: &mut Vec<String>) -> Vec<String> {
    let Some(raw) = raw else { return Vec::new() };
    let list: Vec<String> = raw
        .value
        .split(',')
        .map(|part| part.trim().to_ascii_lowercase())
        .filter(|part| !part.is_empty())
        .collect();
    for domain in &list {
        let plain = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !domain.split('.').all(plain) {
            problems.push(format!(
                "{}: \"{domain}\" is not a domain name; write {example}, without port or scheme",
                raw.origin
            ));
        }
    }
    list
}

fn networks(raw: Option<Raw>, problems: &mut Vec<String>) -> Vec<IpNet> {
    let Some(raw) = raw else { return Vec::new() };
    let mut list = Vec::new();
    for part in raw.value.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let read = part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        match read {
            Ok(network) => list.push(network),
            Err(_) => problems.push(format!(
                "{}: \"{part}\" is not a network; write 10.20.0.0/16 or fd00::/8, separated by commas",
                raw.origin
            )),
        }
    }
    list
}

fn tls(certificate: Option<Raw>, key: Option<Raw>, problems: &mut Vec<String>) -> Option<(PathBuf, PathBuf)> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate.value.into(), key.value.into())),
        (None, None) => None,
        (Some(one), None) => {
            problems.push(format!("{}: needs tls_key too, the file with the certificate's key", one.origin));
            None
        }
        (None, Some(one)) => {
            problems.push(format!("{}: needs tls_cert too, the file with the key's certificate", one.origin));
            None
        }
    }
}

fn proxies(trusted: Option<Raw>, header: Option<Raw>, problems: &mut Vec<String>) -> Proxies {
    let Some(header) = header else { return Proxies::new(networks(trusted, problems), ProxyKind::default()) };
    if trusted.is_none() {
        problems.push(format!("{}: has no meaning without trusted_proxies", header.origin));
    }
    let kind = header.value.parse().unwrap_or_else(|unknown| {
        problems.push(format!("{}: \"{}\" is not one of {unknown}", header.origin, header.value));
        ProxyKind::default()
    });
    Proxies::new(networks(trusted, problems), kind)
}

fn url(raw: Option<Raw>, problems: &mut Vec<String>) -> Option<String> {
    let raw = raw?;
    let host = raw.value.strip_prefix("https://").or_else(|| raw.value.strip_prefix("http://"));
    if !host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', ' '])) {
        problems.push(format!(
            "{}: \"{}\" is not an address; write one such as https://s3.example.com, without a path",
            raw.origin, raw.value
        ));
    }
    Some(raw.value)
}

fn log_format(raw: Option<Raw>, problems: &mut Vec<String>) -> bool {
    match raw {
        None => false,
        Some(raw) => match raw.value.as_str() {
            "text" => false,
            "json" => true,
            other => {
                problems.push(format!("{}: \"{other}\" is neither text nor json", raw.origin));
                false
            }
        },
    }
}

#[cfg(test)]
mod tests;
