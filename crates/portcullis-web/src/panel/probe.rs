//! What the steps of a test are called.

use portcullis_control::Step;

use super::words;

/// What a step was about.
pub(super) fn title(step: &Step) -> &'static str {
    match step.name {
        "name" => words::text("probe.name"),
        "tcp" => words::text("probe.tcp"),
        "tls" => words::text("probe.tls"),
        "clock" => words::text("probe.clock"),
        "credentials" => words::text("probe.credentials"),
        "bucket" => words::text("probe.bucket"),
        "list" => words::text("probe.list"),
        "write" => words::text("probe.write"),
        "index" => words::text("probe.index"),
        _ => words::text("probe.connect"),
    }
}

/// The class of its line, and the name of its symbol.
pub(super) fn mark(step: &Step) -> (&'static str, &'static str) {
    match (step.ok, step.advice.is_empty()) {
        (false, _) => ("n", "x"),
        (true, false) => ("w", "info"),
        (true, true) => ("y", "check"),
    }
}

/// Whether all went well.
pub(super) fn is_fine(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.ok)
}

/// Whether there is something that somebody should have read before going on.
pub(super) fn has_remark(steps: &[Step]) -> bool {
    steps.iter().any(|step| !step.advice.is_empty())
}
