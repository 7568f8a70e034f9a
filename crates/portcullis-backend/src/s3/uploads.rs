//! What there is of multipart uploads: names, owners, listings.
//!
//! A provider knows no owners. The key under which an upload was begun is part of the name that the client is given; the
//! rest of the name is the provider's, which nobody guesses.

use std::collections::BTreeMap;

use http::Method;
use portcullis_domain::{KeyId, ObjectKey};

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{parse_checksum, parse_etag};
use super::iso::parse_iso;
use super::list::{Ascending, Asked, Entry, decoded, own, position, said_before};
use super::names::{algorithm_of_word, algorithms};
use super::wire::{Call, Load};
use super::xml::{Malformed, Node};
use crate::listing::MAX_PAGE;
use crate::{
    BackendError, BackendErrorKind, Checksum, ListPosition, ListedUpload, Part, PartsPage, Result, UploadId,
    UploadMeta, UploadsPage, UploadsRequest,
};

/// The longest name of an upload.
pub(super) const MAX_UPLOAD_ID: usize = 1024;
/// What stands between the owner and the provider's name.
const MARK: char = '~';
/// How many pages are read to find one upload, or to fill a page of one owner's.
const MOST_PAGES: usize = 50;

/// The name of an upload for the client.
pub(super) fn name_upload(provider: &str, owner: Option<KeyId>) -> Option<UploadId> {
    let text = match owner {
        None => provider.to_owned(),
        Some(owner) => format!("{owner}{MARK}{provider}"),
    };
    let fits =
        !provider.is_empty() && text.len() <= MAX_UPLOAD_ID && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| UploadId(text.into()))
}

/// The provider's name of an upload, and its owner. A name that cannot be one is none.
pub(super) fn split_upload(upload: &UploadId) -> Option<(&str, Option<KeyId>)> {
    let text = &*upload.0;
    if text.is_empty() || text.len() > MAX_UPLOAD_ID || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    let owned = text.split_once(MARK).and_then(|(owner, rest)| Some((rest, owner.parse::<KeyId>().ok()?)));
    Some(owned.map_or((text, None), |(rest, owner)| (rest, Some(owner))))
}

pub(super) fn no_upload(operation: &'static str) -> BackendError {
    BackendError::new(BackendErrorKind::NoSuchUpload, operation)
}

/// The checksum in a document.
pub(super) fn checksum_of_node(node: &Node) -> Option<Checksum> {
    let (algorithm, text) =
        algorithms().find_map(|(algorithm, _, element)| Some((algorithm, node.first(element)?)))?;
    let composite = node.first("ChecksumType").is_some_and(|kind| kind.trim() == "COMPOSITE");
    parse_checksum(algorithm, text.trim(), composite)
}

impl S3Backend {
    /// What is known of an upload: from memory, or by finding it in the provider's list.
    pub(super) async fn do_upload(&self, key: &ObjectKey, upload: &UploadId) -> Result<UploadMeta> {
        let (provider, owner) = split_upload(upload).ok_or_else(|| no_upload("upload"))?;
        if let Some(meta) = self.uploads.get(key, provider) {
            return if meta.owner == owner { Ok(meta) } else { Err(no_upload("upload")) };
        }
        let prefix = portcullis_domain::KeyPrefix::parse(key.as_str())
            .map_err(|error| BackendError::with(BackendErrorKind::Unsupported, "upload", error))?;
        let request = UploadsRequest { prefix, limit: MAX_PAGE, ..UploadsRequest::default() };
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let page = self.uploads_once(&request, after.as_ref(), MAX_PAGE).await?;
            for (at, name, meta) in &page.found {
                if at == key && name == provider {
                    let meta = UploadMeta { owner, ..meta.clone() };
                    self.uploads.put(key, provider, &meta);
                    return Ok(meta);
                }
            }
            // Keys that begin with this one come after it.
            let passed = page.found.last().is_some_and(|(at, ..)| at > key);
            after = page.next;
            if passed || after.is_none() {
                return Err(no_upload("upload"));
            }
        }
        Err(untrue("upload", "the list of uploads does not end"))
    }

    pub(super) async fn do_list_uploads(&self, request: &UploadsRequest) -> Result<UploadsPage> {
        let limit = request.limit.min(MAX_PAGE);
        let mut page = UploadsPage::default();
        let mut after = request.after.clone();
        if limit == 0 {
            return Ok(page);
        }
        // One more than fits tells whether there is more, whoever's the rest is.
        for _ in 0..MOST_PAGES {
            let room = limit - page.uploads.len() - page.prefixes.len();
            let found = self
                .uploads_once(request, after.as_ref(), if request.owner.is_some() { MAX_PAGE } else { room })
                .await?;
            let mut full = false;
            for (key, name, meta) in found.found {
                let owner = self.uploads.get(&key, &name).and_then(|known| known.owner);
                if request.owner.is_some() && request.owner != owner {
                    continue;
                }
                if page.uploads.len() + page.prefixes.len() == limit {
                    full = true;
                    break;
                }
                if let Some(upload) = name_upload(&name, owner) {
                    page.uploads.push(ListedUpload { key, upload, meta: UploadMeta { owner, ..meta } });
                }
            }
            if request.owner.is_none() {
                page.prefixes.extend(found.prefixes);
            }
            let entries = page.uploads.len() + page.prefixes.len();
            if full {
                let last = page.uploads.last();
                page.next = last.map(|last| {
                    (ListPosition::AfterKey(last.key.as_str().to_owned()), Some(last.upload.clone()))
                });
                return Ok(page);
            }
            after = found.next;
            if after.is_none() || (request.owner.is_none() && entries >= limit) {
                page.next = after;
                return Ok(page);
            }
        }
        page.next = after;
        Ok(page)
    }

    async fn uploads_once(
        &self,
        request: &UploadsRequest,
        after: Option<&(ListPosition, Option<UploadId>)>,
        limit: usize,
    ) -> Result<FoundUploads> {
        let (operation, delimiter) = ("list uploads", request.delimiter.as_deref());
        let asked = Asked { operation, prefix: &request.prefix, delimiter, after: after.map(|(at, _)| at) };
        let storage = &self.wire.remote.prefix;
        let mut call = self.list_call(&asked, limit).ask("uploads", "");
        if let Some(marker) = asked.marker(storage) {
            call = call.ask("key-marker", marker);
        }
        let inside = after.and_then(|(_, upload)| upload.as_ref()).and_then(split_upload);
        if let Some((upload, _)) = inside {
            call = call.ask("upload-id-marker", upload);
        }
        let answer = self.wire.call(call, Load::none()).await?;
        let node = answer.document("ListMultipartUploadsResult", &self.wire.timeouts).await?;
        let malformed = |Malformed| untrue(operation, "an entry is incomplete");
        let (mut page, mut keys) = (FoundUploads::default(), Ascending::default());
        for item in node.all("Upload") {
            let text = decoded(&node, item.needed("Key").map_err(malformed)?).map_err(malformed)?;
            if !keys.check(&text, true) {
                return Err(untrue(operation, "keys are out of order"));
            }
            if let Entry::Key(key) = asked.entry(storage, &text, false)? {
                let name = item.needed("UploadId").map_err(malformed)?.trim().to_owned();
                page.found.push((key, name, meta_of(item)));
            }
        }
        for item in node.all("CommonPrefixes") {
            let text = decoded(&node, item.needed("Prefix").map_err(malformed)?).map_err(malformed)?;
            if let Entry::Prefix(prefix) = asked.entry(storage, &text, true)?
                && !said_before(asked.after, &prefix)
            {
                page.prefixes.push(prefix);
            }
        }
        if page.found.len() + page.prefixes.len() > limit {
            return Err(untrue(operation, "a page is longer than was asked for"));
        }
        if node.flag("IsTruncated") {
            let position = match (node.first("NextKeyMarker"), page.found.last()) {
                (Some(marker), _) => {
                    let text = decoded(&node, marker).map_err(malformed)?;
                    position(own(storage, &text), asked.prefix.as_str(), delimiter)
                }
                // Some providers name only the upload.
                (None, Some((key, ..))) => ListPosition::AfterKey(key.as_str().to_owned()),
                (None, None) => return Err(untrue(operation, "it does not say where it goes on")),
            };
            let upload = node.first("NextUploadIdMarker").and_then(|id| name_upload(id.trim(), None));
            if page.found.is_empty() && page.prefixes.is_empty() {
                return Err(untrue(operation, "an empty page is to be followed by another"));
            }
            page.next = Some((position, upload));
        }
        Ok(page)
    }

    pub(super) async fn do_list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        after: u16,
        limit: usize,
    ) -> Result<PartsPage> {
        let (provider, _) = split_upload(upload).ok_or_else(|| no_upload("list parts"))?;
        let limit = limit.min(MAX_PAGE);
        let call = Call::new("list parts", Method::GET, Some(key))
            .ask("max-parts", limit.max(1).to_string())
            .ask("part-number-marker", after.to_string())
            .ask("uploadId", provider);
        let answer = self.wire.call(call, Load::none()).await.map_err(gone)?;
        let node = answer.document_of(&["ListPartsResult", "ListPartsResponse"], &self.wire.timeouts).await?;
        let mut page = PartsPage::default();
        if limit == 0 {
            return Ok(page);
        }
        // Some providers list a part that was stored again twice, the last one last.
        let mut parts = BTreeMap::new();
        for item in node.all("Part") {
            let part = part_of(item).map_err(|Malformed| untrue("list parts", "a part is incomplete"))?;
            if part.number > after {
                parts.insert(part.number, part);
            }
        }
        page.parts = parts.into_values().collect();
        if page.parts.len() > limit {
            return Err(untrue("list parts", "a page is longer than was asked for"));
        }
        page.more = node.flag("IsTruncated") && !page.parts.is_empty();
        Ok(page)
    }
}

/// A provider that calls an upload that is gone only "not found".
pub(super) fn gone(mut error: BackendError) -> BackendError {
    if error.kind == BackendErrorKind::NotFound {
        error.kind = BackendErrorKind::NoSuchUpload;
    }
    error
}

/// A page of uploads under the provider's names.
#[derive(Default)]
struct FoundUploads {
    found: Vec<(ObjectKey, String, UploadMeta)>,
    prefixes: Vec<String>,
    next: Option<(ListPosition, Option<UploadId>)>,
}

fn meta_of(item: &Node) -> UploadMeta {
    let algorithm = item.first("ChecksumAlgorithm").and_then(algorithm_of_word);
    let full = item.first("ChecksumType").is_some_and(|kind| kind.trim() == "FULL_OBJECT");
    UploadMeta {
        owner: None,
        created: item.first("Initiated").and_then(parse_iso).unwrap_or_default(),
        checksum: algorithm.map(|algorithm| (algorithm, full)),
    }
}

fn part_of(item: &Node) -> Result<Part, Malformed> {
    let number = u16::try_from(item.number("PartNumber")?).map_err(|_| Malformed)?;
    Ok(Part {
        number,
        size: item.number("Size")?,
        etag: parse_etag(item.needed("ETag")?).ok_or(Malformed)?,
        modified: item.first("LastModified").and_then(parse_iso).ok_or(Malformed)?,
        checksum: checksum_of_node(item).map(|checksum| checksum.digest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_owners() {
        let owner = KeyId::from_u128(7);
        for (provider, by) in [("abc", None), ("abc", Some(owner)), ("a~b", None), ("a~b", Some(owner))] {
            let name = name_upload(provider, by).unwrap();
            assert_eq!(split_upload(&name), Some((provider, by)));
        }
        for wrong in ["", "a b", &"x".repeat(1025)] {
            assert_eq!(split_upload(&UploadId(wrong.into())), None, "{wrong}");
            assert_eq!(name_upload(wrong, None), None, "{wrong}");
        }
    }
}
