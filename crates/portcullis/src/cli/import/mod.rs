//! `portcullis import`.

mod csv;
mod file;
mod keep;

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::Usage;
use super::api::{Api, Refusal};
use super::args::{ImportAccounts, ImportCommand, Remote};
use super::render::{Form, set, text};
use crate::output;
use file::Accounts;
use keep::Kept;

const PATH: &str = "/imports/accounts";
/// Before which of the tries of a call whose answer was lost how long is waited, in seconds.
const WAITS: [u64; 3] = [0, 2, 8];

pub(super) fn run(remote: &Remote, command: &ImportCommand) -> anyhow::Result<()> {
    let ImportCommand::Accounts(args) = command;
    accounts(remote, args)
}

fn accounts(remote: &Remote, args: &ImportAccounts) -> anyhow::Result<()> {
    let (api, form) = (Api::new(remote)?, remote.form());
    let accounts = file::read(&args.file)?;
    let mut body = json!({ "dry_run": true, "accounts": accounts.list });
    let plan = api.post_patiently(PATH, &body).map_err(|error| in_words_of(&accounts, error))?;
    if args.dry_run {
        show(form, &without_secrets(plan.clone()))?;
        return told(form, &format!("{} Nothing was made.", summary(&plan, "would be made")));
    }
    if count(&plan, "new") == 0 {
        show(form, &plan)?;
        return told(form, &format!("{} There was nothing to do.", summary(&plan, "made")));
    }
    let kept = keep(args, &plan)?;
    set(&mut body, "dry_run", json!(false));
    set(&mut body, "ticket", plan.get("ticket").cloned().unwrap_or_default());
    let made = match make(&api, &body) {
        Ok(made) => made,
        Err(error) if is_refused(&error) => {
            if let Some(kept) = &kept {
                kept.remove();
            }
            return Err(in_words_of(&accounts, error).context("nothing was imported"));
        }
        Err(error) => return Err(error.context(unknown(kept.as_ref()))),
    };
    show(form, &made)?;
    let kept = kept.map(|kept| format!(" Their credentials are in {}.", kept.path().display()));
    told(form, &format!("{}{}", summary(&made, "made"), kept.unwrap_or_default()))
}

/// Keeps the secrets that will be generated, before there is anything that they open.
fn keep(args: &ImportAccounts, plan: &Value) -> anyhow::Result<Option<Kept>> {
    let generated = keys(plan).filter(|key| key.get("secret").is_some_and(Value::is_string)).count();
    match &args.credentials_out {
        Some(path) => Kept::write(path, plan).map(Some),
        None if generated == 0 => Ok(None),
        None => {
            let message = format!(
                "nothing was imported: {generated} secrets are to be generated, and are told once; say where to keep them with \
                 --credentials-out FILE"
            );
            Err(Usage(message).into())
        }
    }
}

/// Makes what was planned. Sent again it changes nothing, so a lost answer is asked for again.
fn make(api: &Api, body: &Value) -> anyhow::Result<Value> {
    let mut lost: Option<anyhow::Error> = None;
    for wait in WAITS {
        sleep(Duration::from_secs(wait));
        let error = match api.post_patiently(PATH, body) {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        match &lost {
            None if is_refused(&error) => return Err(error),
            // The call before may have made everything: a refusal of this one does not tell.
            Some(_) if is_refused(&error) => return Err(anyhow::anyhow!("{error:#}")),
            _ => lost = Some(error),
        }
    }
    Err(lost.unwrap_or_else(|| anyhow::anyhow!("no answer")))
}

/// Whether the server said no, and made nothing. What it says of itself, such as that it is busy, leaves that open.
fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|no| (400..500).contains(&no.status))
}

fn unknown(kept: Option<&Kept>) -> String {
    let look = "it is not known whether the accounts were imported: look again with --dry-run";
    match kept {
        None => look.to_owned(),
        Some(kept) => format!(
            "{look}. If it tells them as unchanged, their credentials are in {}; if it tells them as new, remove that file and \
             import them again",
            kept.path().display()
        ),
    }
}

/// A refusal with the lines of the file in place of the fields of the API.
fn in_words_of(accounts: &Accounts, error: anyhow::Error) -> anyhow::Error {
    let Some(no) = error.downcast_ref::<Refusal>().filter(|no| no.status == 422) else { return error };
    let fault = |(field, message): &(String, String)| {
        format!("\n  {}: {}", accounts.place(field), accounts.message(message))
    };
    let faults: String = no.faults.iter().map(fault).collect();
    anyhow::anyhow!("these accounts cannot be imported; nothing was changed:{faults}")
}

fn keys(answer: &Value) -> impl Iterator<Item = &Value> {
    list(answer, "accounts").iter().flat_map(|account| list(account, "keys"))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn count(answer: &Value, name: &str) -> u64 {
    answer.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn summary(answer: &Value, made: &str) -> String {
    let (new, unchanged) = (count(answer, "new"), count(answer, "unchanged"));
    let is_new = |account: &&Value| text(account, "state") != "unchanged";
    let keys: usize =
        list(answer, "accounts").iter().filter(is_new).map(|account| list(account, "keys").len()).sum();
    format!("{new} accounts with {keys} keys {made}, {unchanged} were there before.")
}

/// The answer to a dry run for whoever only looks: those secrets will never be.
fn without_secrets(mut plan: Value) -> Value {
    set(&mut plan, "ticket", Value::Null);
    let accounts = plan.get_mut("accounts").and_then(Value::as_array_mut);
    for account in accounts.into_iter().flatten() {
        let keys = account.get_mut("keys").and_then(Value::as_array_mut);
        for key in keys.into_iter().flatten() {
            set(key, "secret", Value::Null);
            set(key, "access_key", Value::Null);
        }
    }
    plan
}

fn show(form: Form, answer: &Value) -> anyhow::Result<()> {
    if form == Form::Programs {
        return form.done(answer, "");
    }
    let header = ["ACCOUNT", "NAME", "BELONGS TO", "CREATED", "CHANNELS", "SECRETS", "STATE"];
    form.list(list(answer, "accounts"), &header, |account| {
        let keys = list(account, "keys");
        let channels = keys.iter().map(|key| text(key, "channel")).collect::<Vec<_>>().join(" ");
        let chosen =
            keys.iter().filter(|key| key.get("chosen").and_then(Value::as_bool) == Some(true)).count();
        let secrets = match (chosen, keys.len()) {
            (_, 0) => "-".to_owned(),
            (0, _) => "generated".to_owned(),
            (chosen, all) if chosen == all => "brought along".to_owned(),
            (chosen, all) => format!("{chosen} brought along, {} generated", all.saturating_sub(chosen)),
        };
        vec![
            text(account, "id"),
            text(account, "name"),
            text(account, "parent"),
            text(account, "created"),
            if channels.is_empty() { "-".to_owned() } else { channels },
            secrets,
            text(account, "state"),
        ]
    })
}

/// A sentence for people, beside the table.
fn told(form: Form, sentence: &str) -> anyhow::Result<()> {
    if form == Form::People {
        output::line(sentence)?;
    }
    Ok(())
}
