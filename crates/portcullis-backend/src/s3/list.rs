//! Listings. What a provider lists is not believed: a key outside the prefix, out of order or twice is an error.

use http::Method;
use portcullis_domain::{KeyPrefix, ObjectKey};
use portcullis_sigv4::encode::decode_component;

use super::backend::S3Backend;
use super::fault::untrue;
use super::headers::{parse_etag, version_from, version_of_etag, version_to};
use super::iso::parse_iso;
use super::names::algorithm_of_word;
use super::wire::{Call, Load};
use super::xml::{Malformed, Node};
use crate::listing::{MAX_PAGE, common_prefix, is_after};
use crate::{
    BackendError, ListPage, ListPosition, ListRequest, ListedObject, ListedVersion, Result, VersionsPage,
    VersionsRequest,
};

/// How many pages in a row may hold nothing that is shown before a listing is given up.
const EMPTY_PAGES: usize = 50;

/// What is common to all listings.
pub(super) struct Asked<'a> {
    pub(super) operation: &'static str,
    pub(super) prefix: &'a KeyPrefix,
    pub(super) delimiter: Option<&'a str>,
    pub(super) after: Option<&'a ListPosition>,
}

/// One entry of a listing, its key as the storage calls it.
pub(super) enum Entry {
    Key(ObjectKey),
    Prefix(String),
    /// The object whose key is the storage's prefix and nothing more: it has no name here.
    Nameless,
}

impl Asked<'_> {
    /// Where the provider is to go on: behind this key.
    pub(super) fn marker(&self, storage_prefix: &KeyPrefix) -> Option<String> {
        self.after.map(|after| match after {
            ListPosition::AfterKey(key) => format!("{storage_prefix}{key}"),
            // The last of all keys that begin so, or nearly: what slips through is left out of the page.
            ListPosition::AfterPrefix(prefix) => format!("{storage_prefix}{prefix}\u{10ffff}"),
        })
    }

    fn wrong(&self, what: &str) -> BackendError {
        untrue(self.operation, what)
    }

    /// A key or a common prefix of an answer, without the storage's prefix, if it may be there.
    pub(super) fn entry(&self, storage_prefix: &KeyPrefix, text: &str, rolled: bool) -> Result<Entry> {
        let inner = text
            .strip_prefix(storage_prefix.as_str())
            .filter(|inner| inner.starts_with(self.prefix.as_str()))
            .ok_or_else(|| self.wrong("a key lies outside the prefix"))?;
        let common = common_prefix(inner, self.prefix.as_str(), self.delimiter);
        if rolled {
            if common != Some(inner) {
                return Err(self.wrong("a common prefix is none"));
            }
            return Ok(Entry::Prefix(inner.to_owned()));
        }
        if common.is_some() {
            return Err(self.wrong("a key should be rolled up"));
        }
        if inner.is_empty() {
            return Ok(Entry::Nameless);
        }
        ObjectKey::parse(inner).map(Entry::Key).map_err(|_| self.wrong("a key is none"))
    }
}

/// Checks that texts come in ascending order; says so once.
#[derive(Default)]
pub(super) struct Ascending(Option<String>);

impl Ascending {
    pub(super) fn check(&mut self, text: &str, again: bool) -> bool {
        let fine = self.0.as_deref().is_none_or(|last| last < text || (again && last == text));
        self.0 = Some(text.to_owned());
        fine
    }
}

/// A text of a listing, decoded if the answer says that it is encoded.
pub(super) fn decoded(node: &Node, text: &str) -> Result<String, Malformed> {
    if node.first("EncodingType").is_some_and(|kind| kind.trim() == "url") {
        return String::from_utf8(decode_component(text).into_owned()).map_err(|_| Malformed);
    }
    Ok(text.to_owned())
}

impl S3Backend {
    pub(super) fn list_call(&self, asked: &Asked<'_>, limit: usize) -> Call<'static> {
        let storage = &self.wire.remote.prefix;
        let mut call = Call::new(asked.operation, Method::GET, None).ask("encoding-type", "url");
        if let Some(delimiter) = asked.delimiter.filter(|delimiter| !delimiter.is_empty()) {
            call = call.ask("delimiter", delimiter);
        }
        let most = match asked.operation {
            "list uploads" => "max-uploads",
            _ => "max-keys",
        };
        call.ask(most, limit.to_string()).ask("prefix", format!("{storage}{}", asked.prefix))
    }

    pub(super) async fn do_list(&self, request: &ListRequest) -> Result<ListPage> {
        let limit = request.limit.min(MAX_PAGE);
        if limit == 0 {
            return Ok(ListPage::default());
        }
        let mut after = request.after.clone();
        for _ in 0..EMPTY_PAGES {
            let page = self.list_once(request, after.as_ref(), limit).await?;
            if !page.objects.is_empty() || !page.prefixes.is_empty() || page.next.is_none() {
                return Ok(page);
            }
            after = page.next;
        }
        Err(untrue("list", "page after page is empty"))
    }

    async fn list_once(
        &self,
        request: &ListRequest,
        after: Option<&ListPosition>,
        limit: usize,
    ) -> Result<ListPage> {
        let delimiter = request.delimiter.as_deref();
        let asked = Asked { operation: "list", prefix: &request.prefix, delimiter, after };
        let v2 = self.capabilities_of_remote().list_v2;
        let mut call = self.list_call(&asked, limit);
        if v2 {
            call = call.ask("list-type", "2");
        }
        if let Some(marker) = asked.marker(&self.wire.remote.prefix) {
            call = call.ask(if v2 { "start-after" } else { "marker" }, marker);
        }
        let answer = self.wire.call(call, Load::none()).await?;
        let node = answer.document("ListBucketResult", &self.wire.timeouts).await?;
        self.read_page(&node, &asked, limit)
    }

    fn read_page(&self, node: &Node, asked: &Asked<'_>, limit: usize) -> Result<ListPage> {
        let storage = &self.wire.remote.prefix;
        let malformed = |Malformed| asked.wrong("an entry is incomplete");
        let (mut page, mut last, mut entries) = (ListPage::default(), None::<ListPosition>, 0usize);
        let (mut keys, mut prefixes) = (Ascending::default(), Ascending::default());
        for item in node.all("Contents") {
            let text = decoded(node, item.needed("Key").map_err(malformed)?).map_err(malformed)?;
            entries += 1;
            if !keys.check(&text, false) {
                return Err(asked.wrong("keys are out of order"));
            }
            let entry = asked.entry(storage, &text, false)?;
            last = later(last, ListPosition::AfterKey(own(storage, &text)));
            if let Entry::Key(key) = entry {
                if !is_after(asked.after, key.as_str()) {
                    // What slipped through behind a common prefix, in a listing that rolls nothing up.
                    if matches!(asked.after, Some(ListPosition::AfterPrefix(_))) {
                        continue;
                    }
                    return Err(asked.wrong("a key comes again"));
                }
                page.objects.push(listed_object(item, key).map_err(malformed)?);
            }
        }
        for item in node.all("CommonPrefixes") {
            let text = decoded(node, item.needed("Prefix").map_err(malformed)?).map_err(malformed)?;
            entries += 1;
            if !prefixes.check(&text, false) {
                return Err(asked.wrong("common prefixes are out of order"));
            }
            if let Entry::Prefix(prefix) = asked.entry(storage, &text, true)? {
                last = later(last, ListPosition::AfterPrefix(prefix.clone()));
                if !said_before(asked.after, &prefix) {
                    page.prefixes.push(prefix);
                }
            }
        }
        if entries > limit {
            return Err(asked.wrong("a page is longer than was asked for"));
        }
        if node.flag("IsTruncated") {
            page.next = Some(last.ok_or_else(|| asked.wrong("an empty page is to be followed by another"))?);
        }
        Ok(page)
    }

    pub(super) async fn do_list_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        if !self.capabilities_of_remote().versioning {
            return self.list_as_versions(request).await;
        }
        let limit = request.limit.min(MAX_PAGE);
        if limit == 0 {
            return Ok(VersionsPage::default());
        }
        let mut from = (request.after.clone(), request.after_version.clone());
        for _ in 0..EMPTY_PAGES {
            let page = self.versions_once(request, &from, limit).await?;
            if !page.versions.is_empty() || !page.prefixes.is_empty() {
                return Ok(page);
            }
            let Some((position, version)) = page.next else { return Ok(page) };
            from = (Some(position), version);
        }
        Err(untrue("list versions", "page after page is empty"))
    }

    /// Of a bucket that keeps no versions: each object is its own current one.
    async fn list_as_versions(&self, request: &VersionsRequest) -> Result<VersionsPage> {
        let VersionsRequest { prefix, delimiter, after, limit, .. } = request.clone();
        let page = self.do_list(&ListRequest { prefix, delimiter, after, limit, user_times: false }).await?;
        let version = |object: ListedObject| {
            let version = version_of_etag(&object.etag);
            ListedVersion { object, version, current: true }
        };
        let next = page.next.map(|position| (position, None));
        let versions = page.objects.into_iter().map(version).collect();
        Ok(VersionsPage { versions, prefixes: page.prefixes, next })
    }

    async fn versions_once(
        &self,
        request: &VersionsRequest,
        from: &(Option<ListPosition>, Option<crate::VersionId>),
        limit: usize,
    ) -> Result<VersionsPage> {
        let delimiter = request.delimiter.as_deref();
        let asked =
            Asked { operation: "list versions", prefix: &request.prefix, delimiter, after: from.0.as_ref() };
        let storage = &self.wire.remote.prefix;
        let mut call = self.list_call(&asked, limit).ask("versions", "");
        if let Some(marker) = asked.marker(storage) {
            call = call.ask("key-marker", marker);
        }
        if let Some(version) = &from.1 {
            call = call.ask("version-id-marker", version_to(version));
        }
        let answer = self.wire.call(call, Load::none()).await?;
        let node = answer.document("ListVersionsResult", &self.wire.timeouts).await?;
        let malformed = |Malformed| asked.wrong("an entry is incomplete");
        let (mut page, mut keys) = (VersionsPage::default(), Ascending::default());
        for item in node.all("Version") {
            let text = decoded(&node, item.needed("Key").map_err(malformed)?).map_err(malformed)?;
            if !keys.check(&text, true) {
                return Err(asked.wrong("keys are out of order"));
            }
            if let Entry::Key(key) = asked.entry(storage, &text, false)? {
                let version = version_from(item.needed("VersionId").map_err(malformed)?);
                let version = version.ok_or_else(|| asked.wrong("a version id is none"))?;
                let object = listed_object(item, key).map_err(malformed)?;
                page.versions.push(ListedVersion { object, version, current: item.flag("IsLatest") });
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
        if node.flag("IsTruncated") {
            // Delete markers are entries too, so only the provider knows where its page ended.
            let text = decoded(&node, node.needed("NextKeyMarker").map_err(malformed)?).map_err(malformed)?;
            let position = position(own(storage, &text), asked.prefix.as_str(), delimiter);
            let version = node.first("NextVersionIdMarker").and_then(version_from);
            page.next = Some((position, version));
        }
        Ok(page)
    }
}

/// A marker of an answer: a key, or a common prefix of this very listing.
pub(super) fn position(text: String, prefix: &str, delimiter: Option<&str>) -> ListPosition {
    if common_prefix(&text, prefix, delimiter) == Some(text.as_str()) {
        ListPosition::AfterPrefix(text)
    } else {
        ListPosition::AfterKey(text)
    }
}

/// A common prefix that an earlier page ended with.
pub(super) fn said_before(after: Option<&ListPosition>, prefix: &str) -> bool {
    matches!(after, Some(ListPosition::AfterPrefix(before)) if before == prefix)
}

/// A provider's key without the storage's prefix.
pub(super) fn own(storage: &KeyPrefix, text: &str) -> String {
    text.strip_prefix(storage.as_str()).unwrap_or(text).to_owned()
}

/// The position that comes later.
fn later(one: Option<ListPosition>, other: ListPosition) -> Option<ListPosition> {
    fn text(position: &ListPosition) -> &str {
        let (ListPosition::AfterKey(text) | ListPosition::AfterPrefix(text)) = position;
        text
    }
    match one {
        Some(one) if text(&one) > text(&other) => Some(one),
        _ => Some(other),
    }
}

fn listed_object(item: &Node, key: ObjectKey) -> Result<ListedObject, Malformed> {
    Ok(ListedObject {
        key,
        size: item.number("Size")?,
        modified: parse_iso(item.needed("LastModified")?).ok_or(Malformed)?,
        etag: parse_etag(item.needed("ETag")?).ok_or(Malformed)?,
        checksum: item.first("ChecksumAlgorithm").and_then(algorithm_of_word),
        archived: item
            .first("StorageClass")
            .is_some_and(|class| matches!(class.trim(), "GLACIER" | "DEEP_ARCHIVE")),
        // No listing of a provider tells user metadata.
        user_modified: None,
    })
}
