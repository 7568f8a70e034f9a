//! Line protocols: FTP(S), SFTP and SMTP-in.
//!
//! Nothing is here yet, and nothing depends on it: the crate keeps the room, with the arrows of ARCHITECTURE.md, for the first
//! of them. Until then no key can be made for the channels `ftp` and `email`.
