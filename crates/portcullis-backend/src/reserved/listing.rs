//! Listings without the hidden keys: the same pages as if these were not there.

use std::future::Future;

use portcullis_domain::{KeyPrefix, ObjectKey};

use super::Reserved;
use crate::listing::MAX_PAGE;
use crate::{
    Backend, ListPage, ListPosition, ListRequest, Result, UploadId, UploadsPage, UploadsRequest, VersionId,
    VersionsPage, VersionsRequest,
};

/// Entries that are asked for to find out whether there is one.
const LOOK: usize = 10;

/// Where a listing goes on, with what names a place inside a key.
type Next<W> = (ListPosition, Option<W>);

/// A page of any listing.
pub(super) trait Page: Default + Send {
    /// What names a place inside a key.
    type Within: Clone + Send;

    /// Lets go of the entries of these keys; how many there were.
    fn drop_keys(&mut self, hidden: &(dyn Fn(&ObjectKey) -> bool + Sync)) -> usize;
    fn prefixes(&mut self) -> &mut Vec<String>;
    fn entries(&self) -> usize;
    fn take_next(&mut self) -> Option<Next<Self::Within>>;
    fn set_next(&mut self, next: Option<Next<Self::Within>>);
    /// The position of the last key, if there is one.
    fn last_key(&self) -> Option<Next<Self::Within>>;
    /// Puts the entries of a later page behind those of this one.
    fn append(&mut self, later: Self);
}

/// A request for a page.
pub(super) trait Asked: Clone + Send + Sync {
    type Page: Page;

    fn prefix(&mut self) -> &mut KeyPrefix;
    fn delimiter(&mut self) -> &mut Option<String>;
    fn limit(&mut self) -> &mut usize;
    fn go_on(&mut self, next: Next<<Self::Page as Page>::Within>);
    fn position(&self) -> Option<Next<<Self::Page as Page>::Within>>;
    fn ask(&self, of: &dyn Backend) -> impl Future<Output = Result<Self::Page>> + Send;
}

macro_rules! listing {
    ($page:ident of $request:ident by $ask:ident: $entries:ident, $within:ty,
     next: $read:expr, $write:expr, last: $last:expr, after: $after:expr, go on: $go_on:expr) => {
        impl Page for $page {
            type Within = $within;

            fn drop_keys(&mut self, hidden: &(dyn Fn(&ObjectKey) -> bool + Sync)) -> usize {
                let before = self.$entries.len();
                self.$entries.retain(|entry| !hidden(key_of(entry)));
                before - self.$entries.len()
            }

            fn prefixes(&mut self) -> &mut Vec<String> {
                &mut self.prefixes
            }

            fn entries(&self) -> usize {
                self.$entries.len() + self.prefixes.len()
            }

            fn take_next(&mut self) -> Option<Next<$within>> {
                self.next.take().map($read)
            }

            fn set_next(&mut self, next: Option<Next<$within>>) {
                self.next = next.map($write);
            }

            fn last_key(&self) -> Option<Next<$within>> {
                self.$entries.last().map($last)
            }

            fn append(&mut self, later: Self) {
                self.$entries.extend(later.$entries);
                self.prefixes.extend(later.prefixes);
            }
        }

        impl Asked for $request {
            type Page = $page;

            fn prefix(&mut self) -> &mut KeyPrefix {
                &mut self.prefix
            }

            fn delimiter(&mut self) -> &mut Option<String> {
                &mut self.delimiter
            }

            fn limit(&mut self) -> &mut usize {
                &mut self.limit
            }

            fn go_on(&mut self, next: Next<$within>) {
                let go_on: fn(&mut Self, Next<$within>) = $go_on;
                go_on(self, next);
            }

            fn position(&self) -> Option<Next<$within>> {
                let after: fn(&Self) -> Option<Next<$within>> = $after;
                after(self)
            }

            async fn ask(&self, of: &dyn Backend) -> Result<$page> {
                of.$ask(self).await
            }
        }
    };
}

/// What a plain listing has inside a key: nothing.
#[derive(Clone, Debug)]
pub(super) enum Nothing {}

trait Keyed {
    fn key(&self) -> &ObjectKey;
}

fn key_of(entry: &impl Keyed) -> &ObjectKey {
    entry.key()
}

impl Keyed for crate::ListedObject {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Keyed for crate::ListedVersion {
    fn key(&self) -> &ObjectKey {
        &self.object.key
    }
}

impl Keyed for crate::ListedUpload {
    fn key(&self) -> &ObjectKey {
        &self.key
    }
}

fn after_key(key: &ObjectKey) -> ListPosition {
    ListPosition::AfterKey(key.as_str().to_owned())
}

listing! {
    ListPage of ListRequest by list: objects, Nothing,
    next: |position| (position, None), |(position, _)| position,
    last: |object| (after_key(&object.key), None),
    after: |request| request.after.clone().map(|position| (position, None)),
    go on: |request, (position, _)| request.after = Some(position)
}

listing! {
    VersionsPage of VersionsRequest by list_versions: versions, VersionId,
    next: |next| next, |next| next,
    last: |listed| (after_key(&listed.object.key), Some(listed.version.clone())),
    after: |request| request.after.clone().map(|position| (position, request.after_version.clone())),
    go on: |request, (position, version)| (request.after, request.after_version) = (Some(position), version)
}

listing! {
    UploadsPage of UploadsRequest by list_uploads: uploads, UploadId,
    next: |next| next, |next| next,
    last: |listed| (after_key(&listed.key), Some(listed.upload.clone())),
    after: |request| request.after.clone(),
    go on: |request, next| request.after = Some(next)
}

fn text(position: &ListPosition) -> &str {
    let (ListPosition::AfterKey(text) | ListPosition::AfterPrefix(text)) = position;
    text
}

impl Reserved {
    pub(super) async fn page<R: Asked>(&self, request: &R) -> Result<R::Page> {
        let mut request = request.clone();
        let limit = (*request.limit()).min(MAX_PAGE);
        let prefix = request.prefix().as_str();
        if prefix.starts_with(self.prefix) {
            return Ok(R::Page::default());
        }
        if limit == 0 || !self.prefix.starts_with(prefix) {
            return request.ask(&*self.inner).await;
        }
        self.skip(&mut request);
        let mut all = R::Page::default();
        loop {
            *request.limit() = limit - all.entries();
            let mut page = request.ask(&*self.inner).await?;
            let next = page.take_next();
            let hidden = self.hide(&request, &mut page).await?;
            all.append(page);
            let Some(next) = next else { return Ok(all) };
            request.go_on(next);
            self.skip(&mut request);
            if hidden > 0 && all.entries() < limit {
                continue;
            }
            if self.may_hide_after(&request) && !self.holds_more(&request).await? {
                return Ok(all);
            }
            // What is hidden is not named as a position either.
            let told = request.position().filter(|(at, _)| !text(at).starts_with(self.prefix));
            let position = told.or_else(|| last(&mut all));
            all.set_next(position);
            return Ok(all);
        }
    }

    /// Takes what is hidden off a page; how many entries that were.
    async fn hide<R: Asked>(&self, request: &R, page: &mut R::Page) -> Result<usize> {
        let before = page.entries();
        page.drop_keys(&|key| self.hides(key));
        let prefixes = page.prefixes();
        prefixes.retain(|prefix| !prefix.starts_with(self.prefix));
        // A delimiter inside the hidden prefix rolls what is under it up with its neighbours, if it has any.
        let around = prefixes.iter().position(|prefix| self.prefix.starts_with(prefix.as_str()));
        if let Some(at) = around
            && let Some(prefix) = page.prefixes().get(at).and_then(|text| KeyPrefix::parse(text).ok())
        {
            let mut under = request.clone();
            *under.prefix() = prefix;
            if !self.holds_more(&under).await? {
                page.prefixes().remove(at);
            }
        }
        Ok(before - page.entries())
    }

    /// Whether a key follows that is not hidden; what it is rolled up into plays no part.
    async fn holds_more<R: Asked>(&self, request: &R) -> Result<bool> {
        let mut request = request.clone();
        (*request.limit(), *request.delimiter()) = (LOOK, None);
        loop {
            let mut page = request.ask(&*self.inner).await?;
            page.drop_keys(&|key| self.hides(key));
            let next = page.take_next();
            if page.entries() > 0 {
                return Ok(true);
            }
            let Some(next) = next else { return Ok(false) };
            request.go_on(next);
            self.skip(&mut request);
        }
    }

    /// Goes on behind what is hidden if the request would go on inside. Never back, or a listing would not end.
    fn skip<R: Asked>(&self, request: &mut R) {
        // Nearly the last key of all; what others may have put behind it is hidden one by one.
        let end = format!("{}\u{10ffff}", self.prefix);
        let inside = request.position().is_some_and(|(position, _)| {
            let at = text(&position);
            // Behind the whole prefix is outside.
            let outside = matches!(position, ListPosition::AfterPrefix(_)) && at == self.prefix;
            at.starts_with(self.prefix) && at < end.as_str() && !outside
        });
        if inside {
            request.go_on((ListPosition::AfterKey(end), None));
        }
    }

    /// Whether what follows may be hidden.
    fn may_hide_after<R: Asked>(&self, request: &R) -> bool {
        request.position().is_some_and(|(position, _)| match &position {
            ListPosition::AfterKey(key) => key.as_str() < self.prefix || key.starts_with(self.prefix),
            ListPosition::AfterPrefix(prefix) => {
                !self.prefix.starts_with(prefix.as_str())
                    && (prefix.as_str() < self.prefix || prefix.starts_with(self.prefix))
            }
        })
    }
}

/// The position of a page's last entry.
fn last<P: Page>(page: &mut P) -> Option<Next<P::Within>> {
    let key = page.last_key();
    match (key, page.prefixes().last()) {
        (Some(key), Some(prefix)) if text(&key.0) > prefix.as_str() => Some(key),
        (_, Some(prefix)) => Some((ListPosition::AfterPrefix(prefix.clone()), None)),
        (key, None) => key,
    }
}
