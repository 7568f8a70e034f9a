//! The TOML file, with the line of every value.

use std::fs;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{FIELDS, Raw};

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
        if !FIELDS.iter().any(|known| known.name == field) {
            let known: Vec<_> = FIELDS.iter().map(|known| known.name).collect();
            problems.push(format!("{origin}: unknown setting; known are {}", known.join(", ")));
            continue;
        }
        match plain(value.get_ref()) {
            Some(value) => fields.push((field, Raw { value, origin })),
            None => problems.push(format!("{origin}: expected text or a list of texts, in quotation marks")),
        }
    }
    fields
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
