//! What a process used, and what a client saw.

use std::fmt;
use std::fs;
use std::time::Duration;

/// The outcome of one workload at one number of connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cell {
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    /// Server CPU, user and system.
    pub(crate) cpu_seconds: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) errors: u64,
}

impl Cell {
    pub(crate) fn rate(&self) -> f64 {
        if self.seconds > 0.0 { count(self.operations) / self.seconds } else { 0.0 }
    }

    /// Server CPU per operation in microseconds.
    pub(crate) fn cpu(&self) -> f64 {
        if self.operations > 0 { self.cpu_seconds * 1e6 / count(self.operations) } else { 0.0 }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.rate();
        let places = usize::from(rate < 100.0);
        write!(f, "{rate:.places$} · {:.0} · {:.1}/{:.1}", self.cpu(), millis(self.p50), millis(self.p99))?;
        if self.errors > 0 { write!(f, " ({} errors)", self.errors) } else { Ok(()) }
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}

/// CPU seconds of a process and those of its children that it has waited for.
pub(crate) fn cpu_seconds(pids: &[u32]) -> f64 {
    // USER_HZ is 100 on every Linux that is in use.
    const TICKS: f64 = 100.0;
    let of = |pid: &u32| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let after = text.rsplit_once(')')?.1;
        let fields: Vec<&str> = after.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    count(pids.iter().filter_map(of).sum()) / TICKS
}

/// The largest resident size so far, in bytes, over all the processes.
pub(crate) fn peak_memory(pids: &[u32]) -> u64 {
    let of = |pid: &u32| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    pids.iter().filter_map(of).sum::<u64>() * 1024
}

/// The value below which this share of the sorted spans lies.
pub(crate) fn percentile(sorted: &[Duration], hundredths: usize) -> Duration {
    let at = sorted.len().saturating_mul(hundredths) / 100;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
