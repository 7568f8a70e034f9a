//! Line protocols: FTP(S) and SFTP; SMTP-in will join them.

pub mod ftp;
mod sessions;
pub mod sftp;

pub use sessions::KeySessions;
