//! The channels of files, with the clients that people use: HTTP, WebDAV, FTP and FTPS, SFTP.

mod broken;
mod credentials;
mod curl;
mod cut_off;
mod dav;
mod doors;
mod ending;
mod held;
mod lftp;
mod matrix_ftp;
mod matrix_http;
mod matrix_sftp;
mod openssh;
mod raw_ftp;
mod raw_http;
mod raw_sftp;
mod rclone;
mod rig;
mod stage;
