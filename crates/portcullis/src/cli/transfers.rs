//! `portcullis transfers`.

use serde_json::Value;

use super::api::Api;
use super::args::{Remote, TransfersCommand};
use super::render::{size, text};

pub(super) fn run(remote: &Remote, command: Option<&TransfersCommand>) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    match command {
        None => {
            let header =
                ["DIRECTION", "KEY", "OBJECT", "BYTES", "PER SECOND", "ADDRESS", "TOOL", "NODE", "ID"];
            form.list(&api.all("/transfers", &[])?, &header, |transfer| {
                vec![
                    if text(transfer, "action") == "put" { "up" } else { "down" }.to_owned(),
                    first(transfer, &["key_name", "key", "user_name"]),
                    format!("{}/{}", first(transfer, &["storage_name", "storage"]), text(transfer, "object")),
                    size(transfer, "bytes"),
                    size(transfer, "rate"),
                    text(transfer, "address"),
                    text(transfer, "tool"),
                    text(transfer, "node_name"),
                    text(transfer, "id"),
                ]
            })
        }
        Some(TransfersCommand::Cut { id }) => {
            form.done(&api.delete(&format!("/transfers/{id}"))?, &format!("Cut {id}."))
        }
    }
}

/// The first of these fields that says something.
fn first(transfer: &Value, names: &[&str]) -> String {
    names.iter().map(|name| text(transfer, name)).find(|text| text != "-").unwrap_or_else(|| "-".to_owned())
}
