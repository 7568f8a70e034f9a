//! Which verbs have an entry in the audit trail. They come from the sources, so that a new one is not forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Verbs that nobody asks for, or that only count, claim or take note: there is nothing of them in the trail, or their caller writes
/// it down first.
const NOTES: &[&str] = &[
    // The trail itself, and how far it was signed and sent on.
    "add_checkpoint",
    "append_audit",
    "purge_audit",
    "remove_audited",
    "begin_sink",
    "hold_sink",
    "sink_failed",
    "sink_has",
    // What is remembered for a while.
    "claim_call",
    "claim_once",
    "drop_call",
    "finish_call",
    "purge_activity",
    "purge_calls",
    "purge_changes",
    "purge_once",
    "purge_sessions",
    "forget_secrets",
    // What is measured and counted.
    "all_storages_due",
    "count_download",
    "note_passkey_use",
    "note_sign_in",
    "record_activity",
    "record_measurements",
    "record_storage_use",
    "record_use",
    // A part of signing in, which is written down with the session.
    "take_recovery_code",
    "take_totp_step",
    // The process itself: its first start, its keys, its sign of life.
    "beat",
    "join",
    "leave",
    "note_look",
    "purge_nodes",
    "show_transfers",
    "create_site_with_admin",
    "replace_sealed",
    "set_setting_if_absent",
    // What processes write down while they plan and run, what they hold, and what is deleted when its time is over.
    "add_base_pages",
    "add_plan_pages",
    "begin_sync_base",
    "drop_sync_pages",
    "drop_sync_steps",
    "end_sync_run",
    "finish_sync_plan",
    "forget_kept",
    "forget_kept_of_deleted",
    "free_sync_holds",
    "leave_sync_run",
    "note_sync_job",
    "postpone_kept",
    "purge_sync_history",
    "renew_sync_plan",
    "renew_sync_run",
    "retire_sync_plans",
    "save_sync_progress",
    "set_sync_run_state",
    "switch_sync_base",
    "sync_pair_for",
    "take_sync_plan",
    "take_sync_run",
    "write_sync_steps",
    // What of an upload is kept until the rest comes; the file that it becomes is written down by the gate.
    "create_resumable",
    "drop_resumable",
    "hold_resumable",
    "keep_resumable_tail",
    "purge_resumables",
    "settle_resumable",
    // What is known of a delivery until all of it is stored; its files are written down by the gate.
    "drop_batch",
    "let_go",
    "note_upload",
    "purge",
    "renew",
];

/// Every public verb whose text, or that of a function it calls on itself, writes to the database.
fn writing_verbs() -> BTreeSet<String> {
    let mut functions: BTreeMap<String, (bool, String)> = BTreeMap::new();
    read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut functions);
    let begins = ["self.write()", "writing!(", "self.begin()"];
    let mut writing: BTreeSet<String> = functions
        .iter()
        .filter(|(_, (_, text))| begins.iter().any(|begin| text.contains(begin)))
        .map(|(name, _)| name.clone())
        .collect();
    loop {
        let calls = |text: &str| writing.iter().any(|name| text.contains(&format!("self.{name}(")));
        let more: Vec<String> = functions
            .iter()
            .filter(|(name, (_, text))| !writing.contains(*name) && calls(text))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        writing.extend(more);
    }
    writing.retain(|name| functions[name].0);
    assert!(writing.contains("delete_session") && writing.contains("create_key"), "{writing:?}");
    writing
}

fn read_sources(dir: &Path, functions: &mut BTreeMap<String, (bool, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, functions);
            continue;
        }
        let (mut name, mut text) = (None::<(String, bool)>, String::new());
        for line in std::fs::read_to_string(&path).unwrap().lines().chain(["    fn end("]) {
            let begun = line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '));
            let found =
                begun.and_then(|rest| Some((rest, rest.split_once("fn ")?.1.split(['(', '<']).next()?)));
            let Some((rest, found)) = found else {
                text.push_str(line);
                continue;
            };
            if let Some((name, public)) = name.take() {
                functions.insert(name, (public, std::mem::take(&mut text)));
            }
            name = Some((found.to_owned(), rest.starts_with("pub async fn ")));
            text.clear();
        }
    }
}

/// Verbs that change what people decide.
pub(crate) fn verbs_to_record() -> impl Iterator<Item = String> {
    writing_verbs().into_iter().filter(|verb| !NOTES.contains(&verb.as_str()))
}
