//! The doors of mail: closed unless they are given an address.

use std::net::{IpAddr, SocketAddr};

use portcullis_domain::MailRules;
use portcullis_line::smtp::SmtpConfig;

use super::{Raw, domains, doors};
use crate::doors::host_of;
use crate::size::size;

/// What messages on their way may take on the disk if nothing is said.
const SPOOL: u64 = 4 << 30;
/// Larger messages are none that a client would send.
const LARGEST: u64 = 64 << 30;

/// Where mail submission is, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailDoors {
    /// With TLS when the client asks for it.
    pub(crate) smtp: Option<SocketAddr>,
    /// Inside TLS from the first byte.
    pub(crate) smtps: Option<SocketAddr>,
    /// Whose addresses are taken; never empty.
    pub(crate) domains: Vec<String>,
    /// The largest message in bytes.
    pub(crate) max_message: u64,
    /// What messages on their way may take in all, in bytes.
    pub(crate) spool: u64,
}

impl Default for MailDoors {
    fn default() -> Self {
        Self {
            smtp: None,
            smtps: None,
            domains: vec!["localhost".to_owned()],
            max_message: SmtpConfig::MAX_MESSAGE,
            spool: SPOOL,
        }
    }
}

impl MailDoors {
    /// Whether one of them is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.smtp.is_some() || self.smtps.is_some()
    }
}

/// Reads them; `tls` says whether certificate or key was given, `web_url` where browsers reach the panel.
pub(super) fn read(
    get: impl Fn(&str) -> Option<Raw>,
    tls: bool,
    web_url: Option<&str>,
    problems: &mut Vec<String>,
) -> MailDoors {
    let doors = [("smtp", 587), ("smtps", 465)].map(|(name, usual)| doors::door(get(name), usual, problems));
    for (_, origin) in doors.iter().flatten().filter(|_| !tls) {
        problems.push(format!(
            "{origin}: needs tls_cert and tls_key, the files of certificate and key; nobody says a secret in clear"
        ));
    }
    let settings = ["smtp_domains", "smtp_max_message", "smtp_spool"].map(get);
    let [smtp, smtps] = doors;
    if smtp.is_none() && smtps.is_none() {
        for raw in settings.iter().flatten() {
            problems.push(format!("{}: has no meaning without smtp or smtps", raw.origin));
        }
    }
    let [names, max_message, spool] = settings;
    let named = names.is_some();
    let mut domains = domains(names, "gate.example.com", problems);
    if domains.is_empty() && !named {
        domains.push(usual_domain(web_url));
    }
    let largest = (MailRules::LEAST_MESSAGE, LARGEST);
    let max_message = bytes(max_message, SmtpConfig::MAX_MESSAGE, largest, problems);
    let origin = spool.as_ref().map(|raw| raw.origin.clone());
    let spool = bytes(spool, SPOOL.max(max_message), (MailRules::LEAST_MESSAGE, u64::MAX), problems);
    if let Some(origin) = origin.filter(|_| spool < max_message) {
        problems.push(format!("{origin}: is less than one message may have; make smtp_max_message smaller"));
    }
    let address = |door: Option<(Option<SocketAddr>, String)>| door.and_then(|(address, _)| address);
    MailDoors { smtp: address(smtp), smtps: address(smtps), domains, max_message, spool }
}

/// The host of the panel's address, since certificate and name are the same; an address is written as mail does.
fn usual_domain(web_url: Option<&str>) -> String {
    let host = web_url.and_then(host_of).unwrap_or("localhost").to_ascii_lowercase();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => host,
    }
}

fn bytes(raw: Option<Raw>, default: u64, (least, most): (u64, u64), problems: &mut Vec<String>) -> u64 {
    let Some(Raw { value, origin }) = raw else { return default };
    match size(&value) {
        Some(bytes) if (least..=most).contains(&bytes) => return bytes,
        Some(bytes) if bytes < least => problems.push(format!("{origin}: \"{value}\" is less than 16K")),
        Some(_) => problems.push(format!("{origin}: \"{value}\" is more than 64G")),
        None => {
            problems.push(format!("{origin}: \"{value}\" is not a size; write 64M, 4G or a number of bytes"));
        }
    }
    default
}

#[cfg(test)]
mod tests {
    use super::super::tests::load_text;
    use super::*;

    const TLS: &str = "tls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n";

    fn told(text: &str) -> String {
        load_text(text).unwrap_err().to_string()
    }

    #[test]
    fn closed_unless_asked_for() {
        let mail = load_text("").unwrap().mail;
        assert_eq!(mail, MailDoors::default());
        assert!(!mail.is_open());
    }

    #[test]
    fn all_of_them() {
        let text = "smtp = \"0.0.0.0:587\"\nsmtps = \"[::]:465\"\nsmtp_domains = \"Files.example.com, files\"\n\
                    smtp_max_message = \"64M\"\nsmtp_spool = \"1G\"\n";
        let mail = load_text(&format!("{text}{TLS}")).unwrap().mail;
        assert_eq!((mail.smtp.unwrap().port(), mail.smtps.unwrap().port()), (587, 465));
        assert_eq!(mail.domains, ["files.example.com", "files"]);
        assert_eq!((mail.max_message, mail.spool), (64 << 20, 1 << 30));
    }

    #[test]
    fn addresses_are_of_the_host_that_people_know() {
        for (url, domain) in [
            ("https://Gate.example.com:8443", "gate.example.com"),
            ("https://203.0.113.7", "[203.0.113.7]"),
            ("https://[2001:DB8::1]:8443", "[IPv6:2001:db8::1]"),
        ] {
            let mail =
                load_text(&format!("smtp = \"127.0.0.1:0\"\nweb_url = \"{url}\"\n{TLS}")).unwrap().mail;
            assert_eq!(mail.domains, [domain]);
        }
    }

    #[test]
    fn what_is_wrong_is_told_together() {
        let told = told(
            "smtp = \"587\"\nsmtps = \"127.0.0.1:0\"\nsmtp_domains = \"a@b\"\nsmtp_max_message = \"1K\"\nsmtp_spool = \"big\"\n",
        );
        for expected in [
            "the configuration has 6 problems",
            "portcullis.toml:1: smtp: \"587\" is not an address; write 0.0.0.0:587",
            "portcullis.toml:1: smtp: needs tls_cert and tls_key",
            "portcullis.toml:2: smtps: needs tls_cert and tls_key",
            "portcullis.toml:3: smtp_domains: \"a@b\" is not a domain name; write gate.example.com",
            "portcullis.toml:4: smtp_max_message: \"1K\" is less than 16K",
            "portcullis.toml:5: smtp_spool: \"big\" is not a size; write 64M",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in\n{told}");
        }
    }

    #[test]
    fn settings_that_do_not_fit() {
        let told = told("smtp_domains = \"a\"\nsmtp_max_message = \"1M\"\nsmtp_spool = \"1M\"\n");
        assert!(
            told.contains("3 problems") && told.contains("has no meaning without smtp or smtps"),
            "{told}"
        );
        let told = self::told(&format!("smtp = \"127.0.0.1:0\"\nsmtp_spool = \"1M\"\n{TLS}"));
        assert!(told.contains("smtp_spool: is less than one message may have"), "{told}");
        let told = self::told(&format!("smtp = \"127.0.0.1:0\"\nsmtp_max_message = \"65G\"\n{TLS}"));
        assert!(told.contains("is more than 64G"), "{told}");
        let large =
            load_text(&format!("smtp = \"127.0.0.1:0\"\nsmtp_max_message = \"5G\"\n{TLS}")).unwrap().mail;
        assert_eq!(large.spool, 5 << 30);
        let told = self::told(&format!("smtp = \"127.0.0.1:587\"\nsmtps = \"0.0.0.0:587\"\n{TLS}"));
        assert!(told.contains("smtp and smtps: 127.0.0.1:587 and 0.0.0.0:587 share a port"), "{told}");
    }
}
