//! The TOML file, with the line of every value.

use std::fs;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{FIELDS, Raw, oidc, sinks};

const MAX_BYTES: u64 = 1 << 20;

/// The fields of the file; what is wrong with it goes into `problems`.
pub(super) fn read(path: &Path, problems: &mut Vec<String>) -> Vec<(String, Raw)> {
    let name = path.display();
    match fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_BYTES => {
            problems.push(format!("{name}: larger than 1 MiB; is it the right file?"));
            return Vec::new();
        }
        Ok(_) => {}
        Err(error) => {
            problems.push(format!("{name}: cannot be read: {error}"));
            return Vec::new();
        }
    }
    match fs::read_to_string(path) {
        Ok(text) => parse(&text, &name.to_string(), problems),
        Err(error) => {
            problems.push(format!("{name}: cannot be read: {error}"));
            Vec::new()
        }
    }
}

pub(super) fn parse(text: &str, name: &str, problems: &mut Vec<String>) -> Vec<(String, Raw)> {
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(1, |span| line(span.start));
            problems.push(format!("{name}:{at}: {}", error.message()));
            return Vec::new();
        }
    };
    let mut fields = Vec::new();
    for (key, value) in table.get_ref() {
        let field = key.get_ref().to_string();
        let origin = format!("{name}:{}: {field}", line(key.span().start));
        if field == "oidc" {
            match value.get_ref().as_table() {
                Some(table) => read_oidc(table, |at| format!("{name}:{}", line(at)), &mut fields, problems),
                None => problems.push(format!("{origin}: expected a table: [oidc]")),
            }
            continue;
        }
        if field == "audit_sink" {
            let tables =
                value.get_ref().as_array().map(|items| items.iter().map(|item| item.get_ref().as_table()));
            match tables.and_then(Iterator::collect::<Option<Vec<_>>>) {
                Some(tables) => {
                    for (number, table) in tables.into_iter().enumerate() {
                        read_sink(number, table, |at| format!("{name}:{}", line(at)), &mut fields, problems);
                    }
                }
                None => problems.push(format!("{origin}: expected a list of tables: [[audit_sink]]")),
            }
            continue;
        }
        let Some(setting) = FIELDS.iter().find(|known| known.name == field) else {
            let known: Vec<_> = FIELDS.iter().map(|known| known.name).chain(["oidc", "audit_sink"]).collect();
            problems.push(format!("{origin}: unknown setting; known are {}", known.join(", ")));
            continue;
        };
        let switch = value.get_ref().as_bool().filter(|_| setting.is_switch()).map(|yes| yes.to_string());
        match switch.or_else(|| plain(value.get_ref())) {
            Some(value) => fields.push((field, Raw { value, origin })),
            None => problems.push(format!("{origin}: expected text or a list of texts, in quotation marks")),
        }
    }
    fields
}

/// The fields of the table `[oidc]`.
fn read_oidc(
    table: &DeTable<'_>,
    place: impl Fn(usize) -> String,
    fields: &mut Vec<(String, Raw)>,
    problems: &mut Vec<String>,
) {
    for (key, value) in table {
        let field = format!("oidc.{}", key.get_ref());
        let origin = format!("{}: {field}", place(key.span().start));
        if !oidc::FIELDS.contains(&key.get_ref().as_ref()) {
            // The value may be the secret: it is not repeated.
            let known = oidc::FIELDS.join(", ");
            problems.push(format!(
                "{origin}: unknown setting; known are {known}; the secret is in client_secret_file or PORTCULLIS_OIDC_CLIENT_SECRET"
            ));
            continue;
        }
        let yes = value.get_ref().as_bool().map(|yes| yes.to_string());
        match yes.or_else(|| plain(value.get_ref())) {
            Some(value) => fields.push((field, Raw { value, origin })),
            None => problems.push(format!(
                "{origin}: expected text or a list of texts in quotation marks, or true or false"
            )),
        }
    }
}

/// The fields of one of the tables `[[audit_sink]]`.
fn read_sink(
    number: usize,
    table: &DeTable<'_>,
    place: impl Fn(usize) -> String,
    fields: &mut Vec<(String, Raw)>,
    problems: &mut Vec<String>,
) {
    for (key, value) in table {
        let key_text = key.get_ref();
        let origin = format!("{}: audit_sink.{key_text}", place(key.span().start));
        if !sinks::FIELDS.contains(&key_text.as_ref()) {
            // The value may be a secret: it is not repeated.
            problems.push(format!("{origin}: unknown setting; known are {}", sinks::FIELDS.join(", ")));
            continue;
        }
        match plain(value.get_ref()) {
            Some(value) => {
                fields.push((format!("{}{number}.{key_text}", sinks::PREFIX), Raw { value, origin }))
            }
            None => problems.push(format!("{origin}: expected text or a list of texts, in quotation marks")),
        }
    }
}

/// Text as it is; a list of texts with commas between.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| plain_text(item.get_ref())).collect();
            Some(texts?.join(","))
        }
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => None,
    }
}

fn plain_text(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}
