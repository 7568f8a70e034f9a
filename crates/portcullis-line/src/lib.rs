//! Line protocols: FTP(S), SFTP, and SMTP for mail that becomes files.

pub mod ftp;
pub mod mail;
mod sessions;
pub mod sftp;
pub mod smtp;
mod stream;

pub use sessions::KeySessions;
