//! Answers as people and programs read them.

use serde_json::Value;

use crate::output;

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Tables and fields.
    People,
    /// JSON, as the server gave it.
    Programs,
}

impl Form {
    /// One record: all of it for programs, these fields for people.
    pub(super) fn record(self, item: &Value, rows: &[(&str, String)]) -> anyhow::Result<()> {
        match self {
            Self::Programs => json(item),
            Self::People => {
                fields(rows)?;
                receipt(item);
                Ok(())
            }
        }
    }

    /// A list: all of it for programs, a table for people.
    pub(super) fn list(
        self,
        items: &[Value],
        header: &[&str],
        row: impl Fn(&Value) -> Vec<String>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Programs => Ok(output::line(&serde_json::to_string_pretty(items)?)?),
            Self::People => {
                let rows: Vec<_> = items.iter().map(row).collect();
                Ok(output::line(&output::table(header, &rows))?)
            }
        }
    }

    /// What was done: the answer for programs, a sentence for people.
    pub(super) fn done(self, answer: &Value, sentence: &str) -> anyhow::Result<()> {
        match self {
            Self::Programs => json(answer),
            Self::People => {
                output::line(sentence)?;
                receipt(answer);
                Ok(())
            }
        }
    }
}

/// Says what a change ended, beside the answer and not in it.
fn receipt(answer: &Value) {
    let summary = answer.pointer("/receipt/summary").and_then(Value::as_str).unwrap_or_default();
    if !summary.is_empty() {
        output::prompt(&format!("{summary}\n"));
    }
}

fn json(value: &Value) -> anyhow::Result<()> {
    Ok(output::line(&serde_json::to_string_pretty(value)?)?)
}

/// Sets a field of an object.
pub(super) fn set(body: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = body {
        fields.insert(name.to_owned(), value);
    }
}

/// Sets a field of an object to a text, if there is one.
pub(super) fn set_text(body: &mut Value, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        set(body, name, Value::from(value.as_str()));
    }
}

/// Sets a field of an object to a list of networks, if one was given; `anywhere` stands for the empty one.
pub(super) fn set_networks(body: &mut Value, networks: &[String]) {
    match networks {
        [] => {}
        [only] if only == "anywhere" => set(body, "networks", Value::Array(Vec::new())),
        list => set(body, "networks", Value::from(list)),
    }
}

/// Sets a field of an object to a moment, if one was given; `never` stands for none.
pub(super) fn set_moment(body: &mut Value, name: &str, moment: Option<&String>) {
    match moment.map(String::as_str) {
        None => {}
        Some("never") => set(body, name, Value::Null),
        Some(moment) => set(body, name, Value::from(moment)),
    }
}

/// A field as text for people: nothing as a dash.
pub(super) fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// A field of a record inside a record, such as `/invitation/url`.
pub(super) fn at(item: &Value, pointer: &str) -> String {
    let (place, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    item.pointer(place).map_or_else(|| "-".to_owned(), |inner| text(inner, name))
}

/// A field that counts bytes.
pub(super) fn size(item: &Value, name: &str) -> String {
    item.get(name).and_then(Value::as_u64).map_or_else(|| "-".to_owned(), output::bytes)
}

/// The names in a list of records.
pub(super) fn names(item: &Value, list: &str) -> String {
    let found = item.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if found.is_empty() {
        return "-".to_owned();
    }
    found.iter().map(|record| text(record, "name")).collect::<Vec<_>>().join(", ")
}

/// Networks of a storage or a key, with notes.
pub(super) fn networks(item: &Value) -> String {
    let list = item.get("networks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        return "anywhere".to_owned();
    }
    let entry = |entry: &Value| match text(entry, "note").as_str() {
        "" | "-" => text(entry, "network"),
        note => format!("{} ({note})", text(entry, "network")),
    };
    list.iter().map(entry).collect::<Vec<_>>().join(", ")
}

/// Prints names and values, one a line.
pub(super) fn fields(rows: &[(&str, String)]) -> anyhow::Result<()> {
    for (name, value) in rows {
        output::line(&format!("{name:<19}{value}"))?;
    }
    Ok(())
}

/// Asks before something is done that cannot be undone.
pub(super) fn confirmed(yes: bool, question: &str) -> anyhow::Result<()> {
    if !yes && !super::secret::asked(&format!("{question} [y/N] "))?.eq_ignore_ascii_case("y") {
        anyhow::bail!("nothing was done");
    }
    Ok(())
}
