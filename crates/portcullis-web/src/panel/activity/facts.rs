//! What a refusal saw, as lines of a page.

use std::time::Duration;

use portcullis_control::{AuditEvent, Explanation, Seen, SeenKey};
use portcullis_domain::{Scope, Timestamp};

use super::super::{format, labels, words};
use super::row::key_page;

/// A value that the rule looked at.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// The page about it.
    pub(super) path: Option<String>,
    /// What there is to say of it besides.
    pub(super) note: Option<String>,
    /// Whether it is something that is copied.
    pub(super) mono: bool,
}

fn fact(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), path: None, note: None, mono: false }
}

fn copied(name: &'static str, value: impl Into<String>) -> Fact {
    Fact { mono: true, ..fact(name, value) }
}

/// What the rule saw, what matters most first.
pub(super) fn of_rule(seen: &Seen, now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(seen.bucket.clone().map(|bucket| copied(words::text("refusal.bucket"), bucket)));
    let nearest = seen.nearest_bucket.as_ref().map(ToString::to_string);
    facts.extend(nearest.map(|bucket| copied(words::text("refusal.nearest"), bucket)));
    facts.extend(seen.skew_seconds.map(|seconds| fact(words::text("refusal.clock"), skew(seconds))));
    facts.extend(
        seen.late_seconds.map(|seconds| fact(words::text("refusal.late"), span(seconds.unsigned_abs()))),
    );
    facts.push(copied(words::text("refusal.address"), seen.address.clone()));
    if let Some(networks) = &seen.networks {
        let text =
            if networks.is_empty() { words::text("networks.any").to_owned() } else { networks.join(", ") };
        facts.push(copied(words::text("refusal.networks"), text));
    }
    if let Some(end) = seen.ends {
        let name = if end <= now { words::text("refusal.ended") } else { words::text("refusal.ends") };
        facts.push(fact(name, format::moment(end)));
    }
    if let Some(asked) = seen.asked {
        facts.push(fact(words::text("refusal.asked"), deed(asked.as_str())));
    }
    let held = seen.held.map(|held| fact(words::text("refusal.held"), labels::permission(held)));
    facts.extend(held);
    facts.extend(seen.prefix.clone().map(|prefix| copied(words::text("refusal.prefix"), prefix)));
    facts.extend(seen.object.clone().map(|object| copied(words::text("refusal.object"), object)));
    let pause = seen.paused_until.map(|end| fact(words::text("refusal.paused"), format::moment(end)));
    facts.extend(pause);
    facts
}

fn deed(action: &str) -> &'static str {
    match action {
        "list" => words::text("refusal.deed.list"),
        "get" => words::text("refusal.deed.get"),
        "put" => words::text("refusal.deed.put"),
        "delete" => words::text("refusal.deed.delete"),
        "administer" => words::text("refusal.deed.administer"),
        _ => words::text("refusal.deed.enter"),
    }
}

/// `1 hour 30 minutes behind`.
fn skew(seconds: i64) -> String {
    let by = span(seconds.unsigned_abs());
    if seconds < 0 { words::fill("refusal.behind", &[&by]) } else { words::fill("refusal.ahead", &[&by]) }
}

fn span(seconds: u64) -> String {
    let now = Timestamp::default();
    match seconds {
        0..=119 => words::count("refusal.seconds", seconds),
        _ => format::left(now, now.after(Duration::from_secs(seconds))),
    }
}

/// Who asked, for what, when and how.
pub(super) fn of_request(explained: &Explanation, who: &str) -> Vec<Fact> {
    let (event, seen) = (&explained.event, &explained.seen);
    let mut facts = vec![fact(words::text("refusal.who"), who)];
    facts.extend(seen.key.as_ref().map(|key| of_key(key, seen)));
    let temporary =
        seen.temporary_until.map(|end| fact(words::text("refusal.temporary"), format::moment(end)));
    facts.extend(temporary);
    let link = seen.link.as_ref().map(|name| fact(words::text("refusal.link"), name.as_str()));
    facts.extend(link);
    let owner = seen.user.clone().filter(|_| seen.key.is_some());
    facts.extend(owner.map(|owner| fact(words::text("refusal.owner"), owner)));
    facts.extend(seen.storage.as_ref().map(|storage| Fact {
        path: Some(format!("/connections/{}", storage.id)),
        ..fact(words::text("refusal.storage"), storage.name.as_str())
    }));
    facts.push(fact(words::text("refusal.when"), exact(event)));
    facts.push(copied(words::text("refusal.tool"), event.tool.clone()));
    facts.push(copied(words::text("refusal.id"), event.request_id.clone()));
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

fn exact(event: &AuditEvent) -> String {
    event.at.to_string().replace('T', " ").replace('Z', " UTC")
}

fn of_key(key: &SeenKey, seen: &Seen) -> Fact {
    let scope = match (key.storage, &seen.user) {
        (Some(storage), _) => Scope::Storage(storage),
        (None, _) => Scope::Site,
    };
    let note = if key.is_deleted {
        Some(match key.deleted {
            Some(at) => words::fill("refusal.key.deleted_at", &[&format::moment(at)]),
            None => words::text("refusal.key.deleted").to_owned(),
        })
    } else {
        Some(key.credential.to_string())
    };
    let path = (!key.is_deleted).then(|| key_page(key.id, scope));
    Fact { path, note, ..fact(words::text("refusal.key"), key.name.as_str()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_spans() {
        assert_eq!(skew(-90), "90 seconds behind");
        assert_eq!(skew(1), "1 second ahead");
        assert_eq!(skew(5_400), "1 hour ahead");
        assert_eq!(span(86_400 * 3), "3 days");
    }
}
