//! The tables `[[audit_sink]]`: places to which the audit trail is sent on.
//!
//! They stand in the file alone: there may be several, and their order means nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_forward::Kind;

use super::Raw;

/// The fields of a table.
pub(super) const FIELDS: &[&str] =
    &["name", "kind", "address", "host_name", "url", "token_file", "secret_file", "ca_file", "sites"];
/// What begins the names of such fields among all others; a number and a dot follow.
pub(super) const PREFIX: &str = "audit_sink.";
/// The most places.
const MOST: usize = 16;
/// The longest name.
const LONGEST_NAME: usize = 40;

/// A place to which the audit trail is sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SinkConfig {
    /// What the operator calls it.
    pub(crate) name: String,
    /// What kind of place it is, and where.
    pub(crate) kind: Kind,
    /// Further certificate authorities that vouch for it.
    pub(crate) ca_file: Option<PathBuf>,
    /// How this machine calls itself there.
    pub(crate) host_name: Option<String>,
    /// The sites whose entries it gets; all if there are none.
    pub(crate) sites: Vec<String>,
}

/// The places that the file names.
pub(super) fn read(from_file: &[(String, Raw)], problems: &mut Vec<String>) -> Vec<SinkConfig> {
    let number = |field: &str| field.strip_prefix(PREFIX)?.split_once('.')?.0.parse::<usize>().ok();
    let numbers: BTreeSet<usize> = from_file.iter().filter_map(|(field, _)| number(field)).collect();
    if numbers.len() > MOST {
        problems.push(format!("audit_sink: at most {MOST}"));
    }
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for number in numbers.into_iter().take(MOST) {
        let raw = |name: &str| {
            let wanted = format!("{PREFIX}{number}.{name}");
            from_file.iter().find(|(field, _)| *field == wanted).map(|(_, raw)| raw.clone())
        };
        let Some(sink) = one(number, &raw, problems) else { continue };
        if !names.insert(sink.name.clone()) {
            problems.push(format!("audit_sink: two are called \"{}\"", sink.name));
        }
        all.push(sink);
    }
    all
}

fn one(number: usize, raw: &dyn Fn(&str) -> Option<Raw>, problems: &mut Vec<String>) -> Option<SinkConfig> {
    let text = |name: &str| raw(name).map(|raw| raw.value).filter(|value| !value.is_empty());
    let path = |name: &str| text(name).map(PathBuf::from);
    let name = text("name").unwrap_or_default();
    let called = if name.is_empty() { format!("number {}", number + 1) } else { format!("\"{name}\"") };
    let before = problems.len();
    let mut missing =
        |field: &str, what: &str| problems.push(format!("audit_sink {called}: {field}: missing; {what}"));
    let address = text("address");
    let url = text("url");
    let kind = text("kind");
    match kind.as_deref() {
        Some("syslog") if address.is_none() => {
            missing("address", "write tcp://siem.example.com:601, udp://… or tls://…")
        }
        Some("webhook") if url.is_none() => missing("url", "write https://siem.example.com/audit"),
        Some("syslog" | "webhook") => {}
        Some(_) => problems.push(format!("audit_sink {called}: kind: is neither syslog nor webhook")),
        None => missing("kind", "syslog or webhook"),
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fits) {
        problems.push(format!(
            "audit_sink {called}: name: up to {LONGEST_NAME} letters, digits, - and _; it is kept for good"
        ));
    }
    let others: &[&str] = match kind.as_deref() {
        Some("syslog") => &["url", "token_file", "secret_file"],
        Some("webhook") => &["address", "host_name"],
        _ => &[],
    };
    for raw in others.iter().filter_map(|other| raw(other)) {
        problems.push(format!("{}: has no meaning for this kind", raw.origin));
    }
    let sites = text("sites").unwrap_or_default();
    let sites = sites.split(',').map(str::trim).filter(|site| !site.is_empty()).map(str::to_owned).collect();
    let kind = match kind.as_deref() {
        Some("syslog") => Kind::Syslog { address: address? },
        _ => Kind::Webhook { url: url?, token_file: path("token_file"), secret_file: path("secret_file") },
    };
    (problems.len() == before).then(|| SinkConfig {
        name,
        kind,
        ca_file: path("ca_file"),
        host_name: text("host_name"),
        sites,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::load_text;
    use super::*;

    #[test]
    fn places_as_they_are_written() {
        let text = "[[audit_sink]]\nname = \"siem\"\nkind = \"syslog\"\naddress = \"tls://siem.example.com\"\nsites = [\"main\", \"shop\"]\n\
                    [[audit_sink]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"https://example.com/in\"\ntoken_file = \"/run/token\"\n";
        let sinks = load_text(text).unwrap().sinks;
        let (siem, hook) = (&sinks[0], &sinks[1]);
        assert_eq!((siem.name.as_str(), siem.sites.join(" ")), ("siem", "main shop".to_owned()));
        assert_eq!(siem.kind, Kind::Syslog { address: "tls://siem.example.com".into() });
        let (url, token_file) = ("https://example.com/in".into(), Some("/run/token".into()));
        assert_eq!(hook.kind, Kind::Webhook { url, token_file, secret_file: None });
        assert!(load_text("").unwrap().sinks.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_place() {
        for (text, expected) in [
            ("[[audit_sink]]\nname = \"a\"\n", "audit_sink \"a\": kind: missing; syslog or webhook"),
            (
                "[[audit_sink]]\nkind = \"smoke\"\nname = \"a\"\n",
                "audit_sink \"a\": kind: is neither syslog nor webhook",
            ),
            ("[[audit_sink]]\nkind = \"syslog\"\nname = \"a\"\n", "audit_sink \"a\": address: missing"),
            ("[[audit_sink]]\nkind = \"webhook\"\nname = \"a\"\n", "audit_sink \"a\": url: missing"),
            (
                "[[audit_sink]]\nkind = \"syslog\"\naddress = \"tcp://a\"\n",
                "audit_sink number 1: name: up to 40",
            ),
            (
                "[[audit_sink]]\nname = \"a\"\nkind = \"syslog\"\naddress = \"tcp://a\"\nurl = \"x\"\n",
                "portcullis.toml:5: audit_sink.url: has no meaning for this kind",
            ),
            (
                "[[audit_sink]]\nname = \"a\"\nkind = \"syslog\"\naddress = \"tcp://a\"\n\
                 [[audit_sink]]\nname = \"a\"\nkind = \"syslog\"\naddress = \"tcp://b\"\n",
                "audit_sink: two are called \"a\"",
            ),
            (
                "[[audit_sink]]\ntoken = \"hunter2\"\n",
                "audit_sink.token: unknown setting; known are name, kind",
            ),
            ("[audit_sink]\nname = \"a\"\n", "audit_sink: expected a list of tables: [[audit_sink]]"),
        ] {
            let told = load_text(text).unwrap_err().to_string();
            assert!(told.contains(expected) && !told.contains("hunter2"), "{expected}\nnot in\n{told}");
        }
    }
}
