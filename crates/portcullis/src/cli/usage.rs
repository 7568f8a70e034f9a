//! `portcullis usage`.

use serde_json::Value;

use super::api::{Api, encode};
use super::args::{Remote, UsageArgs};
use super::render::{Form, size, text};

pub(super) fn run(remote: &Remote, args: &UsageArgs) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    let key = args.key.as_deref().map(|key| api.find_key(key)).transpose()?.map(|key| text(&key, "id"));
    let storage = args
        .storage
        .as_deref()
        .map(|name| api.find_storage(name))
        .transpose()?
        .map(|found| text(&found, "id"));
    let limit = args.limit.map(|limit| limit.to_string());
    let pairs = [
        ("from", args.from.as_ref()),
        ("to", args.to.as_ref()),
        ("step", args.step.as_ref()),
        ("key", key.as_ref()),
        ("storage", storage.as_ref()),
        ("network", args.network.as_ref()),
        ("limit", limit.as_ref()),
    ];
    let mut query = vec![("by", args.by.as_str())];
    query.extend(pairs.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.as_str()))));
    let found = api.get(&format!("/usage?{}", encode(&query)))?;
    if form == Form::Programs {
        return form.record(&found, &[]);
    }
    let rows = |name: &str| found.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    if args.by != "time" {
        let header = ["NAME", "REQUESTS", "BYTES", "REFUSED", "LAST", "ID"];
        return form.list(&rows("items"), &header, |item| {
            let mut cells = vec![text(item, "name"), text(item, "requests"), size(item, "bytes")];
            cells.extend(["refused", "last", "id"].map(|name| text(item, name)));
            cells
        });
    }
    // What is quiet takes no line.
    let is_busy = |point: &Value| {
        ["requests", "bytes", "refused"].iter().any(|name| point.get(name).and_then(Value::as_u64) > Some(0))
    };
    let mut points: Vec<Value> = rows("points").into_iter().filter(is_busy).collect();
    points.extend(found.get("total").cloned());
    form.list(&points, &["FROM", "REQUESTS", "BYTES", "REFUSED"], |point| {
        let start = point.get("start").map_or_else(|| "total".to_owned(), |_| text(point, "start"));
        vec![start, text(point, "requests"), size(point, "bytes"), text(point, "refused")]
    })
}
