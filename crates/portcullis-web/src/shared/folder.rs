//! What is in the folder of a link, a level and a page at a time.
//!
//! Everything is told as it lies below that folder: what stands before it in the names is nobody's business who came by the link.

use askama::Template;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use portcullis_access::{LinkVisit, List, ListPage, ListPosition};
use portcullis_domain::{KeyPrefix, Timestamp};

use super::refused::Refused;
use super::visitor::Visitor;
use crate::app::App;
use crate::panel::page;
use crate::panel::words::filters;

/// The most entries on a page, and in the text for tools.
const ON_A_PAGE: usize = 200;
const IN_A_TEXT: usize = 1_000;

/// Where in the folder somebody is.
pub(super) struct Place {
    /// The folder of the link.
    root: String,
    /// The part of it that is looked at: empty, or with a slash at its end.
    below: String,
    /// Where its list goes on.
    after: Option<ListPosition>,
}

/// A file or a folder in a list.
struct Row {
    name: String,
    href: String,
    is_folder: bool,
    size: u64,
    modified: Option<Timestamp>,
}

#[derive(Template)]
#[template(path = "shared_folder.html")]
struct FolderPage<'a> {
    name: &'a str,
    home: &'a str,
    /// The folders above this one, from the link's own: name and address.
    above: Vec<(String, String)>,
    /// The name of this one; empty for the link's own.
    here: &'a str,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    limited: bool,
    expires: Option<Timestamp>,
}

impl Place {
    /// The place that an address names; none for one that no page of ours leads to.
    pub(super) fn of(root: &KeyPrefix, below: Option<String>, after: Option<&str>) -> Option<Self> {
        let (root, below) = (root.as_str().to_owned(), below.unwrap_or_default());
        if !below.is_empty() && !below.ends_with('/') {
            return None;
        }
        let after = match after {
            None => None,
            Some(text) => Some(read_cursor(&root, text)?),
        };
        Some(Self { root, below, after })
    }

    async fn list(
        &self,
        app: &App,
        visit: &LinkVisit,
        delimiter: Option<&str>,
        most: usize,
    ) -> Result<ListPage, Refused> {
        let prefix =
            KeyPrefix::parse(&format!("{}{}", self.root, self.below)).map_err(|_| Refused::Nothing)?;
        let at = app.access.storage_by_id(&visit.principal, visit.link.storage).await?;
        let grant = at.grant::<List>(prefix)?;
        Ok(grant.page(delimiter.map(str::to_owned), self.after.clone(), most).await?)
    }

    /// What lies here, below the link's folder and below this part of it; none for the place itself, which some tools store as a file.
    fn below_here<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let in_root = name.strip_prefix(&self.root)?;
        in_root.strip_prefix(&self.below).filter(|here| !here.is_empty()).map(|here| (in_root, here))
    }
}

/// The page.
pub(super) async fn show(
    app: &App,
    visitor: &Visitor,
    visit: &LinkVisit,
    place: &Place,
) -> Result<Response, Refused> {
    let listed = place.list(app, visit, Some("/"), ON_A_PAGE).await?;
    let home = visitor.home();
    let folders = listed.prefixes.iter().filter_map(|name| {
        let (below, here) = place.below_here(name)?;
        let href = format!("{home}?folder={}", encoded(below));
        Some(Row { name: here.to_owned(), href, is_folder: true, size: 0, modified: None })
    });
    let files = listed.objects.iter().filter_map(|object| {
        let (below, here) = place.below_here(object.key.as_str())?;
        let href = format!("{home}/file?key={}", encoded(below));
        let (name, modified) = (here.to_owned(), Some(object.modified));
        Some(Row { name, href, is_folder: false, size: object.size, modified })
    });
    let rows: Vec<_> = folders.chain(files).collect();
    if rows.is_empty() && listed.next.is_none() && !place.below.is_empty() {
        return Err(Refused::Nothing);
    }
    let here = match place.below.as_str() {
        "" => home.clone(),
        below => format!("{home}?folder={}", encoded(below)),
    };
    let mut above = above(&home, &place.below);
    let name_here = above.pop().map_or("", |(from, _)| place.below.get(from..).unwrap_or_default());
    let next = listed.next.as_ref().and_then(|next| write_cursor(&place.root, next));
    let join = if place.below.is_empty() { '?' } else { '&' };
    let template = FolderPage {
        name: visit.link.name.as_str(),
        home: &home,
        above: above.into_iter().map(|(from, href)| (part(&place.below, from), href)).collect(),
        here: name_here.trim_end_matches('/'),
        rows,
        first: place.after.is_some().then(|| here.clone()),
        next: next.map(|next| format!("{here}{join}after={next}")),
        limited: visit.link.max_downloads.is_some(),
        expires: visit.link.expires,
    };
    Ok(page(StatusCode::OK, &template))
}

/// The folders on the way to `below`, each with where its name begins and its address.
fn above(home: &str, below: &str) -> Vec<(usize, String)> {
    let mut from = 0;
    let mut folders = Vec::new();
    for (at, _) in below.match_indices('/') {
        let whole = below.get(..=at).unwrap_or_default();
        folders.push((from, format!("{home}?folder={}", encoded(whole))));
        from = at + 1;
    }
    folders
}

/// The name of the folder that begins there, without its slash.
fn part(below: &str, from: usize) -> String {
    let rest = below.get(from..).unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// For tools: the address of every file, however deep, and where the list goes on.
pub(super) async fn addresses(
    app: &App,
    visit: &LinkVisit,
    place: &Place,
    address: &str,
) -> Result<(Vec<String>, Option<String>), Refused> {
    let listed = place.list(app, visit, None, IN_A_TEXT).await?;
    let files = listed.objects.iter().filter_map(|object| {
        let (below, _) = place.below_here(object.key.as_str())?;
        Some(format!("{address}/file?key={}", encoded(below)))
    });
    let next = listed.next.as_ref().and_then(|next| write_cursor(&place.root, next));
    Ok((files.collect(), next.map(|next| format!("{address}?after={next}"))))
}

/// A value in an address.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Where a list goes on, told without what stands before the link's folder.
fn write_cursor(root: &str, position: &ListPosition) -> Option<String> {
    let (kind, name) = match position {
        ListPosition::AfterKey(key) => ('k', key),
        ListPosition::AfterPrefix(prefix) => ('p', prefix),
    };
    Some(URL_SAFE_NO_PAD.encode(format!("{kind}{}", name.strip_prefix(root)?)))
}

fn read_cursor(root: &str, text: &str) -> Option<ListPosition> {
    let text = (text.len() <= 4096).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
    let text = String::from_utf8(text).ok()?;
    let name = |rest: &str| format!("{root}{rest}");
    match (text.strip_prefix('k'), text.strip_prefix('p')) {
        (Some(key), _) => Some(ListPosition::AfterKey(name(key))),
        (None, Some(prefix)) => Some(ListPosition::AfterPrefix(name(prefix))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_tells_nothing_of_what_lies_above() {
        let position = ListPosition::AfterKey("clients/acme/shared/a.txt".to_owned());
        let text = write_cursor("clients/acme/shared/", &position).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(&text).unwrap(), b"ka.txt");
        assert_eq!(read_cursor("clients/acme/shared/", &text), Some(position));
        let prefix = ListPosition::AfterPrefix("x/sub/".to_owned());
        assert_eq!(read_cursor("x/", &write_cursor("x/", &prefix).unwrap()), Some(prefix));
        for wrong in ["", "x", "eA", "%", &"A".repeat(5000)] {
            assert_eq!(read_cursor("x/", wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_way_up() {
        let way: Vec<_> =
            above("/s/t", "a/b c//").into_iter().map(|(from, href)| (part("a/b c//", from), href)).collect();
        let wanted = [("a", "a%2F"), ("b c", "a%2Fb+c%2F"), ("", "a%2Fb+c%2F%2F")];
        let wanted = wanted.map(|(name, below)| (name.to_owned(), format!("/s/t?folder={below}")));
        assert_eq!(way, wanted);
        assert!(above("/s/t", "").is_empty());
    }

    #[test]
    fn places() {
        let root = KeyPrefix::parse("in/").unwrap();
        let place = |below: &str| Place::of(&root, Some(below.to_owned()), None);
        assert!(place("").is_some() && place("a/").is_some() && place("../").is_some());
        assert!(place("a").is_none(), "no folder");
        let place = place("a/").unwrap();
        assert_eq!(place.below_here("in/a/b/"), Some(("a/b/", "b/")));
        assert_eq!(place.below_here("in/a/"), None, "the place itself");
        assert_eq!(place.below_here("elsewhere"), None);
    }
}
