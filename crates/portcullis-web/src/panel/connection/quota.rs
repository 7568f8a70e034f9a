//! The form for the most that a connection may hold.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::{FieldProblem, StorageChange};
use portcullis_domain::Storage;

use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::format;
use super::super::new_connection::quota::parse;
use super::super::page::{on_to, page};
use super::super::posted::Posted;
use super::super::seen::Seen;
use super::super::words;
use super::at::{At, path};
use super::forms::Outcome;
use super::page::ConnectionPage;
use super::settings::change;
use super::subject::{Subject, seen};
use crate::app::App;

/// The form for a quota.
#[derive(Debug)]
pub(super) struct QuotaForm {
    pub(super) value: String,
    pub(super) faults: Faults,
    pub(super) seen: Seen,
}

impl QuotaForm {
    pub(super) fn new(quota: Option<u64>) -> Self {
        let value = quota.map(typed).unwrap_or_default();
        Self { seen: seen(&value), value, faults: Faults::default() }
    }
}

/// A number of bytes as somebody would type it, exact: what is read from it is the same number.
pub(in crate::panel) fn typed(bytes: u64) -> String {
    const DECIMAL: [(&str, u32); 5] = [("PB", 15), ("TB", 12), ("GB", 9), ("MB", 6), ("kB", 3)];
    const GIB: u64 = 1 << 30;
    if bytes.is_multiple_of(GIB) && !bytes.is_multiple_of(1_000_000_000) {
        return format!("{} GiB", bytes / GIB);
    }
    let fits = |(_, digits): &&(&str, u32)| bytes >= 10_u64.pow(*digits);
    let (unit, digits) = DECIMAL.iter().find(fits).unwrap_or(&("kB", 3));
    let (whole, rest) = (bytes / 10_u64.pow(*digits), bytes % 10_u64.pow(*digits));
    let width = usize::try_from(*digits).unwrap_or(0);
    let decimals = format!("{rest:0width$}");
    match decimals.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        decimals => format!("{whole}.{decimals} {unit}"),
    }
}

/// `POST /connections/{id}/quota`
pub(super) async fn set(State(app): State<Arc<App>>, at: At, form: Posted) -> Response {
    try_set(&app, &at, &form).await.unwrap_or_else(|error| error.show(&at.person.chrome))
}

async fn try_set(app: &App, at: &At, form: &Fields) -> Result<Response, PanelError> {
    let as_seen = |storage: &Storage| QuotaForm::new(storage.quota_bytes).seen.is_in(form, "seen");
    let outcome = match form.filled("quota").map(parse).transpose() {
        Ok(quota) => {
            let limited = StorageChange { quota_bytes: Some(quota), ..StorageChange::default() };
            change(app, at, &limited, as_seen).await?
        }
        Err(message) => Outcome::Invalid(vec![FieldProblem::new("quota", message)]),
    };
    if let Outcome::Done = outcome {
        return Ok(on_to(&path(at.storage), "done.quota"));
    }
    let subject = Subject::load(app, &at.admin, at.storage).await?;
    let mut shown = ConnectionPage::new(app, at, &subject);
    shown.quota.value = form.get("quota").chars().take(40).collect();
    shown.quota.faults = outcome.faults("quota", || match subject.view.storage.quota_bytes {
        Some(bytes) => words::fill("quota.stale", &[&format::size(bytes)]),
        None => words::text("quota.stale.none").to_owned(),
    });
    Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_not_touched_stays_exact() {
        for (bytes, text) in [
            (1, "0.001 kB"),
            (1_500_000_000_000, "1.5 TB"),
            (10_000_000_000, "10 GB"),
            (1 << 30, "1 GiB"),
            (500 << 30, "500 GiB"),
            (1_234_567, "1.234567 MB"),
            (i64::MAX.unsigned_abs(), "9223.372036854775807 PB"),
        ] {
            assert_eq!(typed(bytes), text);
            assert_eq!(parse(text), Ok(bytes));
        }
    }
}
