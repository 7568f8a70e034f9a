//! What plans and runs say, in words for people.

use portcullis_sync::{Guard, GuardHit, PlanFault, Risk, Side, Sides, StoreFault};

use super::{GuardView, SideView};

/// A number of bytes.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = "bytes";
    let (mut whole, mut tenths) = (bytes, 0);
    for next in UNITS {
        if whole < 1_024 {
            break;
        }
        tenths = (whole % 1_024) * 10 / 1_024;
        whole /= 1_024;
        unit = next;
    }
    if unit == "bytes" || whole >= 100 {
        format!("{} {unit}", number(whole))
    } else {
        format!("{whole}.{tenths} {unit}")
    }
}

/// A number, with commas.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// So many files.
pub(super) fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", number(count)) }
}

/// A guard, with what was found and what to press.
pub(super) fn guard(hit: &GuardHit, sides: &Sides<SideView>) -> GuardView {
    let at = hit.side.map_or("a side", |side| sides.of(side).name.as_str());
    let (count, of) = (number(hit.count), number(hit.of));
    // A restore is not about what both sides agreed on.
    let share = if hit.of == 0 { files(hit.count) } else { format!("{count} of {of} files") };
    let (what, press) = match hit.guard {
        Guard::Emptied => (
            format!("{at} is empty, and {count} files were agreed on"),
            "Approve it if it was emptied on purpose: then all of them are deleted on the other side, and kept. If not, discard \
             this plan and find out what became of it",
        ),
        Guard::MassDeletion => (
            format!("{share} would be deleted in {at}"),
            "Look at the deletions. Approve it if they are right; each is kept first",
        ),
        Guard::MassChange => (
            format!("{share} were changed in {at}"),
            "Look at the changes: a program that encrypts or converts files looks like this. Approve it if they are right; what \
             is replaced is kept",
        ),
        Guard::OtherBucket => (
            format!("{at} does not have the marker that the last run left: it may be another bucket, or it was emptied and filled anew"),
            "Approve it to bring both together as if for the first time: nothing is deleted, and nothing is overwritten",
        ),
        Guard::OlderState => (
            "a newer run left its marker than this server knows of: its database was brought back from an older backup".to_owned(),
            "Approve it to bring both together as if for the first time: nothing is deleted, and nothing is overwritten",
        ),
        Guard::ClockSkew => (
            format!("a clock is {count} seconds off, of one side or of this server"),
            "Set the clocks right and plan again. Approve it if times do not matter: which file is the younger one is not asked then",
        ),
        Guard::Quota => (
            format!("{count} files do not fit into the quota and are left out"),
            "Raise the quota or make room, and plan again. Approve it to run the rest",
        ),
    };
    GuardView { code: hit.guard.as_str().to_owned(), what, press: press.to_owned(), approvable: true }
}

/// What to know before a plan is run.
pub(super) fn risk(risk: Risk, sides: &Sides<SideView>) -> String {
    let at = |side: Side| sides.of(side).name.as_str();
    match risk {
        Risk::WritesUnguarded(side) => format!(
            "{} cannot refuse a write if the file was changed meanwhile. Each file is looked at right before; what somebody \
             writes in the moment between is overwritten",
            at(side)
        ),
        Risk::DeletesUnguarded(side) => format!(
            "{} cannot refuse a deletion if the file was changed meanwhile. Each file is looked at right before; what somebody \
             writes in the moment between is deleted",
            at(side)
        ),
        Risk::KeptByCopy(side) => format!(
            "{} keeps no versions: what is replaced or deleted there is copied first, to where clients do not see it, and takes its room",
            at(side)
        ),
        Risk::ClocksUnknown => {
            "Which file is the younger one cannot be told, because the clocks of both sides are not known to agree: both are kept"
                .to_owned()
        }
    }
}

/// A part that does not end with a slash is compared byte by byte.
pub(super) fn open_prefix(sides: &Sides<SideView>) -> Vec<String> {
    let open = Side::BOTH.into_iter().map(|side| sides.of(side));
    let open = open.filter(|side| !side.prefix.is_empty() && !side.prefix.as_str().ends_with('/'));
    let said = |side: &SideView| {
        format!(
            "the part of {} is every key that begins with \"{}\", letter by letter, also \"{}2/file\"; end it with / to mean a folder",
            side.name, side.prefix, side.prefix
        )
    };
    open.map(said).collect()
}

/// Why a side could not be used.
pub(super) fn store_fault(fault: StoreFault) -> &'static str {
    match fault {
        StoreFault::NotFound => "it is not there",
        StoreFault::Changed => "it was changed meanwhile",
        StoreFault::Unavailable => {
            "it does not answer, or not as it should; a test of its connection says what is wrong"
        }
        StoreFault::Refused => "it refuses; look at its credentials and its permission",
        StoreFault::Archived => "it lies in an archive",
        StoreFault::Full => "it is full, or its quota is used up",
        StoreFault::TooLarge => "a file is larger than it takes",
        StoreFault::Unsupported => "it cannot do what is needed",
        StoreFault::Corrupt => "it answers with what cannot be right",
        StoreFault::Stopped => "it was cut off",
    }
}

/// Why there is no plan.
pub(super) fn plan_fault(fault: &PlanFault, sides: &Sides<SideView>) -> String {
    match fault {
        PlanFault::Side { side, error } => format!(
            "{} could not be read to the end: {}. Nothing was changed; a side that cannot be read is never taken for an empty one",
            sides.of(*side).name,
            store_fault(error.fault)
        ),
        PlanFault::Order { side, after } => format!(
            "{} lists its keys out of order, after \"{after}\": what is missing there may well be there, so nothing is planned",
            sides.of(*side).name
        ),
        PlanFault::Base(_) => "what both sides had agreed on cannot be read".to_owned(),
        PlanFault::Sink(_) => "the plan could not be written down".to_owned(),
        PlanFault::Stopped => "planning was stopped".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        let said: Vec<_> = [0, 999, 1_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(said, ["0", "999", "1,000", "1,234,567"]);
        let said: Vec<_> = [0, 1_023, 1_024, 1_536, 104_857_600, u64::MAX].into_iter().map(size).collect();
        assert_eq!(said, ["0 bytes", "1,023 bytes", "1.0 KiB", "1.5 KiB", "100 MiB", "16,383 PiB"]);
        assert_eq!([files(1), files(10_000)], ["1 file", "10,000 files"]);
    }
}
