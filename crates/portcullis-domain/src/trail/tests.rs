//! Any change to a copy is found, by the chain alone: the digest of the whole copy is taken to fit.

use proptest::prelude::*;

use super::*;
use crate::{Channel, SiteId, Timestamp};

const DIGEST: [u8; 32] = [7; 32];

#[derive(Clone, Debug, PartialEq)]
enum Line {
    Entry(ChainedEvent),
    Checkpoint(Checkpoint),
}

fn site() -> SiteId {
    SiteId::from_u128(1)
}

fn event(n: u64) -> AuditEvent {
    AuditEvent {
        at: Timestamp::from_seconds(i64::try_from(n).unwrap()),
        request_id: format!("r{n}"),
        site: Some(site()),
        actor: "user:ada".to_owned(),
        key: None,
        storage: None,
        channel: Channel::Rest,
        peer: "::1".to_owned(),
        tool: String::new(),
        action: "get".to_owned(),
        object: None,
        allowed: true,
        reason: String::new(),
        detail: String::new(),
    }
}

/// Stands for a signature: nobody in these tests finds another text for it.
fn sign(statement: &[u8]) -> [u8; 64] {
    use sha2::Digest as _;
    sha2::Sha512::digest([b"the secret key".as_slice(), statement].concat()).into()
}

fn checkpoint(kind: CheckpointKind, head: &Head) -> Checkpoint {
    let digest = (kind == CheckpointKind::End).then_some(DIGEST);
    let at = Timestamp::from_seconds(1_000);
    Checkpoint::signed(kind, head.clone(), at, digest, sign)
}

/// A chain of so many entries, of which the first were removed, with a checkpoint after every third.
fn copy(entries: u64, removed: u64) -> Vec<Line> {
    let mut head = Head::empty(chain_of(Some(site())));
    let mut lines = Vec::new();
    for n in 1..=entries {
        let event = event(n);
        let (seq, hash) = head.append(&event);
        if n == removed {
            lines.push(Line::Checkpoint(checkpoint(CheckpointKind::Removed, &head)));
        }
        if n > removed {
            lines.push(Line::Entry(ChainedEvent { event, seq, hash }));
            if n % 3 == 0 {
                lines.push(Line::Checkpoint(checkpoint(CheckpointKind::Reached, &head)));
            }
        }
    }
    lines.push(Line::Checkpoint(checkpoint(CheckpointKind::End, &head)));
    lines
}

fn verify(lines: &[Line]) -> Result<Summary, Fault> {
    let mut verifier =
        Verifier::new(chain_of(Some(site())), |statement, signature| sign(statement) == *signature);
    for line in lines {
        match line {
            Line::Entry(entry) => verifier.entry(entry)?,
            Line::Checkpoint(checkpoint) => verifier.checkpoint(checkpoint, &DIGEST)?,
        }
    }
    verifier.finish()
}

/// What somebody does who can write to the database and has not the key: all hashes fit again.
fn hashed_anew(lines: &mut [Line]) {
    let mut head = Head::empty(chain_of(Some(site())));
    for line in lines {
        match line {
            Line::Entry(entry) => {
                head.seq = entry.seq - 1;
                (_, entry.hash) = head.append(&entry.event);
            }
            Line::Checkpoint(checkpoint) if checkpoint.kind == CheckpointKind::Removed => {
                head = checkpoint.head.clone()
            }
            Line::Checkpoint(_) => {}
        }
    }
}

fn entries_of(lines: &[Line]) -> Vec<usize> {
    (0..lines.len()).filter(|at| matches!(lines[*at], Line::Entry(_))).collect()
}

#[test]
fn what_was_written_is_clean() {
    let summary = verify(&copy(10, 0)).unwrap();
    assert_eq!((summary.entries, summary.first, summary.last, summary.checkpoints), (10, 1, 10, 4));
    let summary = verify(&copy(10, 4)).unwrap();
    assert_eq!((summary.entries, summary.first, summary.last), (6, 5, 10));
    assert_eq!(summary.removed.unwrap().0, 4);
    assert_eq!(verify(&copy(4, 4)).unwrap().entries, 0);
    assert_eq!(
        verify(&copy(0, 0)).unwrap(),
        Summary {
            entries: 0,
            first: 0,
            last: 0,
            checkpoints: 1,
            ..verify(&copy(4, 4)).map(|s| Summary { removed: None, ..s }).unwrap()
        }
    );
}

#[test]
fn each_fault_by_its_name() {
    let good = copy(7, 0);
    let places = entries_of(&good);
    let without = |n: usize| {
        let mut lines = good.clone();
        lines.remove(places[n]);
        verify(&lines).unwrap_err()
    };
    assert_eq!(without(4), Fault::Missing(5, 5));
    assert_eq!(without(0), Fault::Missing(1, 1));
    assert_eq!(without(6), Fault::Missing(7, 7));
    let mut lines = good.clone();
    lines.swap(places[3], places[4]);
    assert_eq!(verify(&lines), Err(Fault::Reordered(4, 5)));
    assert_eq!(verify(&good[..good.len() - 1]), Err(Fault::Truncated(7)));
    let mut lines = good.clone();
    lines.push(Line::Entry(ChainedEvent { event: event(8), seq: 8, hash: [0; 32] }));
    assert_eq!(verify(&lines), Err(Fault::AfterEnd));
    let mut lines = good.clone();
    let Line::Entry(entry) = &mut lines[places[4]] else { unreachable!() };
    entry.event.allowed = false;
    assert_eq!(verify(&lines), Err(Fault::Changed(5)));
    hashed_anew(&mut lines);
    assert_eq!(verify(&lines), Err(Fault::Rewritten(3, 6, Timestamp::from_seconds(1_000))));
    let mut lines = good.clone();
    let Line::Entry(entry) = &mut lines[places[4]] else { unreachable!() };
    entry.event.site = None;
    assert_eq!(verify(&lines), Err(Fault::Foreign(5)));
    // A statement of another kind is none that entries were removed.
    let mut lines = copy(7, 3);
    let Line::Checkpoint(removed) = &mut lines[0] else { unreachable!() };
    removed.head.seq = 4;
    assert_eq!(verify(&lines), Err(Fault::Signature(4)));
}

#[test]
fn entries_from_before_the_chain_stand_before_it() {
    let mut verifier = Verifier::new(chain_of(Some(site())), |_: &[u8], _: &[u8; 64]| true);
    verifier.before_chain(&event(0)).unwrap();
    let mut head = Head::empty(chain_of(Some(site())));
    let (seq, hash) = head.append(&event(1));
    verifier.entry(&ChainedEvent { event: event(1), seq, hash }).unwrap();
    assert_eq!(verifier.before_chain(&event(0)), Err(Fault::Unnumbered(1)));
}

proptest! {
    #[test]
    fn a_changed_entry_is_found(count in 1u64..20, removed in 0u64..10, at in any::<prop::sample::Index>(), anew: bool, field in 0usize..6) {
        let mut lines = copy(count + removed, removed);
        let places = entries_of(&lines);
        let Line::Entry(entry) = &mut lines[places[at.index(places.len())]] else { unreachable!() };
        match field {
            0 => entry.event.allowed = false,
            1 => entry.event.object = Some(String::new()),
            2 => entry.event.actor.push('x'),
            3 => entry.event.at = entry.event.at.after(std::time::Duration::from_micros(1)),
            4 => entry.event.channel = Channel::S3,
            _ => entry.event.reason.push(' '),
        }
        if anew {
            hashed_anew(&mut lines);
        }
        prop_assert!(verify(&lines).is_err());
    }

    #[test]
    fn a_removed_inserted_or_moved_entry_is_found(count in 2u64..20, removed in 0u64..10, one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(), deed in 0u8..4) {
        let good = copy(count + removed, removed);
        let places = entries_of(&good);
        let (one, other) = (places[one.index(places.len())], places[other.index(places.len())]);
        let mut lines = good.clone();
        match deed {
            0 => drop(lines.remove(one)),
            1 => lines.insert(other, good[one].clone()),
            2 => lines.swap(one, other),
            _ => {
                // A forged one, with the numbers and hashes after it made anew.
                let Line::Entry(forged) = good[one].clone() else { unreachable!() };
                let seq = forged.seq;
                lines.insert(one, Line::Entry(ChainedEvent { event: event(999), ..forged }));
                for line in &mut lines[one + 1..] {
                    if let Line::Entry(entry) = line && entry.seq >= seq {
                        entry.seq += 1;
                    }
                }
                hashed_anew(&mut lines);
            }
        }
        prop_assert!(lines == good || verify(&lines).is_err());
    }

    #[test]
    fn a_cut_copy_is_found(count in 0u64..20, removed in 0u64..10, at in any::<prop::sample::Index>(), front: bool) {
        let lines = copy(count + removed, removed);
        let at = at.index(lines.len());
        if front {
            // What is cut at the front may be no more than checkpoints, before there is any entry.
            prop_assert!(at == 0 || count + removed == 0 || verify(&lines[at..]).is_err());
        } else {
            prop_assert!(verify(&lines[..at]).is_err());
        }
    }

    #[test]
    fn a_changed_checkpoint_is_found(count in 3u64..20, at in any::<prop::sample::Index>(), field in 0u8..5) {
        let mut lines = copy(count, 0);
        let places: Vec<_> = (0..lines.len()).filter(|at| matches!(lines[*at], Line::Checkpoint(_))).collect();
        let Line::Checkpoint(checkpoint) = &mut lines[places[at.index(places.len())]] else { unreachable!() };
        match field {
            0 => checkpoint.kind = CheckpointKind::Removed,
            1 => checkpoint.head.seq += 1,
            2 => checkpoint.head.hash[0] ^= 1,
            3 => checkpoint.at = checkpoint.at.after(std::time::Duration::from_secs(1)),
            _ => checkpoint.signature[63] ^= 1,
        }
        prop_assert!(matches!(verify(&lines), Err(Fault::Signature(_))));
    }
}
