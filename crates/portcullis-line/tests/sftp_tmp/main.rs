#[path = "../it/sftp_client.rs"]
mod sftp_client;
#[path = "../it/sftp_files.rs"]
mod sftp_files;
#[path = "../it/sftp_flow.rs"]
mod sftp_flow;
#[path = "../it/sftp_login.rs"]
mod sftp_login;
#[path = "../it/world.rs"]
mod world;
