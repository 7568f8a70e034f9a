//! Secrets that turned up where they should not: found by a scan, reported by whoever found them, and made harmless.

mod forms;
mod found;
mod queue;
mod scan;
#[cfg(test)]
mod tests;
mod throttle;

pub(crate) use queue::Reports;
pub use queue::{LEAK_REPORT_BYTES, LEAK_REPORT_SECRETS, LeakReport, NotTaken};
pub use scan::{Finding, Scanner};
