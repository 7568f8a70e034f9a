//! Trees over the driver for remote buckets, with our own S3 server as the provider.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_backend::s3::{ProviderCredentials, Remote, RemoteCapabilities, S3Drivers, S3Options};
use portcullis_backend::{Backend, Drivers, Result};
use portcullis_domain::{Channel, KeyPrefix, ManualClock, Provider, Scope, Secret, Storage, Timestamp};
use portcullis_files::{CopyDepth, FileError, IfThere, WriteOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::world::{World, names, noise, path, read, write, write_with};

pub(crate) const EVERYTHING: RemoteCapabilities = RemoteCapabilities {
    conditional_puts: true,
    conditional_completes: true,
    conditional_copies: true,
    conditional_sources: true,
    conditional_deletes: true,
    versioning: false,
    checksums: true,
    tags: true,
    list_v2: true,
    md5_tags: true,
    folds_unicode: false,
    folds_case: false,
    file_or_folder: false,
};

pub(crate) const NO_CONDITIONS: RemoteCapabilities = RemoteCapabilities {
    conditional_puts: false,
    conditional_completes: false,
    conditional_copies: false,
    conditional_deletes: false,
    ..EVERYTHING
};

/// One connection, whatever is to be opened.
#[derive(Debug)]
struct Connected(Arc<dyn Backend>);

#[async_trait]
impl Drivers for Connected {
    async fn open(&self, _: &Storage, _: Option<ProviderCredentials>) -> Result<Arc<dyn Backend>> {
        Ok(Arc::clone(&self.0))
    }
}

pub(crate) struct Remotely {
    pub(crate) world: World,
    stop: CancellationToken,
    _provider: World,
}

impl Drop for Remotely {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn remotely(capabilities: RemoteCapabilities) -> Remotely {
    let provider = World::new().await;
    let bucket = provider.storage("bucket", |_| {}).await;
    let holder = provider.key(Scope::Storage(bucket.id), |key| key.channel = Channel::S3).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let door = portcullis_s3::Config::default();
    let serving =
        portcullis_s3::serve(door, listener, provider.access.clone(), stop.clone(), provider.tasks.clone());
    provider.tasks.spawn(serving);
    let remote = Remote {
        endpoint: format!("http://{address}").parse().unwrap(),
        region: "us-east-1".to_owned(),
        bucket: bucket.bucket.as_str().to_owned(),
        prefix: KeyPrefix::default(),
        path_style: true,
        provider: Provider::S3,
        credentials: ProviderCredentials {
            access_key_id: holder.key.credential.to_string(),
            secret_access_key: Secret::foreign(holder.secret().reveal().to_owned()),
            capabilities,
        },
    };
    let options = S3Options { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..S3Options::default() };
    let clock: Arc<ManualClock> = Arc::clone(&provider.clock);
    let backend = S3Drivers::new(options, clock).unwrap().connect(remote);
    let world = World::over(|_, _| Arc::new(Connected(backend))).await;
    Remotely { world, stop, _provider: provider }
}

#[tokio::test]
async fn everything_works_over_a_provider() {
    for capabilities in [EVERYTHING, NO_CONDITIONS] {
        let at = remotely(capabilities).await;
        let world = &at.world;
        let (storage, tree) = world.open().await;
        // Of known and of unknown length, in one step and in parts.
        for (length, known, resumable) in [
            (0, false, true),
            (10, false, false),
            (3 << 20, true, false),
            (3 << 20, false, true),
            (17 << 20, false, true),
            (17 << 20, true, true),
        ] {
            let bytes = noise(length);
            let told = known.then(|| u64::try_from(length).unwrap());
            let then = Timestamp::from_seconds(1_700_000_000);
            let options =
                WriteOptions { length: told, resumable, modified: Some(then), ..WriteOptions::default() };
            write_with(&tree, "/dir/file", &bytes, options).await.unwrap();
            assert!(read(&tree, "/dir/file").await.unwrap() == bytes, "{length} {known} {resumable}");
            assert_eq!(tree.stat(&path("/dir/file")).await.unwrap().modified, Some(then));
        }
        assert_eq!(names(&tree, "/").await, ["dir/"]);
        tree.make_folder(&path("/made")).await.unwrap();
        tree.rename(&path("/dir/file"), &path("/made/file"), IfThere::Refuse).await.unwrap();
        assert_eq!(names(&tree, "/dir").await, Vec::<String>::new());
        write(&tree, "/dir/file", b"small").await.unwrap();
        tree.rename(&path("/dir/file"), &path("/made/file"), IfThere::Replace).await.unwrap();
        assert_eq!(read(&tree, "/made/file").await.unwrap(), b"small");
        tree.set_modified(&path("/made/file"), Timestamp::from_seconds(7)).await.unwrap();
        assert_eq!(tree.stat(&path("/made/file")).await.unwrap().modified, Some(Timestamp::from_seconds(7)));
        tree.rename(&path("/made"), &path("/other"), IfThere::Refuse).await.unwrap();
        tree.copy(&path("/other"), &path("/copy"), IfThere::Refuse, CopyDepth::All).await.unwrap();
        assert_eq!(names(&tree, "/").await, ["copy/", "dir/", "other/"]);
        tree.remove_all(&path("/other")).await.unwrap();
        tree.remove_folder(&path("/dir")).await.unwrap();
        let keys: Vec<_> = world.keys(&storage).await.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["copy/", "copy/file"]);
    }
}

#[tokio::test]
async fn uploads_go_on_over_a_provider() {
    let at = remotely(EVERYTHING).await;
    let (_, tree) = at.world.open().await;
    let bytes = noise(20 << 20);
    let options = WriteOptions { resumable: true, ..WriteOptions::default() };
    let mut upload = tree.write(&path("/big"), options.clone()).await.unwrap();
    upload.write(bytes::Bytes::copy_from_slice(&bytes[..18 << 20])).await.unwrap();
    drop(upload);
    at.world.settled().await;
    let kept = tree.partial(&path("/big")).await.unwrap().unwrap();
    assert_eq!(kept, 16 << 20);
    let rest = &bytes[16 << 20..];
    write_with(&tree, "/big", rest, WriteOptions { offset: kept, ..options.clone() }).await.unwrap();
    assert!(read(&tree, "/big").await.unwrap() == bytes);
    // More at its end, of which the beginning is copied by the provider's storage and not by the client.
    let more = WriteOptions { offset: 20 << 20, ..options };
    write_with(&tree, "/big", b"more", more).await.unwrap();
    assert!(read(&tree, "/big").await.unwrap() == [bytes.as_slice(), b"more"].concat());
}

/// Conditions that the provider does not decide are refused rather than looked away from.
#[tokio::test]
async fn conditions_that_nobody_decides() {
    let at = remotely(NO_CONDITIONS).await;
    let (_, tree) = at.world.open().await;
    let only_new = WriteOptions { only_if: Some(None), ..WriteOptions::default() };
    let outcome = write_with(&tree, "/file", b"x", only_new).await;
    assert!(matches!(outcome, Err(FileError::Unsupported(_))), "{outcome:?}");
}
