//! What is filled in for a plan and for a job: two sides, what is to happen, limits.

use portcullis_control::{FieldProblem, JobSettings, JobView, Mode, PlanDraft, Policy, SideDraft};
use portcullis_domain::StorageId;

use super::super::connection::typed_size;
use super::super::fields::{Faults, Fields};
use super::super::new_connection::quota;
use super::super::words;
use super::said;

/// A way to bring two sides together, as a card shows it.
pub(super) struct ModeCard {
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) detail: &'static str,
    pub(super) icon: &'static str,
}

/// What becomes of conflicts, to choose from.
pub(super) struct PolicyChoice {
    pub(super) word: &'static str,
    pub(super) name: &'static str,
    pub(super) detail: &'static str,
}

pub(super) fn modes() -> Vec<ModeCard> {
    let card = |mode: &Mode| {
        let (name, detail, icon) = said::mode_card(*mode);
        ModeCard { word: mode.as_str(), name, detail, icon }
    };
    Mode::ALL.iter().map(card).collect()
}

pub(super) fn policies() -> Vec<PolicyChoice> {
    let choice = |policy: &Policy| {
        let (name, detail) = said::policy(*policy);
        PolicyChoice { word: policy.as_str(), name, detail }
    };
    Policy::ALL.iter().map(choice).collect()
}

/// The fields, as they were filled in.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) storage: String,
    pub(super) prefix: String,
    pub(super) with: String,
    pub(super) with_prefix: String,
    pub(super) mode: String,
    pub(super) conflicts: String,
    pub(super) budget: String,
    pub(super) keep: String,
    pub(super) percent: String,
    pub(super) files: String,
}

impl Filled {
    pub(super) fn of(fields: &Fields) -> Self {
        // Each a little longer than it may be: what is too long is told.
        let text = |name: &str, most: usize| fields.get(name).trim().chars().take(most).collect::<String>();
        let raw = |name: &str| fields.get(name).chars().take(1_100).collect::<String>();
        let mode = text("mode", 20);
        Self {
            storage: text("storage", 40),
            prefix: raw("prefix"),
            with: text("with", 40),
            with_prefix: raw("with_prefix"),
            mode: if mode.is_empty() { Mode::TwoWay.as_str().to_owned() } else { mode },
            conflicts: text("conflicts", 20),
            budget: text("budget", 40),
            keep: text("keep", 20),
            percent: text("percent", 20),
            files: text("files", 20),
        }
    }

    /// What a job is set to.
    pub(super) fn of_job(job: &JobView) -> Self {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let settings = &job.settings;
        Self {
            storage: job.sides.storage.id.to_string(),
            prefix: job.sides.storage.prefix.as_str().to_owned(),
            with: job.sides.bucket.id.to_string(),
            with_prefix: job.sides.bucket.prefix.as_str().to_owned(),
            mode: job.mode.as_str().to_owned(),
            conflicts: job.conflicts.as_str().to_owned(),
            budget: settings.read_budget_bytes.map(typed_size).unwrap_or_default(),
            keep: number(settings.keep_days.map(u64::from)),
            percent: number(settings.max_delete_percent.map(u64::from)),
            files: number(settings.max_delete_files),
        }
    }

    /// Whether what is seldom needed was filled in, or is wrong.
    pub(super) fn is_open(&self, faults: &Faults) -> bool {
        let filled = [&self.budget, &self.keep, &self.percent, &self.files];
        let wrong = ["budget", "keep", "percent", "files"];
        filled.iter().any(|field| !field.is_empty()) || wrong.iter().any(|field| faults.at(field).is_some())
    }

    fn side(&self, storage: &str, prefix: &str, field: &str, faults: &mut Faults) -> Option<SideDraft> {
        let Ok(storage) = storage.parse::<StorageId>() else {
            faults.add(field, words::text("sync.new.choose"));
            return None;
        };
        Some(SideDraft { storage, prefix: prefix.to_owned() })
    }

    /// The limits; what is wrong is noted.
    pub(super) fn settings(&self, faults: &mut Faults) -> JobSettings {
        let mut settings = JobSettings {
            keep_days: number(&self.keep, "keep", 30, faults),
            max_delete_percent: number(&self.percent, "percent", 10, faults),
            max_delete_files: number(&self.files, "files", 1_000, faults),
            ..JobSettings::default()
        };
        if !self.budget.is_empty() {
            match quota::parse(&self.budget) {
                Ok(bytes) => settings.read_budget_bytes = Some(bytes),
                Err(message) => faults.add("budget", message),
            }
        }
        settings
    }

    pub(super) fn conflicts(&self) -> Option<String> {
        Some(self.conflicts.clone()).filter(|policy| !policy.is_empty())
    }

    /// The draft, if it can be read; otherwise what is wrong is noted.
    pub(super) fn draft(&self, faults: &mut Faults) -> Option<PlanDraft> {
        let storage = self.side(&self.storage, &self.prefix, "storage", faults);
        let bucket = self.side(&self.with, &self.with_prefix, "with", faults);
        let settings = self.settings(faults);
        let (storage, bucket) = (storage?, bucket?);
        faults.is_empty().then(|| PlanDraft {
            storage,
            bucket,
            mode: self.mode.clone(),
            conflicts: self.conflicts(),
            settings,
        })
    }
}

/// A whole number, if one was typed; what is none is noted, with one that would be.
fn number<T: std::str::FromStr>(typed: &str, field: &str, example: u32, faults: &mut Faults) -> Option<T> {
    if typed.is_empty() {
        return None;
    }
    let digits = typed.bytes().all(|byte| byte.is_ascii_digit());
    let read = typed.parse().ok().filter(|_| digits);
    if read.is_none() {
        faults.add(field, words::fill("sync.new.number", &[&example]));
    }
    read
}

/// The fields of the form for those of the draft.
pub(super) fn faults_of(problems: Vec<FieldProblem>) -> Faults {
    let mut faults = Faults::default();
    for FieldProblem { field, message } in problems {
        faults.add(field_of(&field), message);
    }
    faults
}

fn field_of(name: &str) -> &'static str {
    match name {
        "storage.prefix" | "prefix" => "prefix",
        "bucket.prefix" | "with.prefix" | "with_prefix" => "with_prefix",
        "bucket" | "bucket.storage" | "with" | "with.storage" => "with",
        "mode" => "mode",
        "conflicts" => "conflicts",
        "name" => "name",
        "schedule.zone" | "zone" => "zone",
        "schedule" | "schedule.cron" | "cron" => "cron",
        _ if name.ends_with("read_budget_bytes") => "budget",
        _ if name.ends_with("keep_days") => "keep",
        _ if name.ends_with("max_delete_percent") => "percent",
        _ if name.ends_with("max_delete_files") => "files",
        _ => "storage",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(query: &str) -> Filled {
        Filled::of(&Fields::parse(query.as_bytes()))
    }

    #[test]
    fn a_plan_is_read() {
        let (one, two) = (StorageId::generate(), StorageId::generate());
        let typed = format!(
            "storage={one}&prefix=a%2F&with={two}&mode=copy&conflicts=ask&budget=2+GB&keep=7&percent=5&files=20"
        );
        let mut faults = Faults::default();
        let draft = filled(&typed).draft(&mut faults).unwrap();
        assert_eq!(
            (draft.storage.storage, draft.storage.prefix.as_str(), draft.bucket.storage),
            (one, "a/", two)
        );
        assert_eq!((draft.mode.as_str(), draft.conflicts.as_deref()), ("copy", Some("ask")));
        let settings = draft.settings;
        assert_eq!((settings.read_budget_bytes, settings.keep_days), (Some(2_000_000_000), Some(7)));
        assert_eq!((settings.max_delete_percent, settings.max_delete_files), (Some(5), Some(20)));
    }

    #[test]
    fn what_is_wrong_stands_at_its_field() {
        let mut faults = Faults::default();
        assert_eq!(filled("storage=x&budget=lots&keep=-1&percent=300&files=1.5").draft(&mut faults), None);
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["storage", "with", "keep", "percent", "files", "budget"]);
        let problems = ["storage.prefix", "bucket", "settings.keep_days", "schedule.cron", "what"];
        let faults = faults_of(problems.map(|field| FieldProblem::new(field, "wrong")).into());
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["prefix", "with", "keep", "cron", "storage"]);
    }
}
