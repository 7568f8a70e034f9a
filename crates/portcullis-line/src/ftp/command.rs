//! What clients say: a verb and the rest of the line.

use std::fmt;

use zeroize::Zeroizing;

/// A command that this server knows, and answers with something else than that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Gives up the transfer under way.
    Abor,
    /// An account, which nobody has here.
    Acct,
    /// How many bytes will come.
    Allo,
    /// Goes on at the end of a file.
    Appe,
    /// Changes to TLS.
    Auth,
    /// Back to plain text; refused.
    Ccc,
    /// To the folder above.
    Cdup,
    /// What the client is called.
    Clnt,
    /// To another folder.
    Cwd,
    /// Removes a file.
    Dele,
    /// Active mode (RFC 2428); refused.
    Eprt,
    /// Passive mode (RFC 2428).
    Epsv,
    /// What is spoken here beyond RFC 959.
    Feat,
    /// Which commands there are.
    Help,
    /// Which host is meant (RFC 7151).
    Host,
    /// A folder for people.
    List,
    /// When a file was modified.
    Mdtm,
    /// Sets when a file was modified.
    Mfmt,
    /// Makes a folder.
    Mkd,
    /// A folder for programs (RFC 3659).
    Mlsd,
    /// One file or folder for programs.
    Mlst,
    /// How data is framed.
    Mode,
    /// The names in a folder.
    Nlst,
    /// Nothing.
    Noop,
    /// Options of other commands.
    Opts,
    /// The password.
    Pass,
    /// Passive mode.
    Pasv,
    /// The size of the protection buffer.
    Pbsz,
    /// Active mode; refused.
    Port,
    /// How data connections are protected.
    Prot,
    /// Which folder this is.
    Pwd,
    /// Goodbye.
    Quit,
    /// From which byte on.
    Rest,
    /// Downloads a file.
    Retr,
    /// Removes a folder.
    Rmd,
    /// What is to be renamed.
    Rnfr,
    /// What it is called from then on.
    Rnto,
    /// What is of this server alone; only help.
    Site,
    /// How large a file is.
    Size,
    /// How things stand.
    Stat,
    /// Uploads a file.
    Stor,
    /// Uploads a file under a name that the server finds.
    Stou,
    /// How files are structured.
    Stru,
    /// Which system this is like.
    Syst,
    /// How data is represented.
    Type,
    /// The user name.
    User,
}

impl Command {
    /// Every command, in the order of their verbs.
    pub const ALL: &'static [Self] = &[
        Self::Abor,
        Self::Acct,
        Self::Allo,
        Self::Appe,
        Self::Auth,
        Self::Ccc,
        Self::Cdup,
        Self::Clnt,
        Self::Cwd,
        Self::Dele,
        Self::Eprt,
        Self::Epsv,
        Self::Feat,
        Self::Help,
        Self::Host,
        Self::List,
        Self::Mdtm,
        Self::Mfmt,
        Self::Mkd,
        Self::Mlsd,
        Self::Mlst,
        Self::Mode,
        Self::Nlst,
        Self::Noop,
        Self::Opts,
        Self::Pass,
        Self::Pasv,
        Self::Pbsz,
        Self::Port,
        Self::Prot,
        Self::Pwd,
        Self::Quit,
        Self::Rest,
        Self::Retr,
        Self::Rmd,
        Self::Rnfr,
        Self::Rnto,
        Self::Site,
        Self::Size,
        Self::Stat,
        Self::Stor,
        Self::Stou,
        Self::Stru,
        Self::Syst,
        Self::Type,
        Self::User,
    ];

    /// Its verb.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Abor => "ABOR",
            Self::Acct => "ACCT",
            Self::Allo => "ALLO",
            Self::Appe => "APPE",
            Self::Auth => "AUTH",
            Self::Ccc => "CCC",
            Self::Cdup => "CDUP",
            Self::Clnt => "CLNT",
            Self::Cwd => "CWD",
            Self::Dele => "DELE",
            Self::Eprt => "EPRT",
            Self::Epsv => "EPSV",
            Self::Feat => "FEAT",
            Self::Help => "HELP",
            Self::Host => "HOST",
            Self::List => "LIST",
            Self::Mdtm => "MDTM",
            Self::Mfmt => "MFMT",
            Self::Mkd => "MKD",
            Self::Mlsd => "MLSD",
            Self::Mlst => "MLST",
            Self::Mode => "MODE",
            Self::Nlst => "NLST",
            Self::Noop => "NOOP",
            Self::Opts => "OPTS",
            Self::Pass => "PASS",
            Self::Pasv => "PASV",
            Self::Pbsz => "PBSZ",
            Self::Port => "PORT",
            Self::Prot => "PROT",
            Self::Pwd => "PWD",
            Self::Quit => "QUIT",
            Self::Rest => "REST",
            Self::Retr => "RETR",
            Self::Rmd => "RMD",
            Self::Rnfr => "RNFR",
            Self::Rnto => "RNTO",
            Self::Site => "SITE",
            Self::Size => "SIZE",
            Self::Stat => "STAT",
            Self::Stor => "STOR",
            Self::Stou => "STOU",
            Self::Stru => "STRU",
            Self::Syst => "SYST",
            Self::Type => "TYPE",
            Self::User => "USER",
        }
    }

    /// The command of a verb in any case. The forms with X are those of RFC 775, which old clients send.
    fn of(verb: &str) -> Option<Self> {
        let verb = match verb {
            "XCUP" => "CDUP",
            "XCWD" => "CWD",
            "XMKD" => "MKD",
            "XPWD" => "PWD",
            "XRMD" => "RMD",
            other => other,
        };
        Self::ALL.iter().copied().find(|command| command.as_str() == verb)
    }

    /// Whether it is answered to somebody who has not logged in.
    #[must_use]
    pub const fn is_for_strangers(self) -> bool {
        matches!(
            self,
            Self::Acct
                | Self::Auth
                | Self::Ccc
                | Self::Clnt
                | Self::Feat
                | Self::Help
                | Self::Host
                | Self::Noop
                | Self::Opts
                | Self::Pass
                | Self::Pbsz
                | Self::Prot
                | Self::Quit
                | Self::Syst
                | Self::User
        )
    }

    /// Whether an offset that was told before it still holds after it (RFC 3659 section 5.3: what is between REST and the transfer only
    /// prepares it).
    pub(super) const fn keeps_offset(self) -> bool {
        matches!(
            self,
            Self::Allo
                | Self::Epsv
                | Self::Eprt
                | Self::Mdtm
                | Self::Mode
                | Self::Noop
                | Self::Pasv
                | Self::Pbsz
                | Self::Port
                | Self::Prot
                | Self::Rest
                | Self::Size
                | Self::Stru
                | Self::Type
        )
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    /// No such verb.
    Unknown,
    /// There is no verb, or one that no client would send.
    Malformed,
    /// Longer than any line may be.
    TooLong,
    /// Another protocol is spoken: a browser was sent here.
    Foreign,
}

/// How a request of HTTP begins. What comes behind it was perhaps chosen by somebody else.
const FOREIGN: [&str; 7] = ["CONNECT", "DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"];

/// One line of a client.
pub(super) struct Request {
    pub(super) command: Command,
    /// What follows the verb and one space, as it came: names may begin and end with spaces.
    pub(super) argument: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The argument may be a password.
        f.debug_struct("Request").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Request {
    /// Takes a line without its end.
    pub(super) fn parse(line: &[u8]) -> Result<Self, BadLine> {
        let (verb, rest) = match memchr::memchr(b' ', line) {
            Some(at) => (line.get(..at), line.get(at + 1..)),
            None => (Some(line), None),
        };
        let verb = verb.filter(|verb| (3..=8).contains(&verb.len())).ok_or(BadLine::Malformed)?;
        let verb = str::from_utf8(verb).map_err(|_| BadLine::Malformed)?;
        if !verb.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(BadLine::Malformed);
        }
        let unknown = if FOREIGN.contains(&verb) { BadLine::Foreign } else { BadLine::Unknown };
        let command = Command::of(&verb.to_ascii_uppercase()).ok_or(unknown)?;
        let argument = rest.unwrap_or_default();
        // An end of line or the end of a text within a name leads to two meanings of one line.
        let whole = argument.iter().all(|byte| !matches!(byte, 0 | b'\r' | b'\n'));
        if whole {
            Ok(Self { command, argument: Zeroizing::new(argument.to_vec()) })
        } else {
            Err(BadLine::Malformed)
        }
    }

    /// The argument as text, without spaces around it; of words, not of names.
    pub(super) fn word(&self) -> Option<&str> {
        str::from_utf8(&self.argument).ok().map(str::trim)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_verb_in_any_case_and_the_rest_as_it_is() {
        let request = Request::parse(b"stor  a b ").unwrap();
        assert_eq!((request.command, request.argument.as_slice()), (Command::Stor, b" a b ".as_slice()));
        assert_eq!(Request::parse(b"XPWD").unwrap().command, Command::Pwd);
        assert_eq!(Request::parse(b"PASS").unwrap().argument.as_slice(), b"");
    }

    #[test]
    fn what_is_no_command() {
        for (line, why) in [
            (b"".as_slice(), BadLine::Malformed),
            (b" STOR a", BadLine::Malformed),
            (b"GET / HTTP/1.1", BadLine::Foreign),
            (b"SMNT a", BadLine::Unknown),
            (b"STOR\ta", BadLine::Malformed),
            (b"STOR a\rDELE b", BadLine::Malformed),
            (b"STOR a\0b", BadLine::Malformed),
            (b"ABCDEFGHI", BadLine::Malformed),
            (b"ST\xffR a", BadLine::Malformed),
        ] {
            assert_eq!(Request::parse(line).map(|found| found.command), Err(why), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn every_verb_is_found_and_nothing_prints_an_argument() {
        for command in Command::ALL {
            let request = Request::parse(format!("{command} secret").as_bytes()).unwrap();
            assert_eq!(request.command, *command);
            assert!(!format!("{request:?}").contains("secret"));
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_refused(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(request) = Request::parse(&line) {
                prop_assert!(line.ends_with(&request.argument));
                prop_assert!(!request.argument.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')));
            }
        }
    }
}
