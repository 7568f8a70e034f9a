//! Whether a file is what the installation wrote. Needs no server.

use std::io::{self, BufRead, Read as _};

use portcullis_access::is_signed_by;
use portcullis_domain::trail::{Fault, Summary, Verifier};
use sha2::{Digest as _, Sha256};

use super::Line;

/// The longest line: the largest entry takes a third of it.
const LONGEST: u64 = 64 * 1024;

/// A file without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// The chain that it is a copy of: the id of a site, or empty for entries of no site.
    pub chain: String,
    /// With whose signatures.
    pub public_key: [u8; 32],
    /// What it holds.
    pub summary: Summary,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error(
        "line 1: this is no copy of an audit trail; `portcullis audit export` makes one, without filters and as JSON lines"
    )]
    NoTrail,
    /// It was signed by another installation.
    #[error("signature: the copy was signed with the key {0}, and not with the one that was given")]
    OtherKey(String),
    /// A line is nothing that was written so.
    #[error("line {0}: changed: this line is not what was written")]
    Line(u64),
    /// A line does not go with those before it.
    #[error("line {0}: {1}")]
    Fault(u64, Fault),
    /// There is something missing at the end.
    #[error("after line {0}: {1}")]
    End(u64, Fault),
}

/// Reads a file from its beginning to its end, in bounded memory. Without `expected`, the public key of the installation, the
/// signatures are held against the key that the file itself names: compare that with the installation's.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify(mut file: impl BufRead, expected: Option<&[u8; 32]>) -> Result<VerifiedFile, FileFault> {
    let mut digest = Sha256::new();
    let mut text = Vec::new();
    read_line(&mut file, &mut text)?;
    let header = str::from_utf8(&text).ok().and_then(|line| Line::parse(line, ""));
    let Some(Line::Header { chain, public_key, first }) = header else { return Err(FileFault::NoTrail) };
    if expected.is_some_and(|expected| *expected != public_key) {
        return Err(FileFault::OtherKey(hex::encode(public_key)));
    }
    let mut verifier = Verifier::new(chain.clone(), |statement: &[u8], signature: &[u8; 64]| {
        is_signed_by(&public_key, statement, signature)
    });
    let mut number = 1;
    loop {
        digest.update(&text);
        if !read_line(&mut file, &mut text)? {
            break;
        }
        number += 1;
        let Some(line) = str::from_utf8(&text).ok().and_then(|line| Line::parse(line, &chain)) else {
            // The last line without its end was cut.
            let cut = !text.ends_with(b"\n") && file.fill_buf()?.is_empty();
            let fault = if cut { verifier.finish().err() } else { None };
            return Err(fault.map_or(FileFault::Line(number), |fault| FileFault::End(number, fault)));
        };
        let checked = match &line {
            Line::Header { .. } => return Err(FileFault::Line(number)),
            Line::Before(event) => verifier.before_chain(event),
            Line::Entry(entry) => verifier.entry(entry),
            Line::Checkpoint(checkpoint) => {
                verifier.checkpoint(checkpoint, &digest.clone().finalize().into())
            }
        };
        checked.map_err(|fault| FileFault::Fault(number, fault))?;
    }
    let summary = verifier.finish().map_err(|fault| FileFault::End(number, fault))?;
    let begins = summary.removed.map_or(0, |(last, _)| last).saturating_add(1);
    if first != begins {
        return Err(FileFault::Line(1));
    }
    Ok(VerifiedFile { chain, public_key, summary })
}

/// The next line, or as much of it as is read at most; false at the end of the file.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(file.take(LONGEST).read_until(b'\n', line)? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::trail::{ChainedEvent, Checkpoint, CheckpointKind, Head, chain_of};
    use portcullis_domain::{AuditEvent, Channel, KeyId, SiteId, StorageId, Timestamp};
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    fn event(n: u128) -> AuditEvent {
        AuditEvent {
            at: Timestamp::from_micros(1_800_000_000_000_007),
            request_id: format!("r{n}"),
            site: Some(SiteId::from_u128(1)),
            actor: "user:ada".to_owned(),
            key: Some(KeyId::from_u128(n)),
            storage: Some(StorageId::from_u128(n)),
            channel: Channel::Rest,
            peer: "::1".to_owned(),
            tool: "a \"tool\" \u{1f}\u{7f}ü".to_owned(),
            action: "get".to_owned(),
            object: Some("a//b".to_owned()),
            allowed: n.is_multiple_of(2),
            reason: String::new(),
            detail: String::new(),
        }
    }

    /// A small file: one entry from before the chain, five in it, one checkpoint, the end.
    fn file() -> (Vec<u8>, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
        let public_key: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
        let sign = |statement: &[u8]| -> [u8; 64] { pair.sign(statement).as_ref().try_into().unwrap() };
        let chain = chain_of(Some(SiteId::from_u128(1)));
        let mut head = Head::empty(chain.clone());
        let mut lines = vec![Line::Header { chain, public_key, first: 1 }, Line::Before(event(9))];
        for n in 1..=5 {
            let (seq, hash) = head.append(&event(n));
            lines.push(Line::Entry(ChainedEvent { event: event(n), seq, hash }));
            if n == 3 {
                let at = Timestamp::from_seconds(1);
                let reached = Checkpoint::signed(CheckpointKind::Reached, head.clone(), at, None, sign);
                lines.push(Line::Checkpoint(reached));
            }
        }
        let mut text: String = lines.iter().map(|line| line.render().unwrap()).collect();
        let digest = Some(Sha256::digest(text.as_bytes()).into());
        let at = Timestamp::from_seconds(2);
        let end = Checkpoint::signed(CheckpointKind::End, head, at, digest, sign);
        text.push_str(&Line::Checkpoint(end).render().unwrap());
        (text.into_bytes(), public_key)
    }

    #[test]
    fn a_file_as_it_was_written_is_clean() {
        let (file, public_key) = file();
        for expected in [None, Some(&public_key)] {
            let verified = verify(file.as_slice(), expected).unwrap();
            let summary = verified.summary;
            assert_eq!((summary.entries, summary.checkpoints, summary.before_chain), (5, 2, 1));
        }
        assert!(matches!(verify(file.as_slice(), Some(&[0; 32])), Err(FileFault::OtherKey(_))));
        assert!(matches!(verify(&b"at,request_id\n"[..], None), Err(FileFault::NoTrail)));
        assert!(matches!(verify(&b""[..], None), Err(FileFault::NoTrail)));
    }

    #[test]
    fn every_byte_counts() {
        let (file, public_key) = file();
        for at in 0..file.len() {
            for bit in [0, 5] {
                let mut damaged = file.clone();
                damaged[at] ^= 1 << bit;
                assert!(verify(damaged.as_slice(), Some(&public_key)).is_err(), "byte {at}, bit {bit}");
            }
            assert!(verify(&file[..at], Some(&public_key)).is_err(), "{at} bytes");
        }
    }

    #[test]
    fn every_line_counts() {
        let (file, public_key) = file();
        let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
        for one in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(one);
            assert!(
                verify(fewer.concat().as_slice(), Some(&public_key)).is_err(),
                "without line {}",
                one + 1
            );
            for other in one + 1..lines.len() {
                let mut swapped = lines.clone();
                swapped.swap(one, other);
                assert!(verify(swapped.concat().as_slice(), Some(&public_key)).is_err(), "{one} and {other}");
            }
        }
        let spaced = String::from_utf8(file).unwrap().replacen("\"seq\":2", "\"seq\": 2", 1);
        assert!(matches!(verify(spaced.as_bytes(), None), Err(FileFault::Line(4))));
    }
}
