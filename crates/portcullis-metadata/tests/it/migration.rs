//! Databases of other versions.

use portcullis_domain::{Scope, Site, StorageState, Timestamp, Username};
use portcullis_metadata::{
    AuditFilter, Metadata, MetadataErrorKind, NewStorage, PageRequest, SealedOwner, StoredSecret,
};

use crate::sites::owners_must_exist;
use crate::world::{World, new_storage, new_user};

/// The newest version that this build knows.
const KNOWN: i64 = 12;

pub(crate) async fn a_newer_schema_is_refused_and_stays(world: &World) {
    let (metadata, ..) = world.home().await;
    metadata.close().await;
    assert_eq!(world.numbers("SELECT version FROM schema_version").await, [KNOWN]);
    world.execute("UPDATE schema_version SET version = 99; CREATE TABLE of_the_future (id INTEGER)").await;
    let before = world.dir.as_ref().map(|_| world.file_bytes());
    let error = Metadata::open(&world.url).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NewerSchema { found: 99, known: KNOWN });
    assert!(error.to_string().contains("version 99") && error.to_string().contains("newer"), "{error}");
    assert!(world.dir.as_ref().map(|_| world.file_bytes()) == before, "the refused database was touched");
    assert_eq!(world.numbers("SELECT version FROM schema_version").await, [99]);
    assert_eq!(world.numbers("SELECT seq FROM change_clock").await, [2]);
}

/// A database as version 1 left it, row for row: see `fixtures/`. A later version adds its own file and its own test.
pub(crate) async fn version_1_is_carried_forward(world: &World) {
    let text = include_str!("fixtures/version-1.sql");
    let (integer, serial) = if world.dir.is_some() {
        std::fs::File::create(world.url.strip_prefix("sqlite://").unwrap()).unwrap();
        ("INTEGER", "INTEGER PRIMARY KEY AUTOINCREMENT")
    } else {
        ("BIGINT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
    };
    let text = text.replace("{I64}", integer).replace("{SERIAL}", serial);
    let lite = |lite: &'static str, pg: &'static str| if world.dir.is_some() { lite } else { pg };
    let text = text.replace("{BLOB}", lite("BLOB", "BYTEA")).replace("{STRICT}", lite(" STRICT", ""));
    let text = text.replace("{TEXT}", lite("TEXT", "TEXT COLLATE \"C\""));
    let text = text.replace("{HEX", lite("X'", "'\\x")).replace("HEX}", "'");
    world.execute(&text).await;

    let metadata = world.open().await;
    assert_eq!(world.numbers("SELECT version FROM schema_version").await, [KNOWN]);
    let site = metadata.sites().await.unwrap().remove(0);
    let login = metadata.login(&Username::parse("admin").unwrap()).await.unwrap().unwrap();
    let (admin, phc) = (login.user, login.password_phc.unwrap());
    assert_eq!((site.name.as_str(), admin.number, phc.as_str()), ("main", 10_001, "$argon2id$v=19$x"));
    let storages = metadata.all_storages().await.unwrap();
    assert_eq!(storages[0].bucket.as_str(), "usr-10001-itm-00001-photos");
    assert_eq!(storages[0].networks.entries()[0].note, "office");
    assert_eq!((storages[1].state, storages[1].quota_bytes), (StorageState::Detached, Some(1_000)));
    let keys = metadata.all_keys().await.unwrap();
    let secrets: Vec<&StoredSecret> = keys.iter().map(|(_, secret)| secret).collect();
    let sealed = vec![0xca, 0xfe];
    assert_eq!(
        secrets,
        [&StoredSecret::Sealed(sealed.clone()), &StoredSecret::Hash([0x11; 32]), &StoredSecret::None]
    );
    assert_eq!(keys[0].0.scope, Scope::Storage(storages[0].id));
    assert_eq!((keys[1].0.scope, keys[2].0.scope), (Scope::Site, Scope::User(admin.id)));
    assert_eq!(metadata.sealed().await.unwrap(), [(SealedOwner::Key(keys[0].0.id), sealed)]);
    assert_eq!(metadata.session_by_token(&[0x22; 32]).await.unwrap().unwrap().user, admin.id);
    assert_eq!(metadata.last_use(&[keys[0].0.id]).await.unwrap()[0].tool, "rclone/v1.75");
    // The active storage has a row of facts, with the last use of its key; the detached one has none.
    let facts = world.numbers("SELECT last_used_us FROM storage_facts WHERE measured_us IS NULL").await;
    assert_eq!(facts, [metadata.last_use(&[keys[0].0.id]).await.unwrap()[0].at.micros()]);
    assert_eq!(metadata.storages_due(Timestamp::default(), 10).await.unwrap()[0].storage, storages[0].id);
    let trail = metadata.audit(&AuditFilter::default(), &PageRequest::first(10)).await.unwrap().items;
    assert_eq!((trail.len(), trail[0].request_id.as_str()), (1, "req-1"));
    assert_eq!(metadata.setting("master-key-check").await.unwrap(), Some(vec![1, 2, 3]));

    // The moment of the last use is in the key as well.
    let used = world.numbers("SELECT last_used_us FROM keys ORDER BY id").await;
    assert_eq!(used, [metadata.last_use(&[keys[0].0.id]).await.unwrap()[0].at.micros(), 0, 0]);

    // Life goes on from where it was.
    assert_eq!(metadata.latest_change().await.unwrap(), 7);
    assert_eq!(metadata.create_user(new_user(site.id, "ada")).await.unwrap().number, 10_002);
    assert_eq!(metadata.create_storage(new_storage(&admin, "third")).await.unwrap().number, 3);
    assert_eq!(metadata.changes_after(7, 10).await.unwrap().len(), 2);
    let below = Site { parent: Some(site.id), ..crate::world::site("below") };
    metadata.create_site(&below).await.unwrap();
    let from_above = NewStorage { site: below.id, ..new_storage(&admin, "from above") };
    assert_eq!(metadata.create_storage(from_above).await.unwrap().owner, admin.id);
    owners_must_exist(world, &metadata).await;
    // What SQLite is told of its own tables is what the next process reads.
    metadata.close().await;
    let metadata = world.open().await;
    assert_eq!(metadata.all_storages().await.unwrap().len(), 4);
    if world.dir.is_some() {
        let problems = "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
        assert_eq!(world.numbers(problems).await, [0]);
    }
}
