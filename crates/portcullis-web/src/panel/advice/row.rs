//! Advice in words.

use portcullis_control::{
    Advice, AdviceWhat, Breadth, Confidence, KeyAdvice, Refusable, TakenAdvice, WouldRefuse,
};
use portcullis_domain::{Key, Networks, Permission, Scope, Timestamp};

use super::super::seen::Seen;
use super::super::{labels, words};

/// One piece of advice.
pub(super) struct Row {
    pub(super) key: String,
    pub(super) path: String,
    pub(super) name: String,
    pub(super) access_key: String,
    pub(super) what: &'static str,
    /// What would be changed to what.
    pub(super) title: String,
    /// The new value, where it is a text of letters and digits.
    pub(super) value: Option<String>,
    pub(super) before: String,
    pub(super) why: &'static str,
    pub(super) rests_on: String,
    pub(super) confidence: (&'static str, &'static str),
    pub(super) refused: Refused,
    pub(super) seen: Seen,
}

/// What would have been refused.
pub(super) struct Refused {
    pub(super) text: String,
    pub(super) examples: Vec<Example>,
}

pub(super) struct Example {
    pub(super) what: String,
    pub(super) place: String,
    pub(super) requests: String,
    pub(super) last: Timestamp,
}

/// Advice that was followed.
pub(super) struct TakenRow {
    pub(super) id: String,
    pub(super) path: Option<String>,
    pub(super) name: Option<String>,
    pub(super) title: String,
    pub(super) value: Option<String>,
    pub(super) before: String,
    pub(super) actor: String,
    pub(super) taken: Timestamp,
    pub(super) undone: Option<Timestamp>,
    pub(super) can_be_undone: bool,
}

/// What a form that follows this advice was made from.
pub(super) fn seen(key: &Key, advice: &Advice) -> Seen {
    let mut seen = Seen::of(&key.networks);
    for breadth in [&Breadth::of(key), &advice.after] {
        seen.add(&breadth.permission);
        seen.add(&breadth.prefix);
        breadth.networks.entries().iter().for_each(|entry| seen.add(&entry.network));
    }
    seen
}

pub(super) fn rows(found: &KeyAdvice) -> Vec<Row> {
    found.advised.advice.iter().map(|advice| Row::of(&found.key, advice)).collect()
}

impl Row {
    fn of(key: &Key, advice: &Advice) -> Self {
        let (title, value) = to(advice.what, &advice.after);
        Self {
            key: key.id.to_string(),
            path: path(key),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            what: advice.what.as_str(),
            title,
            value,
            before: now(advice.what, &Breadth::of(key)),
            why: why(advice),
            rests_on: rests_on(advice),
            confidence: match advice.confidence {
                Confidence::High => ("ok", words::text("advice.confidence.high")),
                Confidence::Medium => ("info", words::text("advice.confidence.medium")),
                Confidence::Low => ("", words::text("advice.confidence.low")),
            },
            refused: Refused::of(&advice.would_refuse),
            seen: seen(key, advice),
        }
    }
}

impl TakenRow {
    pub(super) fn of(found: &TakenAdvice) -> Self {
        let taken = &found.taken;
        // A word of a later version is shown as it is.
        let what = taken.what.parse::<AdviceWhat>();
        let (title, value) = what.map_or_else(|_| (taken.what.clone(), None), |what| to(what, &taken.after));
        Self {
            id: taken.id.to_string(),
            path: found.key.as_ref().map(path),
            name: found.key.as_ref().map(|key| key.name.to_string()),
            title,
            value,
            before: what.map(|what| now(what, &taken.before)).unwrap_or_default(),
            actor: taken.actor.clone(),
            taken: taken.taken,
            undone: taken.undone,
            can_be_undone: found.can_be_undone(),
        }
    }
}

impl Refused {
    fn of(refused: &WouldRefuse) -> Self {
        let text = match (refused.requests, refused.at_most) {
            (0, _) => words::text("advice.refused.none").to_owned(),
            (requests, false) => words::count("advice.refused", requests),
            (requests, true) => words::count("advice.refused.at_most", requests),
        };
        let example = |refusable: &Refusable| Example {
            what: refusable.what.clone().unwrap_or_default(),
            place: if refusable.place.is_empty() { "/".to_owned() } else { refusable.place.clone() },
            requests: words::thousands(refusable.requests),
            last: refusable.last,
        };
        Self { text, examples: refused.examples.iter().map(example).collect() }
    }
}

/// The page of a key.
fn path(key: &Key) -> String {
    match key.scope {
        Scope::Storage(storage) => format!("/connections/{storage}/keys/{}", key.id),
        Scope::User(_) | Scope::Site => format!("/api-keys/{}", key.id),
    }
}

/// What advice does, and to which value.
fn to(what: AdviceWhat, after: &Breadth) -> (String, Option<String>) {
    match what {
        AdviceWhat::Permission => {
            (words::fill("advice.to.permission", &[&labels::permission(after.permission)]), None)
        }
        AdviceWhat::Networks => (words::text("advice.to.networks").to_owned(), Some(list(&after.networks))),
        AdviceWhat::Prefix => (words::text("advice.to.prefix").to_owned(), Some(after.prefix.to_string())),
        AdviceWhat::Disable => (words::text("advice.to.disable").to_owned(), None),
    }
}

/// How it was before.
fn now(what: AdviceWhat, breadth: &Breadth) -> String {
    match what {
        AdviceWhat::Permission | AdviceWhat::Disable => labels::permission(breadth.permission).to_owned(),
        AdviceWhat::Networks if breadth.networks.is_anywhere() => words::text("advice.anywhere").to_owned(),
        AdviceWhat::Networks => list(&breadth.networks),
        AdviceWhat::Prefix if breadth.prefix.is_empty() => words::text("advice.everything").to_owned(),
        AdviceWhat::Prefix => breadth.prefix.to_string(),
    }
}

/// The first networks of a list.
fn list(networks: &Networks) -> String {
    const SHOWN: usize = 4;
    let entries = networks.entries();
    let mut shown: Vec<String> = entries.iter().take(SHOWN).map(|entry| entry.network.to_string()).collect();
    if entries.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

fn why(advice: &Advice) -> &'static str {
    match (advice.what, advice.after.permission) {
        (AdviceWhat::Permission, Permission::Read) => words::text("advice.why.read"),
        (AdviceWhat::Permission, Permission::Write) => words::text("advice.why.write"),
        (AdviceWhat::Permission, _) => words::text("advice.why.files"),
        (AdviceWhat::Networks, _) => words::text("advice.why.networks"),
        (AdviceWhat::Prefix, _) => words::text("advice.why.prefix"),
        (AdviceWhat::Disable, _) => words::text("advice.why.disable"),
    }
}

fn rests_on(advice: &Advice) -> String {
    let since = advice.since.to_string();
    let day = since.get(..10).unwrap_or(&since);
    if advice.what == AdviceWhat::Disable {
        return words::fill("advice.unused_since", &[&day]);
    }
    let requests = words::count("advice.requests", advice.requests);
    let days = words::count("advice.days", u64::from(advice.days_used));
    words::fill("advice.rests_on", &[&requests, &days, &day])
}
