//! What is done with a key, for everything that can be there: a table for people.

use std::fmt::Write;
use std::time::Duration;

use portcullis_backend::Etag;
use portcullis_domain::{ObjectKey, Timestamp};
use portcullis_sync::{
    Abilities, BaseUse, Equal, Evidence, GuardLimits, Judgement, Mark, Mode, Op, PlanTerms, Policy, Row,
    Seen, Side, Sides, Verdict, judge,
};

const CONTENTS: [Option<char>; 4] = [None, Some('x'), Some('y'), Some('z')];

/// The columns: a policy, and whose object is the younger one.
const COLUMNS: &[(&str, Policy, Side)] = &[
    ("keep_both", Policy::KeepBoth, Side::Storage),
    ("newest: storage", Policy::Newest, Side::Storage),
    ("newest: bucket", Policy::Newest, Side::Bucket),
    ("storage", Policy::Storage, Side::Storage),
    ("bucket", Policy::Bucket, Side::Storage),
    ("ask", Policy::Ask, Side::Storage),
];

pub(crate) const ABILITIES: Abilities = Abilities {
    conditional_writes: true,
    conditional_copies: true,
    conditional_deletes: true,
    keeps_versions: true,
    remote: false,
    longest_key: 1024,
    largest_object: u64::MAX,
    largest_copy: u64::MAX,
    folds_unicode: false,
    folds_case: false,
    file_beside_folder: true,
    etag_is_md5: true,
};

pub(crate) fn terms(mode: Mode, policy: Policy, base: BaseUse) -> PlanTerms {
    PlanTerms {
        mode,
        policy,
        abilities: Sides { storage: ABILITIES, bucket: ABILITIES },
        skew: Some(Duration::from_millis(100)),
        read_budget: 0,
        base,
        now: Timestamp::from_seconds(1_800_000_000),
        limits: GuardLimits::default(),
        quota_left: Sides { storage: None, bucket: None },
        parallel: 8,
    }
}

fn mark(content: char) -> Mark {
    Mark { etag: Etag::Opaque(content.to_string().into()), size: 1 }
}

fn row(storage: Option<char>, bucket: Option<char>, base: Option<char>, younger: Side) -> Row {
    let seen = |content: Option<char>, side: Side| {
        let modified = Timestamp::from_seconds(if side == younger { 2000 } else { 1000 });
        content.map(|content| Seen { mark: mark(content), modified, archived: false })
    };
    Row {
        key: ObjectKey::parse("file.txt").unwrap(),
        seen: Sides { storage: seen(storage, Side::Storage), bucket: seen(bucket, Side::Bucket) },
        agreed: base.map(|content| Sides { storage: mark(content), bucket: mark(content) }),
    }
}

fn equal(storage: Option<char>, bucket: Option<char>) -> Option<Equal> {
    let verdict = if storage? == bucket? { Verdict::Same } else { Verdict::Different };
    Some(Equal { verdict, evidence: Evidence::Bytes })
}

fn word(judged: Option<&Judgement>) -> String {
    let Some(judged) = judged else { return "".to_owned() };
    match &judged.op {
        Op::Agree => "agree".to_owned(),
        Op::Forget => "forget".to_owned(),
        Op::Write { to } => format!("write {}", to.as_str()),
        Op::Delete { on } => format!("delete {}", on.as_str()),
        Op::KeepBoth { from, .. } => format!("both, rename {}", from.as_str()),
        Op::PutBack { .. } => "put back".to_owned(),
        Op::Leave => "leave".to_owned(),
    }
}

fn line(out: &mut String, cells: &[String]) {
    let widths = [7, 6, 6, 18, 20, 20, 20, 20, 20, 20];
    let mut text = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        write!(text, "{cell:<width$} ").unwrap();
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

fn states() -> impl Iterator<Item = (Option<char>, Option<char>, Option<char>)> {
    CONTENTS.into_iter().flat_map(|storage| {
        CONTENTS
            .into_iter()
            .flat_map(move |bucket| CONTENTS.into_iter().map(move |base| (storage, bucket, base)))
    })
}

pub(crate) fn render() -> String {
    let mut out = String::from(
        "What is done with a key. x, y, z: contents; -: nothing. Agreed: what both sides last agreed on.\n\
         An empty cell: nothing, it is as it was agreed on. \"both, rename storage\": the storage's object gets another name on both sides\n\
         (in a copy and a mirror the bucket's, there only), and the other one stays under the key.\n\
         \"newest: bucket\": the policy newest, when the bucket's object is the younger one.\n",
    );
    let bases = [(BaseUse::Known, ""), (BaseUse::OlderState, ", the agreement no longer counts")];
    for (base, what) in bases {
        for mode in Mode::ALL {
            write!(out, "\n== {}{what} ==\n", mode.as_str()).unwrap();
            let mut head = ["storage", "bucket", "agreed", "reason"].map(str::to_owned).to_vec();
            head.extend(COLUMNS.iter().map(|(name, ..)| (*name).to_owned()));
            line(&mut out, &head);
            for (storage, bucket, agreed) in
                states().filter(|(.., agreed)| base.is_known() || agreed.is_none())
            {
                one(&mut out, *mode, base, (storage, bucket, agreed));
            }
        }
    }
    out.push_str(&unknowns());
    out
}

fn one(
    out: &mut String,
    mode: Mode,
    base: BaseUse,
    (storage, bucket, agreed): (Option<char>, Option<char>, Option<char>),
) {
    let mut reasons: Vec<&str> = Vec::new();
    let mut cells = Vec::new();
    for (_, policy, younger) in COLUMNS {
        let row = row(storage, bucket, agreed, *younger);
        let judged = judge(&row, equal(storage, bucket), &terms(mode, *policy, base));
        if let Some(judged) = &judged
            && !reasons.contains(&judged.reason.as_str())
        {
            reasons.push(judged.reason.as_str());
        }
        cells.push(word(judged.as_ref()));
    }
    let name = |content: Option<char>| content.unwrap_or('-').to_string();
    let mut all = vec![name(storage), name(bucket), name(agreed), reasons.join("/")];
    all.extend(cells);
    line(out, &all);
}

/// What is done where it is not known whether both are the same; and by newest where the clocks do not tell.
fn unknowns() -> String {
    let mut out =
        String::from("\n== both sides have something, and it is not known whether it is the same ==\n");
    for verdict in [Verdict::Unverified, Verdict::Archived, Verdict::Unreadable] {
        for mode in Mode::ALL {
            for (_, policy, younger) in COLUMNS {
                let equal = Equal { verdict, evidence: Evidence::None };
                let row = row(Some('x'), Some('y'), None, *younger);
                let judged = judge(&row, Some(equal), &terms(*mode, *policy, BaseUse::Known)).unwrap();
                assert_eq!(judged.op, Op::Leave);
                let text =
                    format!("{:<10} {:<10} {}", mode.as_str(), policy.as_str(), judged.reason.as_str());
                if !out.contains(&text) {
                    writeln!(out, "{text:<35} leave").unwrap();
                }
            }
        }
    }
    out.push_str("\n== newest, two different objects, and the clocks do not tell ==\n");
    for (what, skew, apart) in [
        ("unknown clocks", None, 1000),
        ("clocks 2 s apart", Some(2000), 1000),
        ("written 2 s apart", Some(0), 2),
    ] {
        for mode in Mode::ALL {
            let mut row = row(Some('x'), Some('y'), None, Side::Storage);
            row.seen.storage.as_mut().unwrap().modified = Timestamp::from_seconds(1000 + apart);
            let mut terms = terms(*mode, Policy::Newest, BaseUse::Known);
            terms.skew = skew.map(Duration::from_millis);
            let judged = judge(&row, equal(Some('x'), Some('y')), &terms).unwrap();
            writeln!(out, "{what:<20} {:<10} {}", mode.as_str(), word(Some(&judged))).unwrap();
        }
    }
    out
}
