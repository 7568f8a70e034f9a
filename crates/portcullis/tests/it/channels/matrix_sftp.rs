//! The refusal matrix of the file channels: every request of SFTP × everybody who may come; as that of FTP.

use std::time::{Duration, Instant};

use portcullis_line::sftp::Request;
use serde_json::json;

use super::raw_sftp::{Sftp, string};
use super::stage::{CONTENT, Stage, Who, table};

/// The answer to a request, in a word: a status by its number, anything else by its kind.
fn ask(sftp: &mut Sftp, request: Request, root: &str, file: &str) -> (Option<String>, String) {
    let there = string(format!("{root}{file}"));
    let plain = 0_u32.to_be_bytes();
    let open = |sftp: &mut Sftp, flags: u32| {
        let path = if flags == 1 { format!("{root}{file}") } else { format!("{root}fresh.txt") };
        sftp.open(&path, flags).and_then(|answer| answer.handle()).unwrap_or_else(|| string("none"))
    };
    let extended = |name: &str, rest: &[u8]| (200, [string(name), rest.to_vec()].concat());
    let both = |to: &str| [there.clone(), string(format!("{root}{to}"))].concat();
    let (kind, body) = match request {
        Request::Init => return (Some("version".to_owned()), String::new()),
        Request::Open => (3, [there.clone(), 1_u32.to_be_bytes().to_vec(), plain.to_vec()].concat()),
        Request::Close => (4, open(sftp, 1)),
        Request::Read => {
            (5, [open(sftp, 1), 0_u64.to_be_bytes().to_vec(), 100_u32.to_be_bytes().to_vec()].concat())
        }
        // Write, create, truncate.
        Request::Write => (6, [open(sftp, 0x1a), 0_u64.to_be_bytes().to_vec(), string("fresh")].concat()),
        Request::Lstat => (7, there),
        Request::Stat => (17, there),
        Request::Fstat => (8, open(sftp, 1)),
        Request::Setstat => (9, [there, 8_u32.to_be_bytes().to_vec(), [0; 8].to_vec()].concat()),
        Request::Fsetstat => (10, [open(sftp, 1), 8_u32.to_be_bytes().to_vec(), [0; 8].to_vec()].concat()),
        Request::Opendir => (11, string(root)),
        Request::Readdir => {
            let handle = sftp.ask(11, &string(root)).and_then(|answer| answer.handle());
            (12, handle.unwrap_or_else(|| string("none")))
        }
        Request::Remove => (13, there),
        Request::Mkdir => (14, [string(format!("{root}fresh")), plain.to_vec()].concat()),
        Request::Rmdir => (15, string(format!("{root}dir"))),
        Request::Realpath => (16, there),
        Request::Rename => (18, both("moved.txt")),
        Request::Readlink => (19, there),
        Request::Symlink => (20, both("link.txt")),
        Request::PosixRename => extended("posix-rename@openssh.com", &both("dir/in.txt")),
        Request::Statvfs => extended("statvfs@openssh.com", &there),
        Request::Fstatvfs => extended("fstatvfs@openssh.com", &open(sftp, 1)),
        Request::Fsync => extended("fsync@openssh.com", &open(sftp, 1)),
        Request::Hardlink => extended("hardlink@openssh.com", &both("link.txt")),
        Request::Limits => extended("limits@openssh.com", b""),
        Request::Extended => extended("copy-data", b""),
    };
    let Some(answer) = sftp.ask(kind, &body) else { return (None, String::new()) };
    let word = match (answer.kind, answer.status()) {
        (_, Some(status)) => status.to_string(),
        (102, _) => "handle".to_owned(),
        (103, _) => "data".to_owned(),
        (104, _) => "names".to_owned(),
        (105, _) => "attributes".to_owned(),
        (201, _) => "reply".to_owned(),
        (other, _) => panic!("an answer of kind {other}"),
    };
    (Some(word), String::from_utf8_lossy(&answer.rest).into_owned())
}

#[test]
fn every_request_of_sftp() {
    let stage = Stage::of("ftp");
    let mut rows: Vec<(String, Vec<String>)> =
        Request::ALL.iter().map(|request| (request.as_str().to_owned(), Vec::new())).collect();
    for (who, key) in &stage.keys {
        let mut sftp = key.as_ref().and_then(|key| Sftp::start(&stage.world, key));
        assert_eq!(sftp.is_some(), who.enters(), "{who:?}");
        for (request, (_, cells)) in Request::ALL.iter().zip(&mut rows) {
            let Some(sftp) = &mut sftp else {
                cells.push("-".to_owned());
                continue;
            };
            stage.set();
            let (word, told) = ask(sftp, *request, &who.root(&stage.bucket), "there.txt");
            let word = word.expect("the session goes on");
            let row = format!("{} with {who:?}: {word} {told}", request.as_str());
            assert!(who.reads() || !told.contains(CONTENT), "{row}");
            let echoes = *request == Request::Realpath || word.parse::<u32>().is_ok();
            assert!(who.reads() || !told.contains("there.txt") || echoes, "{row}");
            assert!(who.writes() || stage.untouched(), "{row}");
            cells.push(word);
        }
    }
    insta::assert_snapshot!("sftp", table(&rows, &Who::ALL));
}

#[test]
fn sftp_tells_a_writer_nothing_and_hears_nobody_who_is_gone() {
    let stage = Stage::of("ftp");
    let writer = stage.keys.iter().find(|(who, _)| *who == Who::Write).unwrap().1.clone().unwrap();
    for request in Request::ALL {
        let told = ["there.txt", "nope!.txt"].map(|file| {
            stage.set();
            let mut sftp = Sftp::start(&stage.world, &writer).unwrap();
            let (word, text) = ask(&mut sftp, *request, "/", file);
            // Handles are numbers of the session.
            let text = if word.as_deref() == Some("handle") { String::new() } else { text };
            (word, text.replace(file, "FILE"))
        });
        assert_eq!(told[0], told[1], "{} tells whether a file is there", request.as_str());
    }
    let key = stage.another();
    let mut sftp = Sftp::start(&stage.world, &key).unwrap();
    stage.set();
    stage.world.admin("PATCH", &format!("/keys/{}", key.key_id), Some(&json!({"permission": "none"})));
    let asked = Instant::now();
    for request in Request::ALL.iter().filter(|request| **request != Request::Init) {
        assert_eq!(ask(&mut sftp, *request, "/", "there.txt").0, None, "{}", request.as_str());
    }
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(stage.untouched());
}
