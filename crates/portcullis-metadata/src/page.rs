//! Lists a page at a time.

use crate::error::{Fault, MetadataErrorKind};

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items, 1 to 1,000; what is outside is moved inside.
    pub limit: u32,
    /// [`Page::next`] of the page before; none for the first page.
    pub after: Option<String>,
}

impl PageRequest {
    /// The most items on one page.
    pub const MAX: u32 = 1_000;

    /// The first page of this many items.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.limit.clamp(1, Self::MAX)).unwrap_or(1)
    }

    /// How many rows to ask for: one more than the page holds tells whether another page follows.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit.clamp(1, Self::MAX)) + 1
    }

    /// The id after which the page begins; the empty text comes before every id.
    pub(crate) fn after_id(&self) -> Result<String, Fault> {
        match &self.after {
            None => Ok(String::new()),
            Some(id) if id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') => {
                Ok(id.clone())
            }
            Some(_) => Err(MetadataErrorKind::BadCursor.into()),
        }
    }

    /// The id before which the page begins, in a list that goes from the newest back; `g` comes after every id.
    pub(crate) fn before_id(&self) -> Result<String, Fault> {
        if self.after.is_none() { Ok("g".to_owned()) } else { self.after_id() }
    }

    /// The name after which the page begins, in a list by name; the empty text comes before every name.
    pub(crate) fn after_name(&self) -> Result<String, Fault> {
        let Some(cursor) = &self.after else { return Ok(String::new()) };
        let pairs = cursor.as_bytes().chunks(2).map(|pair| {
            let pair =
                std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
            u8::from_str_radix(pair, 16).ok()
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        name.filter(|name| !name.is_empty() && !name.contains('\0'))
            .ok_or_else(|| MetadataErrorKind::BadCursor.into())
    }

    /// The number after which the page begins, in a list by number; -1 comes before every one.
    pub(crate) fn after_number(&self) -> Result<i64, Fault> {
        match &self.after {
            None => Ok(-1),
            Some(number) => number.parse().map_err(|_| MetadataErrorKind::BadCursor.into()),
        }
    }

    /// The row number before which the page begins, in a list that goes from the newest back.
    pub(crate) fn before_number(&self) -> Result<i64, Fault> {
        match &self.after {
            None => Ok(i64::MAX),
            Some(number) => number.parse().map_err(|_| MetadataErrorKind::BadCursor.into()),
        }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to ask for the next page with, if there is one. Opaque.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The page from one row more than it may hold.
    pub(crate) fn of<R>(
        mut rows: Vec<R>,
        request: &PageRequest,
        cursor: impl Fn(&R) -> String,
        read: impl Fn(R) -> Result<T, Fault>,
    ) -> Result<Self, Fault> {
        let more = rows.len() > request.limit();
        rows.truncate(request.limit());
        let next = rows.last().filter(|_| more).map(cursor);
        let items = rows.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { items, next })
    }
}

/// The cursor after this name: letters and digits only, whatever the name has.
pub(crate) fn name_cursor(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Text as the search compares it. The engines fold only ASCII, each in its own way; this folds every script.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The LIKE pattern, with `!` as escape, that finds this text anywhere; none for a search for nothing.
pub(crate) fn pattern(search: Option<&str>) -> Option<String> {
    // Nothing that is searched is longer; SQLite refuses very long patterns.
    const MAX_CHARS: usize = 1_000;
    let wanted = fold(search?.trim());
    if wanted.is_empty() {
        return None;
    }
    let mut pattern = String::with_capacity(wanted.len() + 2);
    pattern.push('%');
    for c in wanted.chars().take(MAX_CHARS).map(|c| if c == '\0' { '\u{fffd}' } else { c }) {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_its_text() {
        assert_eq!(pattern(Some(" 100%_Büro! ")).as_deref(), Some("%100!%!_büro!!%"));
        assert_eq!(pattern(Some("  ")), None);
        assert_eq!(pattern(None), None);
    }

    #[test]
    fn foreign_cursors_are_refused() {
        for wrong in ["", "x", "' OR 1=1 --", "\0"] {
            let request = PageRequest { limit: 10, after: Some(wrong.to_owned()) };
            assert_eq!(request.after_id().unwrap_err().kind, MetadataErrorKind::BadCursor, "{wrong:?}");
            assert_eq!(request.after_name().unwrap_err().kind, MetadataErrorKind::BadCursor, "{wrong:?}");
            assert_eq!(request.before_number().unwrap_err().kind, MetadataErrorKind::BadCursor, "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_holds_any_name() {
        let after = |cursor: &str| PageRequest { limit: 1, after: Some(cursor.to_owned()) }.after_name();
        assert_eq!(name_cursor("ab"), "6162");
        for name in ["ab", "Büro & Söhne 🗝", "'"] {
            assert_eq!(after(&name_cursor(name)).unwrap(), name);
        }
        for wrong in ["6", "616", "+6", "zz", "ff", "00", "6ü"] {
            assert_eq!(after(wrong).unwrap_err().kind, MetadataErrorKind::BadCursor, "{wrong}");
        }
    }

    #[test]
    fn limits_are_moved_inside() {
        assert_eq!(PageRequest::first(0).limit(), 1);
        assert_eq!(PageRequest::first(u32::MAX).rows(), 1_001);
    }
}
