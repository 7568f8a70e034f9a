//! The refusal matrix of the file channels: every command of FTP × everybody who may come.
//!
//! The rows come from the code's own lists. Beside the snapshots, what holds for every row is asserted on its own: who may not
//! change leaves every byte as it was, who may not read sees none of them, and a key that is gone is refused whatever it asks.

use portcullis_line::ftp::Command;

use super::raw_ftp::Ftp;
use super::stage::{CONTENT, Stage, Who, table};

/// How a command is said.
enum Said {
    /// As it is.
    Alone(String),
    /// With a data connection to read from.
    Fetch(String),
    /// With one to write to.
    Send(String),
}

/// A command for the files of the stage, and what is said before it.
fn said(command: Command, root: &str, file: &str) -> (Option<String>, Said) {
    let verb = command.as_str();
    let alone = |rest: &str| (None, Said::Alone(format!("{verb}{rest}")));
    let there = format!(" {root}{file}");
    match command {
        Command::List | Command::Mlsd | Command::Nlst => (None, Said::Fetch(format!("{verb} {root}"))),
        Command::Retr => (None, Said::Fetch(format!("{verb}{there}"))),
        Command::Stor | Command::Appe => (None, Said::Send(format!("{verb} {root}fresh.txt"))),
        Command::Stou => (Some(format!("CWD {root}")), Said::Send(verb.to_owned())),
        Command::Rnto => (Some(format!("RNFR{there}")), Said::Alone(format!("{verb} {root}moved.txt"))),
        Command::Cwd | Command::Rmd => alone(&format!(" {root}dir")),
        Command::Mkd => alone(&format!(" {root}fresh")),
        Command::Dele | Command::Mdtm | Command::Mlst | Command::Rnfr | Command::Size => alone(&there),
        Command::Mfmt => alone(&format!(" 20200102030405{there}")),
        Command::Port => alone(" 127,0,0,1,10,10"),
        Command::Eprt => alone(" |1|127.0.0.1|2570|"),
        Command::Auth => alone(" TLS"),
        Command::Allo | Command::Rest => alone(" 5"),
        Command::Opts => alone(" UTF8 ON"),
        Command::Pbsz => alone(" 0"),
        Command::Prot => alone(" C"),
        Command::Mode => alone(" S"),
        Command::Stru => alone(" F"),
        Command::Type => alone(" I"),
        Command::Acct | Command::Clnt | Command::Host | Command::User | Command::Pass => alone(" somebody"),
        Command::Site => alone(" HELP"),
        _ => alone(""),
    }
}

/// Says it; the last code, and everything that was told or came.
fn tell(ftp: &mut Ftp, command: Command, root: &str, file: &str) -> (u16, String) {
    let (before, said) = said(command, root, file);
    if let Some(before) = before {
        ftp.say(&before);
    }
    match said {
        Said::Alone(line) => ftp.say(&line),
        // Without a login there is no data connection to be had.
        Said::Fetch(line) | Said::Send(line) if !ftp.is_in() => ftp.say(&line),
        Said::Fetch(line) => {
            let (first, last, bytes) = ftp.fetch(&line);
            (last.0, format!("{}{}{}", first.1, last.1, String::from_utf8_lossy(&bytes)))
        }
        Said::Send(line) => {
            let (first, last) = ftp.send(&line, b"fresh");
            (last.0, format!("{}{}", first.1, last.1))
        }
    }
}

/// What may be said before one has said who one is; none of it touches a file.
const BEFORE_LOGIN: &[Command] = &[
    Command::Acct,
    Command::Auth,
    Command::Ccc,
    Command::Clnt,
    Command::Feat,
    Command::Help,
    Command::Host,
    Command::Noop,
    Command::Opts,
    Command::Pass,
    Command::Pbsz,
    Command::Prot,
    Command::Quit,
    Command::Syst,
    Command::User,
];

#[test]
fn every_command_of_ftp() {
    let stage = Stage::of("ftp");
    let door = stage.world.ftp.clone().unwrap();
    let mut rows = Vec::new();
    for command in Command::ALL {
        let mut cells = Vec::new();
        for (who, key) in &stage.keys {
            stage.set();
            let mut ftp = Ftp::connect(&door);
            let entered = key.as_ref().map(|key| ftp.enter(key).0);
            assert_eq!(entered == Some(230), who.enters(), "{who:?}: {entered:?}");
            let (code, told) = tell(&mut ftp, *command, &who.root(&stage.bucket), "there.txt");
            let row = format!("{} with {who:?}: {code} {told}", command.as_str());
            assert!(who.enters() || code >= 500 || BEFORE_LOGIN.contains(command), "{row}");
            assert!(who.reads() || !told.contains(CONTENT), "{row}");
            assert!(who.reads() || !told.contains("there.txt") || code >= 400, "{row}");
            assert!(who.writes() || stage.untouched(), "{row}");
            cells.push(code.to_string());
        }
        rows.push((command.as_str().to_owned(), cells));
    }
    insta::assert_snapshot!("ftp", table(&rows, &Who::ALL));
}

#[test]
fn no_command_of_ftp_is_heard_from_a_key_that_is_gone() {
    let stage = Stage::of("ftp");
    let door = stage.world.ftp.clone().unwrap();
    stage.set();
    for command in Command::ALL {
        let key = stage.another();
        let mut ftp = Ftp::connect(&door);
        assert_eq!(ftp.enter(&key).0, 230);
        stage.world.admin("DELETE", &format!("/keys/{}", key.key_id), None);
        let (code, told) = ftp.say(command.as_str());
        assert!(matches!(code, 0 | 421), "{}: {code} {told}", command.as_str());
        assert!(stage.untouched(), "{}", command.as_str());
    }
}

#[test]
fn ftp_tells_a_writer_nothing() {
    let stage = Stage::of("ftp");
    let door = stage.world.ftp.clone().unwrap();
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone().unwrap();
    for command in Command::ALL.iter().filter(|command| **command != Command::Stou) {
        let told = ["there.txt", "nope!.txt"].map(|file| {
            stage.set();
            let mut ftp = Ftp::connect(&door);
            assert_eq!(ftp.enter(&writer).0, 230);
            let (code, text) = tell(&mut ftp, *command, "/", file);
            // Passive replies name a port of their own.
            let text = if matches!(command, Command::Epsv | Command::Pasv) { String::new() } else { text };
            (code, text.replace(file, "FILE"))
        });
        assert_eq!(told[0], told[1], "{} tells whether a file is there", command.as_str());
    }
}
