//! How far something is: a line that is drawn anew on a terminal, lines one after the other elsewhere.

use std::io::IsTerminal as _;

use serde_json::Value;

use crate::output;

/// Columns where nobody says how many there are.
const COLUMNS: usize = 80;
/// Columns of the bar itself.
const BAR: u64 = 20;
/// Where nobody looks on, a line is written after so many more percent.
const STEP: u64 = 10;

/// Shows how far something is, on standard error.
pub(super) struct Progress {
    columns: Option<usize>,
    /// What was written last, where nobody looks on.
    last: Option<(String, u64)>,
    drawn: bool,
}

impl Progress {
    /// To a terminal, if there is one.
    pub(super) fn new() -> Self {
        let stderr = std::io::stderr();
        let columns = stderr.is_terminal().then(|| {
            let size = rustix::termios::tcgetwinsize(&stderr).map(|size| usize::from(size.ws_col));
            size.ok().filter(|columns| *columns > 0).unwrap_or(COLUMNS)
        });
        Self { columns, last: None, drawn: false }
    }

    /// Shows a run as it is.
    pub(super) fn run(&mut self, run: &Value) {
        let word = word(run);
        match self.columns {
            Some(columns) => self.draw(&fitted(&line(run), columns)),
            None => self.write(&word, percent(run), || line(run)),
        }
    }

    /// Shows how many files were compared for a plan.
    pub(super) fn compared(&mut self, files: u64) {
        let told = || format!("{} files compared", grouped(files));
        match self.columns {
            Some(columns) => self.draw(&fitted(&told(), columns)),
            None => self.write("planning", files / 100_000 * STEP, told),
        }
    }

    fn draw(&mut self, line: &str) {
        self.drawn = true;
        output::prompt(&format!("\r\x1b[2K{line}"));
    }

    fn write(&mut self, word: &str, percent: u64, line: impl FnOnce() -> String) {
        let step = percent / STEP;
        if self.last.as_ref().is_none_or(|(last, at)| last != word || *at != step) {
            self.last = Some((word.to_owned(), step));
            output::prompt(&format!("{}\n", line()));
        }
    }

    /// Takes the line away again.
    pub(super) fn done(&mut self) {
        if std::mem::take(&mut self.drawn) {
            output::prompt("\r\x1b[2K");
        }
    }
}

fn number(item: &Value, name: &str) -> u64 {
    item.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// How much is done. Files count as much as bytes: many small ones take time as well.
fn percent(run: &Value) -> u64 {
    let share = |done: &str, total: &str| {
        let (done, total) = (u128::from(number(run, done)), u128::from(number(run, total)));
        (total > 0).then(|| done.min(total) * 1000 / total)
    };
    let shares = [share("files_done", "files_total"), share("bytes_done", "bytes_total")];
    let known: Vec<_> = shares.into_iter().flatten().collect();
    let count = u128::try_from(known.len()).unwrap_or(1).max(1);
    u64::try_from(known.iter().sum::<u128>() / count / 10).unwrap_or_default()
}

/// What is being done.
fn word(run: &Value) -> String {
    match run.get("state").and_then(Value::as_str).unwrap_or_default() {
        "running" => match number(run, "phase") {
            2 => "writing over, after keeping what was there",
            3 => "deleting, after keeping what was there",
            _ => "writing what is new",
        }
        .to_owned(),
        "settling" => "writing down what both sides agree on".to_owned(),
        other => other.to_owned(),
    }
}

/// A run in a line.
fn line(run: &Value) -> String {
    let percent = percent(run);
    let full = usize::try_from((percent * BAR / 100).min(BAR)).unwrap_or_default();
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(usize::try_from(BAR).unwrap_or_default() - full));
    let mut told = format!(
        "[{bar}] {percent:>3} %  {}/{} files  {}/{}",
        grouped(number(run, "files_done")),
        grouped(number(run, "files_total")),
        output::bytes(number(run, "bytes_done")),
        output::bytes(number(run, "bytes_total")),
    );
    if number(run, "rate") > 0 {
        told.push_str(&format!("  {}/s", output::bytes(number(run, "rate"))));
    }
    if let Some(left) = run.get("seconds_left").and_then(Value::as_u64) {
        told.push_str(&format!("  {} left", span(left)));
    }
    told.push_str(&format!("  {}", word(run)));
    told
}

/// As much of a line as there is room for, with one column to spare: a terminal would begin another line in the last.
fn fitted(line: &str, columns: usize) -> String {
    line.chars().take(columns.saturating_sub(1)).collect()
}

/// A number with commas between its thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

/// A span of time in its two largest units.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_in_a_line() {
        let run = json!({
            "state": "running", "phase": 2, "files_done": 4500, "files_total": 10_000, "bytes_done": 1_073_741_824_u64,
            "bytes_total": 2_147_483_648_u64, "rate": 12_582_912, "seconds_left": 130,
        });
        assert_eq!(
            line(&run),
            "[#########...........]  47 %  4,500/10,000 files  1.0 GiB/2.0 GiB  12.0 MiB/s  2 min 10 s left  \
             writing over, after keeping what was there"
        );
        assert_eq!(fitted(&line(&run), 30), "[#########...........]  47 % ");
        let waiting = json!({"state": "waiting", "seconds_left": null});
        assert_eq!(line(&waiting), "[....................]   0 %  0/0 files  0 B/0 B  waiting");
        let done = json!({"state": "done", "files_done": 3, "files_total": 3});
        assert!(line(&done).starts_with("[####################] 100 %"), "{}", line(&done));
    }

    #[test]
    fn more_done_than_was_known_is_all() {
        let run = json!({"files_done": 7, "files_total": 5, "bytes_done": u64::MAX, "bytes_total": 1});
        assert_eq!(percent(&run), 100);
    }

    #[test]
    fn numbers_and_spans() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([59, 61, 3661, 90_000].map(span), ["59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
