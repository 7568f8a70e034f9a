//! `portcullis audit`.

use serde_json::Value;

use super::api::{Api, encode};
use super::args::{AuditArgs, Remote};
use super::render::text;

pub(super) fn run(remote: &Remote, args: &AuditArgs) -> anyhow::Result<()> {
    let api = Api::new(remote)?;
    let limit = args.limit.to_string();
    let mut query = vec![("limit", limit.as_str())];
    if let Some(id) = &args.request_id {
        query.push(("request_id", id));
    }
    let page = api.get(&format!("/audit-events?{}", encode(&query)))?;
    let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let header = ["TIME", "VERDICT", "WHO", "ACTION", "OBJECT", "FROM", "REASON", "REQUEST"];
    remote.form().list(&items, &header, |item| {
        let verdict =
            if item.get("allowed").and_then(Value::as_bool) == Some(true) { "allowed" } else { "denied" };
        let mut cells = vec![text(item, "at"), verdict.to_owned()];
        cells.extend(
            ["actor", "action", "object", "peer", "reason", "request_id"].map(|name| text(item, name)),
        );
        cells
    })
}
