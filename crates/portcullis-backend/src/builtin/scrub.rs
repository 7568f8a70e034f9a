//! Reading everything again, to find what the disk has lost before somebody needs it.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use portcullis_domain::ObjectKey;
use tokio::task::spawn_blocking;

use super::BuiltinBackend;
use super::blob::BlobId;
use super::error::{disk_error, task_error};
use super::index::{self, Segment};
use super::stream::{Reader, extents};
use crate::{Result, VersionId};

/// How to scrub.
#[derive(Clone, Copy, Debug)]
pub struct ScrubOptions {
    /// The most bytes that are read per second, so that users do not notice; none for as fast as it goes.
    pub bytes_per_second: Option<u64>,
    /// The most objects that are named in the report.
    pub most_named: usize,
}

impl Default for ScrubOptions {
    fn default() -> Self {
        Self { bytes_per_second: Some(32 << 20), most_named: 1000 }
    }
}

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubReport {
    /// Files that were read.
    pub files: u64,
    /// Small objects that were read.
    pub small_objects: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Files, and small objects, whose bytes are not what they were.
    pub damaged: u64,
    /// Files that were damaged at an earlier scrub and are whole again, because somebody put them back.
    pub restored: u64,
    /// The versions that are concerned.
    pub objects: Vec<Damage>,
}

/// A version whose bytes are damaged: reading it is refused as `Corrupt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Its key.
    pub key: ObjectKey,
    /// Which version.
    pub version: VersionId,
}

/// Rows looked at in one go.
const AT_ONCE: u32 = 64;

/// Pieces of a file that are read in one go: 8 MiB.
const PIECES_AT_ONCE: usize = 32;

impl BuiltinBackend {
    /// Reads every file and every small object and compares checksums. Files that are damaged are set aside: objects with
    /// them answer `Corrupt` from then on, also after a restart, until a later scrub finds them whole.
    ///
    /// # Errors
    /// A fault of the index. A file that cannot be read is not an error but damage.
    pub async fn scrub(&self, options: ScrubOptions) -> Result<ScrubReport> {
        let mut report = ScrubReport::default();
        let damaged = self.scrub_files(options, &mut report).await?;
        let extensions = self.scrub_small(options, &mut report).await?;
        if !damaged.is_empty() || !extensions.is_empty() {
            let most = options.most_named;
            let named = self
                .index
                .read("scrub", move |conn| index::references(conn, &damaged, &extensions, most))
                .await?;
            report.objects = named.into_iter().map(|(key, version)| Damage { key, version }).collect();
        }
        Ok(report)
    }

    async fn scrub_files(&self, options: ScrubOptions, report: &mut ScrubReport) -> Result<HashSet<BlobId>> {
        let mut damaged = HashSet::new();
        let mut after = None;
        loop {
            let rows = self.index.read("scrub", move |conn| index::blobs_after(conn, after, AT_ONCE)).await?;
            let Some(last) = rows.last() else { return Ok(damaged) };
            after = Some(last.segment.blob);
            for row in rows {
                let segment = row.segment;
                let whole = self.is_whole(segment, options).await?;
                report.files += 1;
                report.bytes = report.bytes.saturating_add(segment.size);
                if !whole && self.is_in_use(segment.blob).await? {
                    report.damaged += 1;
                    damaged.insert(segment.blob);
                }
                report.restored += u64::from(whole && row.bad);
                self.set_aside(segment.blob, damaged.contains(&segment.blob), row.bad).await?;
            }
        }
    }

    /// Reads a file to its end, no faster than it may, and says whether it is what it was.
    async fn is_whole(&self, segment: Segment, options: ScrubOptions) -> Result<bool> {
        let mut reader = Reader::new(self.files.clone(), extents(&[segment], None), None);
        loop {
            let read = spawn_blocking(move || {
                let mut bytes = 0;
                for _ in 0..PIECES_AT_ONCE {
                    match reader.piece()? {
                        Some(piece) => bytes += index::length(&piece),
                        None => return Ok((reader, bytes, true)),
                    }
                }
                Ok::<_, io::Error>((reader, bytes, false))
            });
            match read.await.map_err(task_error("scrub"))? {
                Ok((_, bytes, true)) => {
                    pause(options, bytes).await;
                    break;
                }
                Ok((on, bytes, false)) => {
                    reader = on;
                    pause(options, bytes).await;
                }
                Err(error) if is_damage(&error) => return Ok(false),
                Err(error) => return Err(disk_error("scrub")(error)),
            }
        }
        let blobs = Arc::clone(&self.files.blobs);
        spawn_blocking(move || blobs.let_go(segment.blob)).await.map_err(task_error("scrub"))?;
        Ok(true)
    }

    /// Whether something still refers to a file: what was discarded meanwhile may be gone.
    async fn is_in_use(&self, blob: BlobId) -> Result<bool> {
        self.index.read("scrub", move |conn| index::is_in_use(conn, blob)).await
    }

    /// Notes in memory and in the index whether a file is damaged.
    async fn set_aside(&self, blob: BlobId, bad: bool, noted: bool) -> Result<()> {
        {
            let mut damaged = self.files.damaged.lock().unwrap_or_else(PoisonError::into_inner);
            if bad {
                damaged.insert(blob)
            } else {
                damaged.remove(&blob)
            };
        }
        if bad != noted {
            self.index.write("scrub", move |batch| index::quarantine(batch, blob, bad)).await?;
        }
        Ok(())
    }

    async fn scrub_small(&self, options: ScrubOptions, report: &mut ScrubReport) -> Result<HashSet<i64>> {
        let mut damaged = HashSet::new();
        let mut after = i64::MIN;
        loop {
            let stretch =
                self.index.read("scrub", move |conn| index::inline_after(conn, after, AT_ONCE)).await?;
            let Some(last) = stretch.last else { return Ok(damaged) };
            after = last;
            report.small_objects += stretch.objects;
            report.bytes = report.bytes.saturating_add(stretch.bytes);
            report.damaged = report.damaged.saturating_add(u64::try_from(stretch.damaged.len()).unwrap_or(0));
            damaged.extend(stretch.damaged);
            pause(options, stretch.bytes).await;
        }
    }
}

/// Whether a file is not what it was. That the disk cannot read it is the same to whoever wants the object.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound)
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Waits for as long as reading so many bytes may take.
async fn pause(options: ScrubOptions, bytes: u64) {
    if let Some(rate) = options.bytes_per_second.filter(|rate| *rate > 0) {
        let micros = bytes.saturating_mul(1_000_000) / rate;
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}
