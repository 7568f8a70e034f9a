//! The trusted core over the memory backend and a real SQLite database.

mod authentication;
mod background;
mod decisions;
mod revocation;
mod secrets;
mod sessions;
mod world;
mod write_only;
