//! Waiting for plans and following runs.

use std::io::{BufRead as _, BufReader, Read};
use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::bar::Progress;
use super::part;
use crate::cli::api::{Api, Refusal};
use crate::cli::render::text;

/// How long a stream of events is read before it is asked for anew: the server may have gone without a word.
const STREAM: Duration = Duration::from_secs(120);
/// How long is waited before the server is asked again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often in a row a server may not answer: it may be starting again.
const TRIES: u32 = 120;
/// The longest event that is read, in bytes.
const LONGEST_EVENT: u64 = 1 << 20;

/// Waits until a plan is no longer being made; the plan.
pub(super) fn plan(api: &Api, id: &str) -> anyhow::Result<Value> {
    let mut progress = Progress::new();
    let path = format!("/sync-plans/{}", part(id));
    let (mut tries, mut wait) = (0, Duration::from_millis(100));
    loop {
        match api.get(&path) {
            Ok(plan) if text(&plan, "state") != "planning" => {
                progress.done();
                return Ok(plan);
            }
            Ok(plan) => {
                tries = 0;
                progress.compared(plan.get("compared").and_then(Value::as_u64).unwrap_or_default());
            }
            Err(error) => {
                patience(error, &mut tries, "the plan is made all the same: portcullis sync show", id)?
            }
        }
        sleep(wait);
        wait = (wait * 2).min(AGAIN);
    }
}

/// Follows a run until it is over; the run.
pub(super) fn run(api: &Api, id: &str) -> anyhow::Result<Value> {
    let mut progress = Progress::new();
    let mut tries = 0;
    loop {
        let told = match api.read_for(&format!("/sync-runs/{}/events", part(id)), STREAM) {
            Ok(stream) => follow(stream, |run| {
                tries = 0;
                progress.run(run);
            }),
            // As many as may follow do: it can still be asked for.
            Err(error) if status_of(&error) == Some(503) => {
                api.get(&format!("/sync-runs/{}", part(id))).map(ended)
            }
            Err(error) => Err(error),
        };
        match told {
            Ok(Some(run)) => {
                progress.done();
                return Ok(run);
            }
            Ok(None) => {}
            Err(error) => {
                patience(error, &mut tries, "the run goes on all the same: portcullis sync watch", id)?;
            }
        }
        sleep(AGAIN);
    }
}

/// The run, if it is over.
fn ended(run: Value) -> Option<Value> {
    let over = ["done", "partial", "cancelled", "failed"].contains(&text(&run, "state").as_str());
    over.then_some(run)
}

fn status_of(error: &anyhow::Error) -> Option<u16> {
    error.downcast_ref::<Refusal>().map(|refusal| refusal.status)
}

/// Whether to go on after an error: not if the server said no, and not for ever.
fn patience(error: anyhow::Error, tries: &mut u32, otherwise: &str, id: &str) -> anyhow::Result<()> {
    *tries += 1;
    if status_of(&error).is_some_and(|status| status < 500) {
        return Err(error);
    }
    if *tries > TRIES {
        bail!("{error:#}\n  {otherwise} {id}");
    }
    Ok(())
}

/// Reads server-sent events until they end. The run if it is over; nothing if it is to be asked again.
///
/// # Errors
/// Whoever asks may not any more.
fn follow(stream: impl Read, mut show: impl FnMut(&Value)) -> anyhow::Result<Option<Value>> {
    let mut lines = BufReader::new(stream);
    let (mut event, mut data, mut last) = (String::new(), String::new(), None);
    loop {
        let mut line = String::new();
        // A stream that breaks off is asked for again.
        let Ok(1..) = lines.by_ref().take(LONGEST_EVENT).read_line(&mut line) else {
            return Ok(last.and_then(ended));
        };
        let line = line.trim_end_matches(['\r', '\n']);
        if let Some(name) = line.strip_prefix("event:") {
            name.trim_start().clone_into(&mut event);
        } else if let Some(text) = line.strip_prefix("data:") {
            data.push_str(text.strip_prefix(' ').unwrap_or(text));
        } else if line.is_empty() {
            let told: Value = serde_json::from_str(&data).unwrap_or_default();
            data.clear();
            match std::mem::take(&mut event).as_str() {
                "progress" => {
                    show(&told);
                    last = Some(told);
                }
                "end" if text(&told, "because") == "access" => {
                    bail!("the run may not be followed any longer with these credentials, or in this site")
                }
                "end" => return Ok(last.and_then(ended)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(stream: &str) -> (anyhow::Result<Option<Value>>, Vec<String>) {
        let mut shown = Vec::new();
        let end = follow(stream.as_bytes(), |run| shown.push(text(run, "state")));
        (end, shown)
    }

    const RUNNING: &str = "event: progress\ndata: {\"state\":\"running\"}\n\n";
    const DONE: &str = "event: progress\ndata: {\"state\":\"done\"}\n\n";

    #[test]
    fn a_run_is_followed_to_its_end() {
        let (end, shown) = followed(&format!(
            ":\n\n{RUNNING}:\n\n{RUNNING}{DONE}event: end\ndata: {{\"because\":\"run\"}}\n\n"
        ));
        assert_eq!(shown, ["running", "running", "done"]);
        assert_eq!(text(&end.unwrap().unwrap(), "state"), "done");
        // Lines may end as they do in HTTP, and the end may be missing.
        let (end, _) = followed(&format!("{RUNNING}{DONE}").replace('\n', "\r\n"));
        assert!(end.unwrap().is_some());
    }

    #[test]
    fn what_breaks_off_is_asked_for_again_and_what_is_refused_is_not() {
        for stream in [
            String::new(),
            RUNNING.to_owned(),
            format!("{RUNNING}event: progress\ndata: {{\"state\":\"do"),
            format!("{RUNNING}event: end\ndata: {{\"because\":\"stop\"}}\n\n"),
            format!("{RUNNING}event: end\ndata: {{\"because\":\"time\"}}\n\n"),
        ] {
            assert!(followed(&stream).0.unwrap().is_none(), "{stream}");
        }
        let (end, _) = followed(&format!("{RUNNING}event: end\ndata: {{\"because\":\"access\"}}\n\n"));
        assert!(end.unwrap_err().to_string().contains("credentials"));
    }
}
