//! The file with the accounts: CSV or JSON, as the REST API takes them.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::csv;

/// The longest file, in bytes.
const LONGEST: u64 = 16 << 20;
/// The columns that every file has.
const NEEDED: [&str; 3] = ["id", "name", "created"];
/// The other columns that a file may have, besides those for single channels.
const OTHERS: [&str; 6] = ["parent", "storage", "networks", "expires_at", "user_name", "secret"];
/// The channels for which a file may have credentials, each in two columns: `ftp_user_name` and `ftp_secret`.
const CHANNELS: [&str; 4] = ["ftp", "http", "email", "web-service"];

/// Accounts, and where each stands in the file.
pub(super) struct Accounts {
    /// As the REST API takes them.
    pub(super) list: Vec<Value>,
    /// `line 5`, or `account 3`.
    pub(super) places: Vec<String>,
    /// Whether faults are to be told by column.
    pub(super) columns: bool,
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// It cannot be read, is too long, or is neither CSV nor JSON; every line that is wrong is told.
pub(super) fn read(path: &Path) -> anyhow::Result<Accounts> {
    let mut text = Zeroizing::new(String::new());
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
    };
    let name = path.display();
    let length = read.with_context(|| format!("{name} cannot be read; it has to be text in UTF-8"))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > LONGEST {
        bail!("{name} has more than {} MiB; import the accounts in parts", LONGEST >> 20);
    }
    let accounts = if text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
        of_json(&text)
    } else {
        of_csv(&text)
    };
    let accounts = accounts.with_context(|| format!("{name} cannot be imported"))?;
    if accounts.list.is_empty() {
        bail!("{name} holds no account");
    }
    Ok(accounts)
}

/// `[{…}, …]` or `{"accounts": [{…}, …]}`.
fn of_json(text: &str) -> anyhow::Result<Accounts> {
    let text = text.trim_start_matches('\u{feff}');
    // The words of the library name places and types, never values.
    let list = match serde_json::from_str(text).context("it is not JSON")? {
        Value::Array(list) => list,
        Value::Object(mut whole) => match (whole.remove("accounts"), whole.is_empty()) {
            (Some(Value::Array(list)), true) => list,
            (_, _) => bail!("it has to be a list of accounts, or an object with the one field accounts"),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            bail!("it has to be a list of accounts")
        }
    };
    let places = (1..=list.len()).map(|number| format!("account {number}")).collect();
    Ok(Accounts { list, places, columns: false })
}

fn of_csv(text: &str) -> anyhow::Result<Accounts> {
    let records =
        csv::records(text).map_err(|broken| anyhow::anyhow!("line {}: {}", broken.line, broken.why))?;
    let mut records = records.into_iter();
    let header = records.next().context("it is empty")?;
    let columns: Vec<_> = header.cells.iter().map(|cell| cell.trim().to_lowercase()).collect();
    let mut faults = faults_of_header(&columns);
    let (mut list, mut places) = (Vec::new(), Vec::new());
    for record in records {
        if record.cells.len() != columns.len() {
            let (has, needs) = (record.cells.len(), columns.len());
            faults.push(format!("line {}: {has} cells, and the first line has {needs}", record.line));
        }
        list.push(account(&columns, &record.cells));
        places.push(format!("line {}", record.line));
    }
    if faults.is_empty() { Ok(Accounts { list, places, columns: true }) } else { bail!(faults.join("\n  ")) }
}

fn faults_of_header(columns: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for needed in NEEDED.iter().filter(|needed| !columns.iter().any(|column| column == *needed)) {
        faults.push(format!("line 1: there is no column {needed}"));
    }
    for (at, column) in columns.iter().enumerate() {
        if !is_known(column) {
            let known = NEEDED.iter().chain(&OTHERS).copied().collect::<Vec<_>>().join(", ");
            let channels =
                CHANNELS.map(|channel| format!("{channel}_user_name, {channel}_secret")).join(", ");
            faults.push(format!("line 1: \"{column}\" is no column; there are {known}, {channels}"));
        } else if columns.iter().take(at).any(|earlier| earlier == column) {
            faults.push(format!("line 1: there are two columns {column}"));
        }
    }
    faults
}

fn is_known(column: &str) -> bool {
    NEEDED.contains(&column) || OTHERS.contains(&column) || of_channel(column).is_some()
}

/// The channel and the field of a column for one channel.
fn of_channel(column: &str) -> Option<(&str, &str)> {
    let (channel, field) = column.split_once('_')?;
    (CHANNELS.contains(&channel) && ["user_name", "secret"].contains(&field)).then_some((channel, field))
}

/// An account of a line. An empty cell is left out, but for what every account has.
fn account(columns: &[String], cells: &[String]) -> Value {
    let (mut account, mut all, mut channels) = (Map::new(), Map::new(), Map::new());
    for (column, cell) in columns.iter().zip(cells) {
        let secret = column.ends_with("secret");
        // As it stands: white space may be part of a secret, and the server says what it thinks of that.
        let cell = if secret { cell.as_str() } else { cell.trim() };
        if cell.is_empty() && !NEEDED.contains(&column.as_str()) {
            continue;
        }
        if let Some((channel, field)) = of_channel(column) {
            let place = channels.entry(channel).or_insert_with(|| json!({}));
            super::super::render::set(place, field, json!(cell));
        } else if column == "user_name" || column == "secret" {
            all.insert(column.clone(), json!(cell));
        } else if column == "networks" {
            let networks: Vec<_> =
                cell.split([' ', ';', ',']).filter(|network| !network.is_empty()).collect();
            account.insert(column.clone(), json!(networks));
        } else {
            account.insert(column.clone(), json!(cell));
        }
    }
    for (field, given) in [("credentials", all), ("channels", channels)] {
        if !given.is_empty() {
            account.insert(field.to_owned(), Value::Object(given));
        }
    }
    Value::Object(account)
}

impl Accounts {
    /// A field of the API as somebody with the file before them finds it: `accounts[3].channels.ftp.secret` is `line 5: ftp_secret`.
    pub(super) fn place(&self, field: &str) -> String {
        let Some((at, rest)) = field.strip_prefix("accounts[").and_then(|rest| rest.split_once(']')) else {
            return field.to_owned();
        };
        let Some(place) = at.parse::<usize>().ok().and_then(|at| self.places.get(at)) else {
            return field.to_owned();
        };
        match rest.strip_prefix('.') {
            Some(field) if self.columns => format!("{place}: {}", column_of(field)),
            Some(field) => format!("{place}: {field}"),
            None => place.clone(),
        }
    }

    /// What the server says, with `accounts[3]` as it is found in the file.
    pub(super) fn message(&self, message: &str) -> String {
        match message.split_once(' ') {
            Some((first, rest)) if first.starts_with("accounts[") => format!("{} {rest}", self.place(first)),
            _ => message.to_owned(),
        }
    }
}

fn column_of(field: &str) -> String {
    let field = field.split('[').next().unwrap_or(field);
    if let Some(of_channel) = field.strip_prefix("channels.") {
        return of_channel.replace('.', "_");
    }
    field.strip_prefix("credentials.").unwrap_or(field).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_an_account() {
        let text = "ID, name ,created,parent,networks,secret,ftp_user_name,web-service_secret\n\
                    7,Northwind,2021-03-31,,192.0.2.0/24 2001:db8::1, four words of mine ,north,other words of mine\n\
                    8,\"Harbour, east\",2023-07-01,7,,,,\n";
        let accounts = of_csv(text).unwrap();
        assert_eq!(accounts.places, ["line 2", "line 3"]);
        assert_eq!(
            accounts.list,
            [
                json!({
                    "id": "7", "name": "Northwind", "created": "2021-03-31", "networks": ["192.0.2.0/24", "2001:db8::1"],
                    "credentials": {"secret": " four words of mine "},
                    "channels": {"ftp": {"user_name": "north"}, "web-service": {"secret": "other words of mine"}},
                }),
                json!({"id": "8", "name": "Harbour, east", "created": "2023-07-01", "parent": "7"}),
            ]
        );
        for (field, told) in [
            ("accounts[1].name", "line 3: name"),
            ("accounts[0].channels.web-service.secret", "line 2: web-service_secret"),
            ("accounts[0].credentials.user_name", "line 2: user_name"),
            ("accounts[0].networks[1]", "line 2: networks"),
            ("accounts", "accounts"),
            ("accounts[9].name", "accounts[9].name"),
        ] {
            assert_eq!(accounts.place(field), told);
        }
        assert_eq!(accounts.message("accounts[0] has the same id"), "line 2 has the same id");
        assert_eq!(accounts.message("1 to 128 characters"), "1 to 128 characters");
    }

    #[test]
    fn everything_wrong_with_a_file_is_told_at_once() {
        let Err(error) = of_csv("id,name,naem,name\n1,a,b,c\n2,a\n3\n") else { panic!("accepted") };
        let told = error.to_string();
        for part in [
            "no column created",
            "\"naem\" is no column",
            "two columns name",
            "line 3: 2 cells",
            "line 4: 1 cells",
        ] {
            assert!(told.contains(part), "{told}");
        }
        for broken in ["", "id,name,created\n\"1,a", "id;created\n1;2021-01-01\n"] {
            assert!(of_csv(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn json_is_a_list_or_holds_one() {
        let account = json!({"id": "7", "name": "Northwind"});
        for text in [json!([account]), json!({"accounts": [account]})] {
            let accounts = of_json(&text.to_string()).unwrap();
            assert_eq!(
                (accounts.list.as_slice(), accounts.place("accounts[0].credentials.secret")),
                ([account.clone()].as_slice(), "account 1: credentials.secret".to_owned())
            );
        }
        for wrong in ["{}", "[", "{\"accounts\": 1}", "{\"accounts\": [], \"dry_run\": true}"] {
            assert!(of_json(wrong).is_err(), "{wrong}");
        }
    }
}
