//! Migrations: forward only, all or nothing, one text for both engines.

use sqlx::AssertSqlSafe;

use crate::db::{Db, Tx, within};
use crate::error::{Fault, MetadataErrorKind};

/// The steps from nothing to the present schema; step `n` (counted from 1) makes version `n`. A released step is
/// never edited: what comes later is a new file.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
    include_str!("../migrations/0008.sql"),
    include_str!("../migrations/0009.sql"),
    include_str!("../migrations/0010.sql"),
    include_str!("../migrations/0011.sql"),
    include_str!("../migrations/0012.sql"),
];

/// The advisory lock under which PostgreSQL is migrated; the letters of "portcull".
const LOCK: i64 = i64::from_be_bytes(*b"portcull");

/// What the tokens in the texts stand for on SQLite and on PostgreSQL. Text is compared byte by byte on both.
const TOKENS: &[(&str, &str, &str)] = &[
    ("{TEXT}", "TEXT", "TEXT COLLATE \"C\""),
    ("{I64}", "INTEGER", "BIGINT"),
    ("{BLOB}", "BLOB", "BYTEA"),
    ("{SERIAL}", "INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("{STRICT}", " STRICT", ""),
    ("{STORAGES_OWNED_FROM_ABOVE}", LITE_OWNED_FROM_ABOVE, PG_OWNED_FROM_ABOVE),
];

/// SQLite cannot drop a constraint, but may be told that the table was made without it (lang_altertable.html, section 7): the
/// rows are the same either way. RESET ends that and reads the schema anew; other connections do so because the same
/// transaction alters tables in the ordinary way too. Whether it took is checked in [`run`].
const LITE_OWNED_FROM_ABOVE: &str = "PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'FOREIGN KEY (site_id, owner_id) REFERENCES users (site_id, id)',
    'FOREIGN KEY (site_id) REFERENCES sites (id), FOREIGN KEY (owner_id) REFERENCES users (id)')
    WHERE type = 'table' AND name = 'storages';
PRAGMA writable_schema = RESET;";

const PG_OWNED_FROM_ABOVE: &str = "ALTER TABLE storages DROP CONSTRAINT storages_site_id_owner_id_fkey;
ALTER TABLE storages ADD CONSTRAINT storages_site_id_fkey FOREIGN KEY (site_id) REFERENCES sites (id);
ALTER TABLE storages ADD CONSTRAINT storages_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id);";

/// Brings the database to the newest version, in one transaction. Whoever comes second finds the work done.
pub(crate) async fn run(db: &Db, migrations: &[&str]) -> Result<(), Fault> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let mut tx = lock(db).await?;
    let found = version(&mut tx).await?;
    if found > known {
        return Err(MetadataErrorKind::NewerSchema { found, known }.into());
    }
    if found == known {
        return Ok(());
    }
    let done = usize::try_from(found).map_err(|_| Fault::corrupt("schema_version: negative"))?;
    for step in migrations.iter().skip(done) {
        let text = AssertSqlSafe(in_words_of(&tx, step));
        within!(tx, c => sqlx::raw_sql(text).execute(c).await.map(drop))?;
    }
    check(&mut tx).await?;
    let sql = "UPDATE schema_version SET version = $1 WHERE one = 1";
    within!(tx, c => sqlx::query(sql).bind(known).execute(c).await.map(drop))?;
    tx.commit().await?;
    tracing::info!(from = found, to = known, "the metadata database was migrated");
    Ok(())
}

/// Looks after SQLite's schema was written to directly: the constraint must be gone, and every row fit those that are left.
async fn check(tx: &mut Tx) -> Result<(), Fault> {
    let Tx::Lite(tx) = tx else { return Ok(()) };
    let old = "SELECT COUNT(*) FROM pragma_foreign_key_list('storages') \
               WHERE \"table\" = 'users' AND \"from\" = 'site_id'";
    let left: i64 = sqlx::query_scalar(old).fetch_one(&mut **tx).await?;
    let strays = "SELECT COUNT(*) FROM pragma_foreign_key_check";
    let strays: i64 = sqlx::query_scalar(strays).fetch_one(&mut **tx).await?;
    if left == 0 && strays == 0 {
        return Ok(());
    }
    Err(Fault::corrupt(format!(
        "after migrating: {left} constraints are left, {strays} rows refer to nothing"
    )))
}

/// A transaction in which nobody else migrates. SQLite's writers exclude each other anyway.
async fn lock(db: &Db) -> Result<Tx, Fault> {
    let mut tx = db.begin().await?;
    if let Tx::Pg(tx) = &mut tx {
        let unbounded = "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";
        sqlx::raw_sql(unbounded).execute(&mut **tx).await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut **tx).await?;
    }
    Ok(tx)
}

/// The version of the database; 0 for one that Portcullis never saw.
async fn version(tx: &mut Tx) -> Result<i64, Fault> {
    let create = in_words_of(
        tx,
        "CREATE TABLE IF NOT EXISTS schema_version (
            one {I64} NOT NULL PRIMARY KEY CHECK (one = 1), version {I64} NOT NULL){STRICT};
         INSERT INTO schema_version (one, version) VALUES (1, 0) ON CONFLICT (one) DO NOTHING;",
    );
    within!(*tx, c => sqlx::raw_sql(AssertSqlSafe(create)).execute(c).await.map(drop))?;
    let sql = "SELECT version FROM schema_version WHERE one = 1";
    Ok(within!(*tx, c => sqlx::query_scalar(sql).fetch_one(c).await)?)
}

fn in_words_of(tx: &Tx, text: &str) -> String {
    TOKENS.iter().fold(text.to_owned(), |text, (token, lite, pg)| {
        text.replace(
            token,
            match tx {
                Tx::Lite(_) => lite,
                Tx::Pg(_) => pg,
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE pets (id {I64} PRIMARY KEY, name {TEXT} NOT NULL){STRICT};
                         INSERT INTO pets VALUES (1, 'Kerberos')";
    const SECOND: &str = "ALTER TABLE pets ADD COLUMN heads {I64} NOT NULL DEFAULT 3";

    async fn empty() -> (tempfile::TempDir, Db) {
        let dir = tempfile::tempdir().unwrap();
        let db = crate::open::sqlite(dir.path().join("test.db").to_str().unwrap()).await.unwrap();
        (dir, db)
    }

    async fn state(db: &Db) -> (i64, Vec<String>) {
        let mut tx = db.begin().await.unwrap();
        let version = version(&mut tx).await.unwrap();
        let sql = "SELECT name FROM pragma_table_info('pets')";
        (version, within!(tx, c => sqlx::query_scalar(sql).fetch_all(c).await.unwrap()))
    }

    #[tokio::test]
    async fn later_steps_keep_what_is_there() {
        let (_dir, db) = empty().await;
        run(&db, &[FIRST]).await.unwrap();
        assert_eq!(state(&db).await, (1, vec!["id".to_owned(), "name".to_owned()]));
        run(&db, &[FIRST, SECOND]).await.unwrap();
        run(&db, &[FIRST, SECOND]).await.unwrap();
        assert_eq!(state(&db).await.0, 2);
        let mut tx = db.begin().await.unwrap();
        let sql = "SELECT name || heads FROM pets";
        let pets: Vec<String> = within!(tx, c => sqlx::query_scalar(sql).fetch_all(c).await.unwrap());
        assert_eq!(pets, ["Kerberos3"]);
    }

    #[tokio::test]
    async fn a_step_that_fails_takes_all_of_them_back() {
        let (_dir, db) = empty().await;
        run(&db, &[FIRST]).await.unwrap();
        let before = state(&db).await;
        assert!(run(&db, &[FIRST, SECOND, "CREATE TABLE pets (id {I64})"]).await.is_err());
        assert_eq!(state(&db).await, before);
        let newer = run(&db, &[]).await.unwrap_err();
        assert_eq!(newer.kind, MetadataErrorKind::NewerSchema { found: 1, known: 0 });
    }
}
