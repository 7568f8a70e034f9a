//! Whole messages: made by a client that does it right, cut short, and changed at random. What comes out is what was put in, or nothing.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::MailRules;
use proptest::prelude::*;

use super::plan::{self, Planned};
use super::read::Reading;
use super::split::{Parts, Split};
use super::{MailFault, name};

type Files = Vec<(String, Vec<u8>)>;

fn spooled(message: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(message).unwrap();
    Arc::new(file)
}

fn content(file: &Arc<File>, planned: &Planned) -> Option<Vec<u8>> {
    let (mut reading, mut all) = (Reading::new(Arc::clone(file), planned), Vec::new());
    while let Some(piece) = reading.next().ok()? {
        all.extend_from_slice(&piece);
    }
    Some(all)
}

fn divided(message: &[u8]) -> Result<Parts, MailFault> {
    let mut split = Split::default();
    split.push(message)?;
    Ok(split.end()?)
}

/// The files of the first `length` bytes of a message; none if one of them is damaged.
fn files(file: &Arc<File>, message: &[u8], rules: &MailRules) -> Option<Files> {
    let length = u64::try_from(message.len()).unwrap();
    let planned = plan::files(&divided(message).ok()?, rules, length, true).ok()?;
    planned.iter().map(|one| Some((one.name.clone(), content(file, one)?))).collect()
}

/// Every shape of the tests, by its name.
fn shapes() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/shapes");
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        let lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), lines.join(&b"\r\n"[..]))
    };
    let mut shapes: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
    shapes.sort();
    shapes
}

/// Whatever is missing at the end of a message of several parts: all of its files come out as they were, or none.
#[test]
fn what_is_cut_is_refused() {
    let (mut cuts, mut whole) = (0, 0);
    for (name, message) in shapes() {
        let file = spooled(&message);
        let rules = MailRules::default();
        let Some(all) = files(&file, &message, &rules) else { continue };
        // Of one part that fills the message nobody can see whether it ends where it should.
        if all.is_empty() || matches!(name.as_str(), "fax" | "sealed") {
            continue;
        }
        for length in 0..message.len() {
            cuts += 1;
            match files(&file, &message[..length], &rules) {
                Some(found) if !found.is_empty() => {
                    assert_eq!(found, all, "{name}, cut at {length}");
                    whole += 1;
                }
                _ => {}
            }
        }
    }
    // Some end behind their last boundary, but for that each cut is seen.
    assert!(cuts > 10_000 && whole < 200, "{whole} of {cuts}");
}

/// How a client encodes a part.
#[derive(Clone, Copy, Debug)]
enum As {
    Base64(usize),
    Quoted,
    Lines,
}

/// How it says a name.
#[derive(Clone, Copy, Debug)]
enum Said {
    Extended,
    Pieces,
    Word,
}

#[derive(Clone, Debug)]
enum Part {
    Leaf { name: String, said: Said, content: Vec<u8>, encoded: As },
    Parts(Vec<Part>),
}

fn parts() -> impl Strategy<Value = Part> {
    let encoded = prop_oneof![(1_usize..100).prop_map(As::Base64), Just(As::Quoted), Just(As::Lines)];
    let said = prop_oneof![Just(Said::Extended), Just(Said::Pieces), Just(Said::Word)];
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        // Lines that look like boundaries, and blanks where they get lost.
        prop::collection::vec(prop::sample::select(&b"-b0\r\n \t=."[..]), 0..60),
    ];
    let leaf = ("\\PC{1,20}", said, bytes, encoded).prop_map(|(name, said, content, encoded)| Part::Leaf {
        name,
        said,
        content,
        encoded,
    });
    leaf.prop_recursive(6, 24, 5, |inner| prop::collection::vec(inner, 1..5).prop_map(Part::Parts))
}

fn quoted(content: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in content.iter().enumerate() {
        match byte {
            b'!'..=b'<' | b'>'..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("={byte:02X}")),
        }
        // Begins no line with what could be a boundary.
        if at % 20 == 19 {
            text.push_str("=\r\n=");
            text.push_str("\r\n");
        }
    }
    text.replace('-', "=2D")
}

fn parameter(said: Said, name: &str) -> String {
    let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    match said {
        Said::Extended => format!("filename*=utf-8''{escaped}"),
        Said::Pieces => {
            let pieces = escaped.as_bytes().chunks(12).enumerate().map(|(number, piece)| {
                let front = if number == 0 { "UTF-8'en'" } else { "" };
                format!("filename*{number}*={front}{}", str::from_utf8(piece).unwrap())
            });
            pieces.collect::<Vec<_>>().join(";\r\n ")
        }
        Said::Word => format!("filename=\"=?UTF-8?B?{}?=\"", STANDARD.encode(name)),
    }
}

/// Writes a part; boundaries begin with those around them. Adds the files that it holds.
fn write(part: &Part, boundary: &str, message: &mut String, expected: &mut Files) {
    match part {
        Part::Parts(parts) => {
            message
                .push_str(&format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\npreamble"));
            for inner in parts {
                message.push_str(&format!("\r\n--{boundary}\r\n"));
                write(inner, &format!("{boundary}b"), message, expected);
            }
            message.push_str(&format!("\r\n--{boundary}--\r\nepilogue\r\n"));
        }
        Part::Leaf { name, said, content, encoded } => {
            let number = expected.len() + 1;
            let kept = name::safe(name).unwrap_or_else(|| format!("part-{number}.bin"));
            message.push_str("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; ");
            message.push_str(&parameter(*said, name));
            let (transfer, body, content) = match encoded {
                As::Base64(width) => {
                    let text = STANDARD.encode(content);
                    let lines: Vec<_> =
                        text.as_bytes().chunks(*width).map(|line| str::from_utf8(line).unwrap()).collect();
                    ("base64", lines.join("\r\n"), content.clone())
                }
                As::Quoted => ("quoted-printable", quoted(content), content.clone()),
                As::Lines => {
                    let text = String::from_utf8_lossy(content).replace('-', "+");
                    ("8bit", text.clone(), text.into_bytes())
                }
            };
            message.push_str(&format!("\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n{body}"));
            expected.push((kept, content));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What a client sends as it should comes out byte for byte, under the names that it said, however it is nested and encoded.
    #[test]
    fn what_is_sent_comes_out(part in parts()) {
        let (mut message, mut expected) = ("Subject: x\r\n".to_owned(), Vec::new());
        write(&part, "b", &mut message, &mut expected);
        let file = spooled(message.as_bytes());
        prop_assert_eq!(files(&file, message.as_bytes(), &MailRules::default()), Some(expected));
    }

    /// Messages that somebody changed: whatever it is taken for, its files lie within it, have safe names, and can be read to their ends a
    /// second time if they could a first.
    #[test]
    fn anything_is_taken_or_refused(
        shape in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..12),
    ) {
        let shapes = shapes();
        let (_, mut message) = shape.get(&shapes).clone();
        for (place, byte, change) in changes {
            let at = place.index(message.len());
            let line = message[at..].iter().position(|byte| *byte == b'\n').map_or(message.len(), |end| at + end + 1);
            match change {
                0 => message[at] = byte,
                1 => drop(message.drain(at..line)),
                2 => message.insert(at, byte),
                _ => {
                    let again = message[at..line].to_vec();
                    message.splice(line..line, again);
                }
            }
            if message.is_empty() {
                message.push(byte);
            }
        }
        let rules = MailRules { keep_text: true, keep_html: true, keep_message: true, ..MailRules::default() };
        let (file, length) = (spooled(&message), u64::try_from(message.len()).unwrap());
        let Ok(parts) = divided(&message) else { return Ok(()) };
        let Ok(planned) = plan::files(&parts, &rules, length, true) else { return Ok(()) };
        prop_assert_eq!(planned.last().map(|last| (last.begin, last.end)), Some((0, length)));
        for one in planned {
            prop_assert!(one.begin <= one.end && one.end <= length);
            prop_assert_eq!(name::safe(&one.name), Some(one.name.clone()));
            prop_assert!(one.content_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            prop_assert_eq!(content(&file, &one), content(&file, &one));
        }
    }
}
