//! The one place with SQL: SQLite and PostgreSQL under the same verbs
