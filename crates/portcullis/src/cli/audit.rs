//! `portcullis audit`.

use serde_json::Value;

use super::api::{Api, encode};
use super::args::{AuditArgs, Remote};
use super::storage::text;
use crate::output;

pub(super) fn run(remote: &Remote, args: &AuditArgs) -> anyhow::Result<()> {
    let api = Api::new(remote)?;
    let limit = args.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    if let Some(id) = &args.request_id {
        query.push(("request_id", id));
    }
    let page = api.get(&format!("/audit-events?{}", encode(&query)))?;
    let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    if remote.json {
        return Ok(output::line(&serde_json::to_string_pretty(&items)?)?);
    }
    let row = |item: &Value| {
        let verdict =
            if item.get("allowed").and_then(Value::as_bool) == Some(true) { "allowed" } else { "denied" };
        let mut cells = vec![text(item, "at"), verdict.to_owned()];
        cells.extend(
            ["actor", "action", "object", "peer", "reason", "request_id"].map(|name| text(item, name)),
        );
        cells
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    let header = ["TIME", "VERDICT", "WHO", "ACTION", "OBJECT", "FROM", "REASON", "REQUEST"];
    Ok(output::line(&output::table(&header, &rows))?)
}
