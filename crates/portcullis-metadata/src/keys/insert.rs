//! Putting keys into their table.

use std::collections::HashSet;

use portcullis_domain::{Key, LoginName, Scope, Timestamp};
use sqlx::QueryBuilder;

use super::change::{folded, halves, lines};
use super::mail::rules_to_text;
use super::{StoredSecret, columns, secret};
use crate::changes::ChangeKind;
use crate::db::{BATCH, Write, within};
use crate::error::{Fault, MetadataErrorKind};
use crate::row::{networks_to_text, row, trial_to_text};

row! {
    NameRow { channel: String, login: String }
}

/// The columns that are made of more than one field, or may fail.
struct Made<'a> {
    key: &'a Key,
    storage: Option<String>,
    user: Option<String>,
    networks: String,
    trial: Option<String>,
    mail: Option<String>,
    sealed: Option<Vec<u8>>,
    hash: Option<Vec<u8>>,
    phc: Option<String>,
}

impl<'a> Made<'a> {
    fn of(key: &'a Key, secret: &StoredSecret) -> Result<Self, Fault> {
        let (storage, user) = match key.scope {
            Scope::Storage(id) => (Some(id.to_string()), None),
            Scope::User(id) => (None, Some(id.to_string())),
            Scope::Site => (None, None),
        };
        let (sealed, hash, phc) = halves(secret);
        Ok(Self {
            key,
            storage,
            user,
            networks: networks_to_text(&key.networks)?,
            trial: trial_to_text(key.trial.as_ref())?,
            mail: rules_to_text(&key.mail)?,
            sealed,
            hash,
            phc,
        })
    }
}

/// Adds new keys and what is kept of their secrets, as many as there are with few statements.
pub(crate) async fn insert_keys(write: &mut Write, keys: &[(&Key, &StoredSecret)]) -> Result<(), Fault> {
    for batch in keys.chunks(BATCH) {
        refuse_retired(write, batch).await?;
        refuse_named(write, batch).await?;
        insert_rows(write, batch).await?;
        for (key, _) in batch {
            write.note(ChangeKind::Key, &key.id);
        }
    }
    Ok(())
}

/// A credential that some other key had once is given to none again.
async fn refuse_retired(write: &mut Write, batch: &[(&Key, &StoredSecret)]) -> Result<(), Fault> {
    let taken: i64 = within!(write.tx, c => {
        let mut query = QueryBuilder::new("SELECT COUNT(*) FROM retired_secrets WHERE credential IN (");
        let mut list = query.separated(", ");
        for (key, _) in batch {
            list.push_bind(key.credential.as_str());
        }
        list.push_unseparated(")");
        query.build_query_scalar().persistent(false).fetch_one(c).await
    })?;
    if taken > 0 { Err(MetadataErrorKind::Conflict("credential").into()) } else { Ok(()) }
}

/// A user name that earlier credentials of another key still have beside its present ones is taken, as one of present ones is.
async fn refuse_named(write: &mut Write, batch: &[(&Key, &StoredSecret)]) -> Result<(), Fault> {
    let named: Vec<_> =
        batch.iter().filter_map(|(key, _)| Some((key, key.login.as_ref()?.as_str()))).collect();
    let Some(now) = named.iter().map(|(key, _)| key.created).min() else { return Ok(()) };
    let rows: Vec<NameRow> = within!(write.tx, c => {
        let mut query = QueryBuilder::new(
            "SELECT k.channel AS channel, r.login AS login FROM retired_secrets r JOIN keys k ON k.id = r.key_id \
             WHERE r.ended = 0 AND r.until_us > "
        );
        query.push_bind(now.micros()).push(" AND r.login IN (");
        let mut list = query.separated(", ");
        for (_, login) in &named {
            list.push_bind(*login);
        }
        list.push_unseparated(")");
        query.build_query_as::<NameRow>().persistent(false).fetch_all(c).await
    })?;
    let taken: HashSet<_> = rows.iter().map(|row| (row.channel.as_str(), row.login.as_str())).collect();
    let conflict = named.iter().any(|(key, login)| taken.contains(&(key.channel.as_str(), *login)));
    if conflict { Err(MetadataErrorKind::Conflict("login").into()) } else { Ok(()) }
}

async fn insert_rows(write: &mut Write, batch: &[(&Key, &StoredSecret)]) -> Result<(), Fault> {
    let made: Vec<_> =
        batch.iter().map(|(key, secret)| Made::of(key, secret)).collect::<Result<_, Fault>>()?;
    within!(write.tx, c => {
        let sql = concat!("INSERT INTO keys (", columns!(), ", folded, ", secret!(), ") ");
        let mut query = QueryBuilder::new(sql);
        query.push_values(made, |mut row, made| {
            let key = made.key;
            row.push_bind(key.id.to_string())
                .push_bind(key.site.to_string())
                .push_bind(key.credential.as_str())
                .push_bind(key.name.as_str())
                .push_bind(key.channel.as_str())
                .push_bind(made.storage)
                .push_bind(made.user)
                .push_bind(key.permission.as_str())
                .push_bind(key.overwrite.as_str())
                .push_bind(made.networks)
                .push_bind(key.prefix.as_str())
                .push_bind(key.expires.map(Timestamp::micros))
                .push_bind(key.state.as_str())
                .push_bind(key.created.micros())
                .push_bind(i64::from(key.generation))
                .push_bind(key.on_leak.as_str())
                .push_bind(key.leaked.map(Timestamp::micros))
                .push_bind(made.trial)
                .push_bind(key.trial.as_ref().map(|trial| trial.since.micros()))
                .push_bind(key.login.as_ref().map(LoginName::as_str))
                .push_bind(lines(key))
                .push_bind(made.mail)
                .push_bind(folded(key))
                .push_bind(made.sealed)
                .push_bind(made.hash)
                .push_bind(made.phc);
        });
        query.build().persistent(batch.len() == 1).execute(c).await.map(drop)
    })?;
    Ok(())
}
