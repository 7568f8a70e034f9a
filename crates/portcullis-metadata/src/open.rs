//! Opening either engine with the settings that the verbs count on.

use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, PgConnection};

use crate::db::Db;
use crate::error::{Fault, MetadataErrorKind, Result};

/// How long a verb waits for a connection to PostgreSQL.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a verb waits for its turn to write to the SQLite file. Writers of one process queue; another process that
/// writes is waited for by asking again and again, which under load takes its time.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The oldest SQLite without the WAL-reset bug, by which two connections could damage the file
/// (<https://www.sqlite.org/wal.html>).
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// Opens the SQLite file, made if it is missing.
pub(crate) async fn sqlite(path: &str) -> Result<Db, Fault> {
    if path.is_empty()
        || path.contains(['?', '#', '\0'])
        || path.starts_with(":")
        || path.starts_with("file:")
    {
        return Err(MetadataErrorKind::BadUrl.into());
    }
    create_file(path).await?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(WRITE_TIMEOUT)
        // What is erased is overwritten with zeros, at the latest when the write-ahead log is folded back.
        .pragma("secure_delete", "ON");
    let pool =
        || SqlitePoolOptions::new().acquire_timeout(WRITE_TIMEOUT).idle_timeout(None).max_lifetime(None);
    let writer =
        options.clone().journal_mode(SqliteJournalMode::Wal).pragma("journal_size_limit", "67108864");
    let wr = connect_patiently(pool().max_connections(1), writer).await?;
    let rd = pool().max_connections(4).connect_lazy_with(options.pragma("query_only", "ON"));
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&wr).await?;
    check_sqlite_version(&version)?;
    Ok(Db::Lite { rd, wr })
}

/// Makes the file if it is missing; SQLite gives its companions the same mode. A file that is there is not opened:
/// closing it would drop the locks that another connection of this process holds on it (fcntl(2)).
async fn create_file(path: &str) -> Result<(), Fault> {
    let bad = |error: io::Error| Fault::new(file_kind(error.kind()), format!("{path}: {error}"));
    match tokio::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = tokio::fs::metadata(path).await.map_err(bad)?;
            if found.is_dir() { Err(bad(io::ErrorKind::IsADirectory.into())) } else { Ok(()) }
        }
        Err(error) => Err(bad(error)),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the standard library may add kinds")]
fn file_kind(kind: io::ErrorKind) -> MetadataErrorKind {
    use io::ErrorKind as E;
    match kind {
        E::StorageFull | E::QuotaExceeded => MetadataErrorKind::Full,
        E::NotFound | E::IsADirectory | E::NotADirectory => MetadataErrorKind::BadUrl,
        E::PermissionDenied | E::ReadOnlyFilesystem => MetadataErrorKind::Refused,
        _ => MetadataErrorKind::Unavailable,
    }
}

/// Connects the writer. Turning on the write-ahead log needs the file alone for a moment, and SQLite's own timeout
/// does not cover it, so whoever comes second tries again.
async fn connect_patiently(
    pool: SqlitePoolOptions,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, Fault> {
    const PAUSE: Duration = Duration::from_millis(50);
    let deadline = Instant::now() + WRITE_TIMEOUT;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Ok(pool) => return Ok(pool),
            Err(error) if !is_busy(&error) || Instant::now() > deadline => return Err(error.into()),
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it is SQLITE_BUSY in one of its forms.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

fn check_sqlite_version(version: &str) -> Result<(), Fault> {
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if numbers.as_slice() >= OLDEST_SQLITE.as_slice() {
        return Ok(());
    }
    let [major, minor, patch] = OLDEST_SQLITE;
    let cause = format!("linked with SQLite {version}, needs {major}.{minor}.{patch} or newer");
    Err(Fault::new(MetadataErrorKind::Refused, cause))
}

/// Opens the PostgreSQL database.
pub(crate) async fn postgres(url: &str) -> Result<Db, Fault> {
    // The parser's own message may hold parts of the address.
    let options = PgConnectOptions::from_str(url).map_err(|_| Fault::from(MetadataErrorKind::BadUrl))?;
    let options = options.application_name("portcullis");
    if !is_on_this_machine(&options) {
        tracing::warn!(
            "the connection to PostgreSQL is not encrypted; put it in a tunnel or a private network"
        );
    }
    probe(&options).await?;
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                // The change clock counts on read committed, whatever the server's default; and no wait is unbounded.
                sqlx::raw_sql(
                    "SET default_transaction_isolation = 'read committed'; SET lock_timeout = '10s'; \
                     SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'",
                )
                .execute(connection)
                .await
                .map(drop)
            })
        })
        .connect_lazy_with(options);
    Ok(Db::Pg(pool))
}

fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || loopback
}

/// Connects once without the pool, which would only say that time ran out, to hear what is wrong.
async fn probe(options: &PgConnectOptions) -> Result<(), Fault> {
    let connect = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(options));
    let late = |_| Fault::new(MetadataErrorKind::Unavailable, "no answer to the connection");
    let mut connection = connect.await.map_err(late)??;
    let sql = "SELECT current_setting('server_encoding')";
    let encoding: String = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    if encoding == "UTF8" {
        return Ok(());
    }
    let cause = format!("the database has the encoding {encoding}; create it with ENCODING 'UTF8'");
    Err(Fault::new(MetadataErrorKind::Refused, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_servers_are_on_this_machine() {
        for (url, here) in [
            ("postgres://ada@localhost/x", true),
            ("postgres://ada@127.0.0.1:5433/x", true),
            ("postgres://ada@[::1]/x", true),
            ("postgres:///x?host=/run/postgresql", true),
            ("postgres://ada@192.0.2.7/x", false),
            ("postgres://ada@localhost.example/x", false),
        ] {
            assert_eq!(is_on_this_machine(&PgConnectOptions::from_str(url).unwrap()), here, "{url}");
        }
    }

    #[test]
    fn an_old_sqlite_is_refused() {
        for fine in ["3.51.3", "3.52.0", "4.0.0", "3.51.10"] {
            assert!(check_sqlite_version(fine).is_ok(), "{fine}");
        }
        for old in ["3.51.2", "3.40.1", "2.99.99", "", "x"] {
            assert_eq!(check_sqlite_version(old).unwrap_err().kind, MetadataErrorKind::Refused, "{old}");
        }
    }
}
