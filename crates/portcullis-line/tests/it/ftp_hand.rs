//! Temporary: a door for clients by hand.
use portcullis_domain::Permission;
use portcullis_line::ftp::{FtpConfig, TlsMode};

use crate::ftp_client::Pair;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn by_hand() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.key(&storage, Permission::ReadWrite).await;
    let writer = world.key(&storage, Permission::Write).await;
    let pair = Pair::new(&world);
    let config = FtpConfig { allow_plaintext: true, ..FtpConfig::new(Some(pair.tls.clone()), TlsMode::Explicit) };
    let explicit = world.ftp(config).await;
    let strict = world.ftp(FtpConfig::new(Some(pair.tls.clone()), TlsMode::Explicit)).await;
    let implicit = world.ftp(FtpConfig::new(Some(pair.tls.clone()), TlsMode::Implicit)).await;
    let text = format!(
        "P={}\nS={}\nI={}\nU={}\nW={}\nWU={}\nWW={}\n",
        explicit.port(), strict.port(), implicit.port(), key.id, key.secret.reveal(), writer.id, writer.secret.reveal()
    );
    std::fs::write("/tmp/ftp-hand.env", text).unwrap();
    while !std::path::Path::new("/tmp/ftp-hand.stop").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}
