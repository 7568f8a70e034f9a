//! The doors of FTP and SFTP: closed unless they are given an address.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use super::{Config, Raw};

/// The fewest ports for data connections: each transfer takes one, and a port rests for a while after it.
const FEWEST_PORTS: usize = 10;
/// Ports below this one belong to the system.
const FIRST_PORT: u16 = 1024;

/// Where FTP and SFTP are, and how data connections are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineDoors {
    /// FTP that becomes TLS when the client asks for it.
    pub(crate) ftp: Option<SocketAddr>,
    /// FTP inside TLS from the first byte.
    pub(crate) ftps: Option<SocketAddr>,
    /// SFTP.
    pub(crate) sftp: Option<SocketAddr>,
    /// The ports of data connections; any free one if there is none.
    pub(crate) passive_ports: Option<RangeInclusive<u16>>,
    /// The address that clients are told for data connections, if it is another than the one they reached.
    pub(crate) public_address: Option<IpAddr>,
    /// Whether names, secrets and files may cross the network as they are.
    pub(crate) allow_plaintext: bool,
}

/// Where one of them is, if it is said and can be, and where that stands.
pub(super) fn door(
    raw: Option<Raw>,
    usual: u16,
    problems: &mut Vec<String>,
) -> Option<(Option<SocketAddr>, String)> {
    let Raw { value, origin } = raw?;
    let address = value.parse().ok();
    if address.is_none() {
        problems.push(format!(
            "{origin}: \"{value}\" is not an address; write 0.0.0.0:{usual} or [::]:{usual} (port 0 picks a free one)"
        ));
    }
    Some((address, origin))
}

/// Reads the doors; `tls` says whether certificate or key was given.
pub(super) fn read(get: impl Fn(&str) -> Option<Raw>, tls: bool, problems: &mut Vec<String>) -> LineDoors {
    let mut door = |name: &str| door(get(name), usual_port(name), problems);
    let (ftp, ftps, sftp) = (door("ftp"), door("ftps"), door("sftp"));
    let allow_plaintext = plaintext(get("allow_plaintext_ftp"), problems);
    if let Some((_, origin)) = ftp.as_ref().filter(|_| !tls && !allow_plaintext) {
        problems.push(format!(
            "{origin}: needs tls_cert and tls_key; without them everybody on the way can read names, secrets and files \
             (allow_plaintext_ftp = true, if that is wanted)"
        ));
    }
    if let Some((_, origin)) = ftps.as_ref().filter(|_| !tls) {
        problems.push(format!("{origin}: needs tls_cert and tls_key, the files of certificate and key"));
    }
    let ports = get("ftp_passive_ports");
    let public = get("ftp_public_address");
    if ftp.is_none() && ftps.is_none() {
        for raw in ports.iter().chain(&public) {
            problems.push(format!("{}: has no meaning without ftp or ftps", raw.origin));
        }
    }
    if let Some(raw) = get("allow_plaintext_ftp").filter(|_| ftp.is_none() && allow_plaintext) {
        problems.push(format!("{}: has no meaning without ftp", raw.origin));
    }
    let address = |door: Option<(Option<SocketAddr>, String)>| door.and_then(|(address, _)| address);
    LineDoors {
        ftp: address(ftp),
        ftps: address(ftps),
        sftp: address(sftp),
        passive_ports: ports.and_then(|raw| passive_ports(&raw, problems)),
        public_address: public.and_then(|raw| public_address(&raw, problems)),
        allow_plaintext,
    }
}

/// Addresses that two doors cannot share, and doors on ports that are for data connections.
pub(super) fn crossed(config: &Config, problems: &mut Vec<String>) {
    let Config { line, mail, .. } = config;
    let doors = [
        ("web", Some(config.web)),
        ("s3", Some(config.s3)),
        ("ftp", line.ftp),
        ("ftps", line.ftps),
        ("sftp", line.sftp),
        ("smtp", mail.smtp),
        ("smtps", mail.smtps),
    ];
    let doors: Vec<(&str, SocketAddr)> =
        doors.into_iter().filter_map(|(name, address)| Some((name, address?))).collect();
    for (at, (name, address)) in doors.iter().enumerate() {
        for (other, same) in doors.iter().skip(at + 1).filter(|(_, other)| meet(*address, *other)) {
            problems.push(if same == address {
                format!("{name} and {other}: both are {address}; give each its own port")
            } else {
                format!("{name} and {other}: {address} and {same} share a port; give each its own")
            });
        }
        if let Some(ports) = line.passive_ports.as_ref().filter(|ports| ports.contains(&address.port())) {
            problems.push(format!(
                "{name} and ftp_passive_ports: {} is one of {}-{}; move one of them",
                address.port(),
                ports.start(),
                ports.end()
            ));
        }
    }
}

/// Whether two sockets cannot be bound beside each other.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    let overlap = one.ip() == other.ip() || (everywhere && one.is_ipv4() == other.is_ipv4());
    one.port() != 0 && one.port() == other.port() && overlap
}

fn usual_port(name: &str) -> u16 {
    match name {
        "ftps" => 990,
        "sftp" => 2022,
        _ => 21,
    }
}

fn plaintext(raw: Option<Raw>, problems: &mut Vec<String>) -> bool {
    let Some(raw) = raw else { return false };
    raw.value.parse().unwrap_or_else(|_| {
        problems.push(format!("{}: \"{}\" is neither true nor false", raw.origin, raw.value));
        false
    })
}

fn passive_ports(raw: &Raw, problems: &mut Vec<String>) -> Option<RangeInclusive<u16>> {
    let Raw { value, origin } = raw;
    let ends = value.split_once('-').map(|(first, last)| (first.trim().parse(), last.trim().parse()));
    let Some((Ok(first), Ok(last))) = ends else {
        problems.push(format!("{origin}: \"{value}\" is not a range of ports; write 50000-50100"));
        return None;
    };
    let range: RangeInclusive<u16> = first..=last;
    if first > last {
        problems.push(format!("{origin}: \"{value}\" is upside down; write {last}-{first}"));
    } else if first < FIRST_PORT {
        problems
            .push(format!("{origin}: \"{value}\" begins below {FIRST_PORT}; those ports are the system's"));
    } else if range.len() < FEWEST_PORTS {
        problems.push(format!(
            "{origin}: \"{value}\" is too small: each transfer takes a port of its own; give {FEWEST_PORTS} or more"
        ));
    } else {
        return Some(range);
    }
    None
}

fn public_address(raw: &Raw, problems: &mut Vec<String>) -> Option<IpAddr> {
    let Raw { value, origin } = raw;
    let address = value.parse::<IpAddr>().ok();
    if address.is_none_or(|address| address.is_unspecified() || address.is_multicast()) {
        problems.push(format!(
            "{origin}: \"{value}\" is not an address that clients can connect to; write the public one, such as 203.0.113.7, \
             without a port"
        ));
        return None;
    }
    address
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
        assert_eq!(load_text("").unwrap().line, LineDoors::default());
    }

    #[test]
    fn all_of_them() {
        let text = "ftp = \"0.0.0.0:21\"\nftps = \"[::]:990\"\nsftp = \"0.0.0.0:2022\"\nftp_passive_ports = \"50000 - 50100\"\n\
                    ftp_public_address = \"203.0.113.7\"\nallow_plaintext_ftp = true\n";
        let line = load_text(&format!("{text}{TLS}")).unwrap().line;
        assert_eq!(line.ftp.unwrap().port(), 21);
        assert!(line.ftps.unwrap().is_ipv6() && line.sftp.is_some() && line.allow_plaintext);
        assert_eq!(line.passive_ports, Some(50_000..=50_100));
        assert_eq!(line.public_address, Some("203.0.113.7".parse().unwrap()));
        assert!(load_text("sftp = \"127.0.0.1:0\"").unwrap().line.sftp.is_some());
        assert!(
            load_text("ftp = \"127.0.0.1:0\"\nallow_plaintext_ftp = \"true\"").unwrap().line.allow_plaintext
        );
        assert!(!load_text(&format!("ftp = \"127.0.0.1:0\"\n{TLS}")).unwrap().line.allow_plaintext);
    }

    #[test]
    fn what_is_missing_is_told_together() {
        let told =
            told("ftp = \"here\"\nftps = \"127.0.0.1:0\"\nsftp = \"2022\"\nallow_plaintext_ftp = \"yes\"\n");
        for expected in [
            "the configuration has 5 problems",
            "portcullis.toml:1: ftp: \"here\" is not an address; write 0.0.0.0:21 or [::]:21",
            "portcullis.toml:1: ftp: needs tls_cert and tls_key; without them",
            "portcullis.toml:2: ftps: needs tls_cert and tls_key, the files",
            "portcullis.toml:3: sftp: \"2022\" is not an address; write 0.0.0.0:2022",
            "portcullis.toml:4: allow_plaintext_ftp: \"yes\" is neither true nor false",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in\n{told}");
        }
    }

    #[test]
    fn settings_without_their_door() {
        let told = told(
            "sftp = \"127.0.0.1:0\"\nftp_passive_ports = \"50000-50100\"\nftp_public_address = \"203.0.113.7\"\nallow_plaintext_ftp = true\n",
        );
        for expected in [
            "portcullis.toml:2: ftp_passive_ports: has no meaning without ftp or ftps",
            "portcullis.toml:3: ftp_public_address: has no meaning without ftp or ftps",
            "portcullis.toml:4: allow_plaintext_ftp: has no meaning without ftp",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in\n{told}");
        }
    }

    #[test]
    fn ports_and_addresses_that_cannot_be() {
        for (value, expected) in [
            ("50100-50000", "is upside down; write 50000-50100"),
            ("50000-50005", "is too small"),
            ("900-1200", "begins below 1024"),
            ("50000", "is not a range of ports; write 50000-50100"),
            ("50000-70000", "is not a range of ports"),
        ] {
            let told = told(&format!("ftp = \"127.0.0.1:0\"\nftp_passive_ports = \"{value}\"\n{TLS}"));
            assert!(told.contains(expected) && told.contains("1 problem;"), "{value}: {told}");
        }
        for value in ["0.0.0.0", "ftp.example.com", "203.0.113.7:21", "224.0.0.1"] {
            let told = told(&format!("ftp = \"127.0.0.1:0\"\nftp_public_address = \"{value}\"\n{TLS}"));
            assert!(told.contains("is not an address that clients can connect to"), "{value}: {told}");
        }
    }

    #[test]
    fn one_port_is_one_door() {
        let told = told(&format!(
            "web = \"127.0.0.1:8080\"\nftp = \"0.0.0.0:50010\"\nftps = \"127.0.0.1:50010\"\nsftp = \"127.0.0.1:8080\"\n\
             ftp_passive_ports = \"50000-50100\"\n{TLS}"
        ));
        for expected in [
            "web and sftp: both are 127.0.0.1:8080; give each its own port",
            "ftp and ftps: 0.0.0.0:50010 and 127.0.0.1:50010 share a port; give each its own",
            "ftp and ftp_passive_ports: 50010 is one of 50000-50100; move one of them",
            "ftps and ftp_passive_ports: 50010",
            "4 problems",
        ] {
            assert!(told.contains(expected), "{expected}\nnot in\n{told}");
        }
        let beside = "web = \"127.0.0.1:1000\"\ns3 = \"127.0.0.2:1000\"\nsftp = \"[::]:1000\"\n";
        assert!(load_text(beside).is_ok());
    }
}
