//! What holds for the commands that come after.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_files::TreePath;

use super::command::{Command, Request};
use super::format::Facts;
use super::passive::{Passive, host_port};
use super::reply::Reply;
use super::session::{Answer, Session, Stop, say};

/// What was told of the next transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// From which byte on.
    pub(super) offset: u64,
    /// How many bytes will come.
    pub(super) expected: Option<u64>,
}

/// What one session has set.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) start: Start,
    pub(super) rename_from: Option<TreePath>,
    pub(super) facts: Facts,
    /// Where the next data connection comes in.
    pub(super) passive: Option<Passive>,
    /// The file of which SIZE told what is kept of an upload, and how much.
    pub(super) kept: Option<(TreePath, u64)>,
    /// Whether lengths that are told count bytes: with TYPE A they need not.
    pub(super) binary: bool,
    protection: Protection,
    /// Only EPSV opens data connections from now on (RFC 2428 section 4).
    only_epsv: bool,
}

/// How data connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Not, and PROT has to wait for PBSZ.
    Unsized,
    Clear,
    Private,
}

impl Settings {
    /// Data connections of implicit TLS are protected from the beginning.
    pub(super) fn new(implicit: bool) -> Self {
        Self {
            start: Start::default(),
            rename_from: None,
            facts: Facts::default(),
            passive: None,
            kept: None,
            binary: false,
            protection: if implicit { Protection::Private } else { Protection::Unsized },
            only_epsv: false,
        }
    }

    pub(super) fn is_private(&self) -> bool {
        self.protection == Protection::Private
    }
}

impl Session {
    /// Data is protected, or need not be.
    pub(super) fn data_allowed(&self) -> Result<(), Stop> {
        if self.settings.is_private() || self.door.config.allow_plaintext {
            return Ok(());
        }
        Err(say(521, "Data is sent with TLS only here; send PBSZ 0 and PROT P first."))
    }

    pub(super) fn pbsz(&mut self, request: &Request) -> Answer {
        if !self.control.is_secure() {
            return Err(say(503, "This comes after AUTH TLS."));
        }
        if request.word().is_none_or(|size| size.parse::<u32>().is_err()) {
            return Err(say(501, "A number is missing; it is 0 with TLS."));
        }
        if self.settings.protection == Protection::Unsized {
            self.settings.protection = Protection::Clear;
        }
        Ok(Reply::new(200, "PBSZ=0"))
    }

    pub(super) fn prot(&mut self, request: &Request) -> Answer {
        if !self.control.is_secure() || self.settings.protection == Protection::Unsized {
            return Err(say(503, "This comes after AUTH TLS and PBSZ 0."));
        }
        match request.word().unwrap_or_default().to_ascii_uppercase().as_str() {
            "P" => self.settings.protection = Protection::Private,
            "C" if self.door.config.allow_plaintext => self.settings.protection = Protection::Clear,
            "C" => return Err(say(534, "Data is sent with TLS only here; use PROT P.")),
            "S" | "E" => return Err(say(536, "TLS knows PROT P alone.")),
            _ => return Err(say(504, "Use PROT P.")),
        }
        // A port that was opened for the other kind is not used for this one.
        self.settings.passive = None;
        Ok(Reply::new(200, "Set."))
    }

    pub(super) fn opts(&mut self, request: &Request) -> Answer {
        let words = request.word().unwrap_or_default();
        let (option, value) = words.split_once(' ').unwrap_or((words, ""));
        match option.to_ascii_uppercase().as_str() {
            "UTF8" | "UTF-8" if !value.eq_ignore_ascii_case("off") => {
                Ok(Reply::new(200, "Names are UTF-8, always."))
            }
            "UTF8" | "UTF-8" => Err(say(504, "Names are UTF-8, always.")),
            "MLST" => {
                self.settings.facts = Facts::chosen(value);
                Ok(Reply::new(200, format!("MLST OPTS {}", self.settings.facts.names())))
            }
            _ => Err(say(501, "There is no such option.")),
        }
    }

    /// Everything is sent as it is stored. ASCII is taken for an answer because some clients ask for nothing else, for listings above all.
    pub(super) fn kind(&mut self, request: &Request) -> Answer {
        let words = request.word().unwrap_or_default().to_ascii_uppercase();
        self.settings.binary = match words.as_str() {
            "I" | "L 8" | "L8" => true,
            "A" | "A N" => false,
            _ => return Err(say(504, "Use TYPE I.")),
        };
        Ok(Reply::new(200, "Set; files are sent as they are, byte for byte."))
    }

    pub(super) fn rest(&mut self, request: &Request) -> Answer {
        let offset = request.word().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let offset = offset.and_then(|digits| digits.parse().ok());
        let offset = offset.ok_or_else(|| say(501, "A number of bytes is missing."))?;
        self.settings.start.offset = offset;
        Ok(Reply::new(350, format!("The next transfer begins at {offset}.")))
    }

    pub(super) fn allo(&mut self, request: &Request) -> Answer {
        let words = request.word().unwrap_or_default();
        let size = words.split(' ').next().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let size = size.and_then(|digits| digits.parse().ok());
        self.settings.start.expected = Some(size.ok_or_else(|| say(501, "A number of bytes is missing."))?);
        Ok(Reply::new(200, "Noted; an upload of fewer bytes is not stored."))
    }

    pub(super) fn epsv(&mut self, request: &Request) -> Answer {
        let version = if self.peer.address.is_ipv4() { "1" } else { "2" };
        match request.word().unwrap_or_default() {
            all if all.eq_ignore_ascii_case("ALL") => {
                self.settings.only_epsv = true;
                return Ok(Reply::new(200, "Only EPSV from now on."));
            }
            "" => {}
            asked if asked == version => {}
            "1" | "2" => {
                return Err(say(522, &format!("This connection is of the other protocol; use ({version}).")));
            }
            _ => return Err(say(501, "Use EPSV, EPSV 1, EPSV 2 or EPSV ALL.")),
        }
        let port = self.open_passive()?;
        Ok(Reply::new(229, format!("Entering extended passive mode (|||{port}|)")))
    }

    pub(super) fn pasv(&mut self) -> Answer {
        if self.settings.only_epsv {
            return Err(say(503, "EPSV ALL was sent; only EPSV opens data connections now."));
        }
        if self.peer.address.is_ipv6() {
            return Err(say(522, "PASV cannot tell an IPv6 address; use EPSV (2)."));
        }
        let address = self.told_address();
        let address = address.ok_or_else(|| say(522, "There is no IPv4 address to tell; use EPSV (1)."))?;
        let port = self.open_passive()?;
        Ok(Reply::new(227, format!("Entering passive mode ({})", host_port(address, port))))
    }

    /// The address under which a client of IPv4 reaches this server, as far as is known.
    fn told_address(&self) -> Option<Ipv4Addr> {
        let set = self.door.config.passive.address.filter(|_| !self.peer.address.is_loopback());
        let v4 = |address: &IpAddr| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        };
        [set, Some(self.reached), Some(self.bound)].iter().flatten().find_map(v4)
    }

    fn open_passive(&mut self) -> Result<u16, Stop> {
        self.data_allowed()?;
        // First, so that its port is free for the next.
        self.settings.passive = None;
        match Passive::open(self.bound, self.door.config.passive.ports.as_ref()) {
            Ok(passive) => {
                let port = passive.port();
                self.settings.passive = Some(passive);
                Ok(port)
            }
            Err(error) => {
                tracing::warn!(%error, "no port is free for an FTP data connection; widen ftp_passive_ports");
                Err(say(425, "No port is free for data; try again."))
            }
        }
    }

    pub(super) fn feat(&self) -> Reply {
        let mut features: Vec<String> =
            ["CLNT", "EPSV", "HOST", "MDTM", "MFMT"].iter().map(|name| (*name).to_owned()).collect();
        if self.door.config.tls.is_some() {
            features.extend(["AUTH TLS", "PBSZ", "PROT"].map(str::to_owned));
        }
        features.push(self.settings.facts.feature());
        features.extend(["REST STREAM", "SIZE", "TVFS", "UTF8"].map(str::to_owned));
        Reply::lines(211, "Beyond RFC 959:", features, "End.")
    }

    /// How things stand.
    pub(super) fn status(&self, now: &str) -> Reply {
        let clear = |secure: bool| if secure { "TLS" } else { "in clear" };
        let lines = vec![
            format!("Control connection: {}", clear(self.control.is_secure())),
            format!("Data connections: {}", clear(self.settings.is_private())),
            format!("TYPE: {}; files are sent as they are", if self.settings.binary { "I" } else { "A" }),
            now.to_owned(),
        ];
        Reply::lines(211, "Portcullis", lines, "End.")
    }
}

pub(super) fn help() -> Reply {
    let rows = Command::ALL.chunks(10);
    let rows = rows.map(|row| row.iter().map(|command| command.as_str()).collect::<Vec<_>>().join(" "));
    Reply::lines(214, "These commands are known:", rows.collect(), "PORT, EPRT and CCC are refused.")
}

pub(super) fn site(request: &Request) -> Answer {
    if request.word().is_some_and(|word| word.eq_ignore_ascii_case("HELP")) {
        return Ok(Reply::new(214, "SITE knows HELP alone."));
    }
    Err(say(504, "SITE knows HELP alone."))
}

pub(super) fn mode(request: &Request) -> Answer {
    if request.word().is_some_and(|word| word.eq_ignore_ascii_case("S")) {
        return Ok(Reply::new(200, "Set."));
    }
    Err(say(504, "Use MODE S."))
}

pub(super) fn stru(request: &Request) -> Answer {
    if request.word().is_some_and(|word| word.eq_ignore_ascii_case("F")) {
        return Ok(Reply::new(200, "Set."));
    }
    Err(say(504, "Use STRU F."))
}
