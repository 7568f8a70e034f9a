//! The header `If` (RFC 4918 section 10.4): what has to hold of a resource, and the locks whose tokens are sent along.

use super::reply::{Refusal, Result};

/// The most conditions in one header.
const MOST: usize = 64;

/// The header, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IfHeader {
    /// Lists; the header holds if one of them does.
    pub(crate) lists: Vec<List>,
}

/// Conditions on one resource, all of which have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The address it is about; the request's own if none.
    pub(crate) tag: Option<String>,
    pub(crate) conditions: Vec<Condition>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) not: bool,
    pub(crate) state: State,
}

/// What the resource has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A lock with this token.
    Token(String),
    /// This entity tag, without its quotes. A weak one holds of nothing: ours are strong.
    Etag(Option<String>),
}

impl IfHeader {
    /// Every token in it: naming a token is how it is submitted, whatever the condition says.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().flat_map(|list| &list.conditions).filter_map(|condition| match &condition.state {
            State::Token(token) => Some(token.as_str()),
            State::Etag(_) => None,
        })
    }
}

/// Reads the header.
///
/// # Errors
/// 400: a condition that is not understood must not be passed over.
pub(crate) fn parse(text: &str) -> Result<IfHeader> {
    let malformed = || Refusal::bad("The header If is malformed.");
    let mut rest = text.trim_start();
    let (mut lists, mut tag, mut count) = (Vec::new(), None, 0);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('<') {
            let (address, after) = after.split_once('>').ok_or_else(malformed)?;
            // A tag is about the lists that follow it, and one has to.
            if !after.trim_start().starts_with('(') || (tag.is_none() && !lists.is_empty()) {
                return Err(malformed());
            }
            tag = Some(address.trim().to_owned());
            rest = after.trim_start();
        }
        let after = rest.strip_prefix('(').ok_or_else(malformed)?;
        let (conditions, after) = list(after).ok_or_else(malformed)?;
        count += conditions.len();
        if count > MOST {
            return Err(malformed());
        }
        lists.push(List { tag: tag.clone(), conditions });
        rest = after.trim_start();
    }
    if lists.is_empty() { Err(malformed()) } else { Ok(IfHeader { lists }) }
}

/// The conditions up to the closing parenthesis, and what comes after it.
fn list(text: &str) -> Option<(Vec<Condition>, &str)> {
    let (mut conditions, mut rest) = (Vec::new(), text.trim_start());
    loop {
        if let Some(after) = rest.strip_prefix(')') {
            return (!conditions.is_empty()).then_some((conditions, after));
        }
        let not = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("not"));
        if not {
            rest = rest.get(3..)?.trim_start();
        }
        let state;
        if let Some(after) = rest.strip_prefix('<') {
            let (token, after) = after.split_once('>')?;
            state = State::Token(token.trim().to_owned());
            rest = after.trim_start();
        } else {
            let (tag, after) = rest.strip_prefix('[')?.split_once(']')?;
            state = State::Etag(etag(tag.trim())?);
            rest = after.trim_start();
        }
        conditions.push(Condition { not, state });
    }
}

/// An entity tag as it stands in brackets.
fn etag(text: &str) -> Option<Option<String>> {
    let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
    // Some clients leave the quotes out.
    let bare = quoted.strip_prefix('"').map_or(Some(quoted), |rest| rest.strip_suffix('"'))?;
    Some((!weak).then(|| bare.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(not: bool, token: &str) -> Condition {
        Condition { not, state: State::Token(token.to_owned()) }
    }

    fn tagged(not: bool, tag: Option<&str>) -> Condition {
        Condition { not, state: State::Etag(tag.map(str::to_owned)) }
    }

    #[test]
    fn headers_as_clients_send_them() {
        let plain = parse("(<urn:uuid:a>)").unwrap();
        assert_eq!(plain.lists, [List { tag: None, conditions: vec![token(false, "urn:uuid:a")] }]);
        let several = parse("(<urn:a> [\"x\"]) (Not <DAV:no-lock>[W/\"y\"])").unwrap();
        assert_eq!(several.lists[0].conditions, [token(false, "urn:a"), tagged(false, Some("x"))]);
        assert_eq!(several.lists[1].conditions, [token(true, "DAV:no-lock"), tagged(false, None)]);
        assert_eq!(several.tokens().collect::<Vec<_>>(), ["urn:a", "DAV:no-lock"]);
        let tagged_lists = parse(" <http://x/dav/a> (<t:1>) (not[\"z\"])\t<http://x/dav/b>(<t:2>) ").unwrap();
        let tags: Vec<_> = tagged_lists.lists.iter().map(|list| list.tag.as_deref().unwrap()).collect();
        assert_eq!(tags, ["http://x/dav/a", "http://x/dav/a", "http://x/dav/b"]);
        assert_eq!(tagged_lists.lists[1].conditions, [tagged(true, Some("z"))]);
        assert_eq!(parse("([bare])").unwrap().lists[0].conditions, [tagged(false, Some("bare"))]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let many = format!("({})", "<t:1>".repeat(MOST + 1));
        for wrong in [
            "",
            " ",
            "x",
            "()",
            "(",
            "(<a>",
            "(<a)",
            "<a>",
            "<a> <b> (<c>)",
            "(<a>) <b> (<c>)",
            "([\"x)",
            "(Not)",
            "(<a> or <b>)",
            "([\"a)",
            "(<a>) x",
            "\u{fc}\u{fc}",
            many.as_str(),
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
