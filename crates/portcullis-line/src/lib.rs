//! Line protocols: FTP(S) and SFTP; SMTP-in will join them.

pub mod ftp;
pub mod sftp;
