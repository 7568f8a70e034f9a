//! Reports of secrets that somebody found, from the moment they are taken to the moment somebody looks.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_domain::{Secret, Timestamp};
use tokio::sync::mpsc;

use super::scan::Scanner;
use super::throttle::Throttle;
use crate::Control;

/// The largest report, in bytes.
pub const LEAK_REPORT_BYTES: usize = 16 * 1024;
/// The most secrets of one report.
pub const LEAK_REPORT_SECRETS: usize = 100;
/// Reports that may wait.
const WAITING: usize = 64;

/// A report on its way: what is in it that has the form of a secret.
pub struct LeakReport {
    pub(super) secrets: Vec<Secret>,
    pub(super) from: IpAddr,
    pub(super) request_id: String,
}

impl std::fmt::Debug for LeakReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeakReport").field("from", &self.from).finish_non_exhaustive()
    }
}

impl LeakReport {
    /// The report that somebody typed or pasted: any text, of which the secrets in it are taken, each once.
    #[must_use]
    pub fn read(text: &[u8], from: IpAddr, request_id: &str) -> Self {
        let mut scanner = Scanner::default();
        let mut found = scanner.feed(text);
        found.extend(scanner.end());
        let mut secrets: Vec<Secret> = Vec::new();
        for finding in found {
            if secrets.len() < LEAK_REPORT_SECRETS && !secrets.contains(&finding.secret) {
                secrets.push(finding.secret);
            }
        }
        Self { secrets, from, request_id: request_id.to_owned() }
    }
}

/// Why a report was not taken. It says nothing of what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// Too many came from this address.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many wait.
    Busy,
}

/// The reports that wait.
#[derive(Debug)]
pub(crate) struct Reports {
    sender: mpsc::Sender<LeakReport>,
    /// Held by the one task that looks at them.
    pub(super) receiver: tokio::sync::Mutex<mpsc::Receiver<LeakReport>>,
    throttle: Mutex<Throttle>,
}

impl Default for Reports {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { sender, receiver: tokio::sync::Mutex::new(receiver), throttle: Mutex::default() }
    }
}

impl Control {
    /// Whether a report from this address is to be read: asked before its body is.
    ///
    /// # Errors
    /// [`NotTaken::TooMany`].
    pub fn admit_leak_report(&self, from: IpAddr) -> Result<(), NotTaken> {
        let now: Timestamp = self.access.now();
        let mut throttle = self.leaks.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.admit(from, now).map_err(|retry_after| NotTaken::TooMany { retry_after })
    }

    /// Takes a report that somebody found secrets. It takes the same time whatever is in it: somebody looks later.
    ///
    /// # Errors
    /// [`NotTaken::Busy`].
    pub fn report_leak(&self, report: LeakReport) -> Result<(), NotTaken> {
        self.leaks.sender.try_send(report).map_err(|_| NotTaken::Busy)
    }
}
