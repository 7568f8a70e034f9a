//! What is done to a stopped server's data.

use anyhow::Context as _;
use portcullis_backend::builtin::ScrubOptions;

use crate::cli::{DataArgs, MasterKeyCommand};
use crate::{config, output, wire};

/// `portcullis master-key rotate`.
pub(crate) fn master_key(command: &MasterKeyCommand) -> anyhow::Result<()> {
    let MasterKeyCommand::Rotate { data, new_key_file } = command;
    let config = config::load(&data.serve.flags, data.serve.config.as_ref())?;
    wire::is_data_dir(&config.data_dir)?;
    anyhow::ensure!(
        !new_key_file.exists(),
        "{} is there already; a new master key is only written to a new file",
        new_key_file.display()
    );
    runtime()?.block_on(async {
        let _lock = wire::open_store(&config)?;
        let metadata = wire::open_metadata(&config).await?;
        let old = config::read_master_key(&config.master_key, &config.data_dir, false)?;
        let new = portcullis_access::MasterKey::generate().context("no random numbers for a master key")?;
        // On disk before anything is sealed with it: a crash between the two leaves a key too many, never one too few.
        config::write_master_key(new_key_file, &new)?;
        let sealed =
            portcullis_access::rotate_master_key(&metadata, &old, &new).await.with_context(|| {
                format!(
                    "nothing was changed; the old key still holds, and {} can be removed",
                    new_key_file.display()
                )
            })?;
        metadata.close().await;
        output::line(&format!(
            "Sealed {sealed} secrets anew. From now on only {} opens them: put it in the old key's place.",
            new_key_file.display()
        ))?;
        Ok(())
    })
}

/// `portcullis scrub`.
pub(crate) fn scrub(args: &DataArgs) -> anyhow::Result<()> {
    let config = config::load(&args.serve.flags, args.serve.config.as_ref())?;
    wire::is_data_dir(&config.data_dir)?;
    runtime()?.block_on(async {
        let store = wire::open_store(&config)?;
        let metadata = wire::open_metadata(&config).await?;
        let storages = metadata.all_storages().await.context("the list of storages cannot be read")?;
        metadata.close().await;
        let mut damaged = 0;
        for storage in storages {
            let backend = store
                .backend(storage.id)
                .await
                .with_context(|| format!("{} cannot be opened", storage.name))?;
            // Nobody else is served meanwhile: as fast as the disk goes.
            let options = ScrubOptions { bytes_per_second: None, ..ScrubOptions::default() };
            let report =
                backend.scrub(options).await.with_context(|| format!("scrubbing {}", storage.name))?;
            output::line(&format!(
                "{}: {} files, {} small objects, {}; {} damaged",
                storage.name,
                report.files,
                report.small_objects,
                output::bytes(report.bytes),
                report.damaged
            ))?;
            for found in &report.objects {
                output::line(&format!("  damaged: {} (version {})", found.key, found.version.0))?;
            }
            damaged += report.damaged;
        }
        store.close().await;
        anyhow::ensure!(
            damaged == 0,
            "{damaged} damaged; they are refused from now on: restore them from a backup"
        );
        Ok(())
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads to run on")
}
