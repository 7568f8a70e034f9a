//! What is said of a file: attributes, and the line of a listing.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use portcullis_domain::Timestamp;
use portcullis_files::Entry;

const SIZE: u32 = 0x1;
const UID_GID: u32 = 0x2;
const PERMISSIONS: u32 = 0x4;
const TIMES: u32 = 0x8;
const EXTENDED: u32 = 0x8000_0000;

/// The mode of every file, and of every folder: who may do what is not told by bits.
const FILE: u32 = 0o100_644;
const FOLDER: u32 = 0o040_755;

/// Attributes as a client sends them. Owner and mode mean nothing here and are read over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attrs {
    pub(super) size: Option<u64>,
    /// When it was modified, in seconds since 1970.
    pub(super) modified: Option<u32>,
}

impl Attrs {
    pub(super) fn parse(rest: &mut Bytes) -> Option<Self> {
        let flags = rest.try_get_u32().ok()?;
        let mut attrs = Self::default();
        if flags & SIZE != 0 {
            attrs.size = Some(rest.try_get_u64().ok()?);
        }
        if flags & UID_GID != 0 {
            rest.try_get_u64().ok()?;
        }
        if flags & PERMISSIONS != 0 {
            rest.try_get_u32().ok()?;
        }
        if flags & TIMES != 0 {
            rest.try_get_u32().ok()?;
            attrs.modified = Some(rest.try_get_u32().ok()?);
        }
        if flags & EXTENDED != 0 {
            // Pairs of texts that nobody sends.
            rest.clear();
        }
        Some(attrs)
    }

    pub(super) fn modified(self) -> Option<Timestamp> {
        self.modified.map(|seconds| Timestamp::from_seconds(i64::from(seconds)))
    }
}

/// What is told of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    size: u64,
    folder: bool,
    modified: Option<Timestamp>,
}

impl Told {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { size: entry.size(), folder: entry.is_folder(), modified: entry.modified }
    }

    /// A file of which so much has come.
    pub(super) fn coming(size: u64, modified: Option<Timestamp>) -> Self {
        Self { size, folder: false, modified }
    }

    pub(super) fn write(self, out: &mut BytesMut) {
        let time = self.modified.map(seconds);
        out.put_u32(SIZE | PERMISSIONS | if time.is_some() { TIMES } else { 0 });
        out.put_u64(self.size);
        out.put_u32(if self.folder { FOLDER } else { FILE });
        if let Some(time) = time {
            out.put_u32(time);
            out.put_u32(time);
        }
    }

    /// The line that some clients show as it is. The time is UTC.
    pub(super) fn line(self, name: &str) -> String {
        let mode = if self.folder { "drwxr-xr-x" } else { "-rw-r--r--" };
        let date = self.modified.map_or_else(|| "Jan  1  1970".to_owned(), date);
        format!("{mode}    1 -        -        {:>12} {date} {name}", self.size)
    }
}

/// Seconds since 1970, as far as 32 bits reach.
fn seconds(time: Timestamp) -> u32 {
    let seconds = time.seconds();
    u32::try_from(seconds).unwrap_or(if seconds < 0 { 0 } else { u32::MAX })
}

/// `Nov 22  2026`, from the text of a moment.
fn date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let mut parts = text.get(..10).unwrap_or_default().split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| month.parse::<usize>().ok()).and_then(|month| month.checked_sub(1));
    let name = month.and_then(|month| MONTHS.get(month)).unwrap_or(&"Jan");
    let day = day.and_then(|day| day.parse::<u8>().ok()).unwrap_or(1);
    format!("{name} {day:>2}  {}", year.unwrap_or("1970"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_size_and_time_are_kept_of_what_a_client_sends() {
        let mut sent = BytesMut::new();
        sent.put_u32(SIZE | UID_GID | PERMISSIONS | TIMES);
        sent.put_u64(7);
        sent.put_u64(1000 << 32 | 1000);
        sent.put_u32(0o600);
        sent.put_u32(1);
        sent.put_u32(1_800_000_000);
        let mut rest = sent.clone().freeze();
        let attrs = Attrs::parse(&mut rest).unwrap();
        assert_eq!(attrs, Attrs { size: Some(7), modified: Some(1_800_000_000) });
        assert!(rest.is_empty());
        assert!(Attrs::parse(&mut sent.freeze().slice(..20)).is_none());
    }

    #[test]
    fn a_line_has_the_form_of_ls() {
        let told = Told::coming(1234, Some(Timestamp::from_seconds(1_800_000_000)));
        let line = told.line("a b");
        assert!(line.starts_with("-rw-r--r--") && line.ends_with("1234 Jan 15  2027 a b"), "{line}");
    }

    #[test]
    fn times_beyond_the_field_stay_at_its_ends() {
        assert_eq!(seconds(Timestamp::from_seconds(-1)), 0);
        assert_eq!(seconds(Timestamp::from_seconds(1 << 40)), u32::MAX);
    }
}
