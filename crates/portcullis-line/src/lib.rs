//! Line protocols: FTP(S), SFTP and SMTP-in
