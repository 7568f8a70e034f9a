//! `portcullis sync kept`.

use serde_json::Value;

use super::{filters, first, note, storage_id};
use crate::cli::api::{Api, encode};
use crate::cli::render::{Form, at, size, text};
use crate::output;

/// The most files that are shown.
const MOST: usize = 1000;

pub(super) fn list(
    api: &Api,
    form: Form,
    storage: Option<&str>,
    given: [(&'static str, Option<&str>); 2],
) -> anyhow::Result<()> {
    let storage = storage_id(api, storage)?;
    let mut query = filters(&given);
    query.extend(storage.as_deref().map(|id| ("storage", id)));
    let (items, more) = first(api, "/kept-versions", &query, MOST)?;
    form.list(&items, &["ID", "STORAGE", "BYTES", "KEPT", "UNTIL", "KEY"], |kept| {
        vec![
            text(kept, "id"),
            text(kept, "storage_name"),
            size(kept, "size"),
            text(kept, "kept_at"),
            text(kept, "expires_at"),
            text(kept, "key"),
        ]
    })?;
    if form == Form::Programs {
        return Ok(());
    }
    if more {
        note(
            form,
            &format!("There are more than these {}; --run, --storage and --search show fewer.", items.len()),
        );
    }
    let answer = api.get(&format!("/kept-versions?{}", encode(&[("limit", "1")])))?;
    for space in answer.get("space").and_then(Value::as_array).into_iter().flatten() {
        let bytes = space.pointer("/held/bytes").and_then(Value::as_u64).unwrap_or_default();
        output::line(&format!(
            "{}: {} files, {}",
            text(space, "storage_name"),
            at(space, "/held/files"),
            output::bytes(bytes)
        ))?;
    }
    Ok(())
}
