//! Addresses as `MAIL` and `RCPT` write them (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

/// The longest local part in bytes. RFC 5321 asks for 64; ours holds a folder.
const LONGEST_LOCAL: usize = 1024;
/// The longest domain in bytes (RFC 5321 section 4.5.3.1.2).
const LONGEST_DOMAIN: usize = 255;

/// An address in its two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// What stands before `@`, without quotes and escapes.
    pub(super) local: String,
    /// What stands behind it; an address literal with its brackets.
    pub(super) domain: String,
}

impl Mailbox {
    /// Whether no character of it needs SMTPUTF8.
    pub(super) fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }
}

/// The text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidAddress;

/// What `FROM:` or `TO:` names, none for `<>`, and the parameters behind it.
///
/// # Errors
/// Whatever RFC 5321 does not allow.
pub(super) fn path<'a>(
    argument: &'a str,
    keyword: &str,
) -> Result<(Option<Mailbox>, &'a str), InvalidAddress> {
    let (found, rest) = argument.split_once(':').ok_or(InvalidAddress)?;
    if !found.trim_end_matches(' ').eq_ignore_ascii_case(keyword) {
        return Err(InvalidAddress);
    }
    let rest = rest.trim_start_matches(' ').strip_prefix('<').ok_or(InvalidAddress)?;
    if let Some(parameters) = rest.strip_prefix('>') {
        return Ok((None, separate(parameters)?));
    }
    let (local, rest) = local(without_route(rest)?)?;
    let (domain, rest) = rest.split_once('>').ok_or(InvalidAddress)?;
    if !is_domain(domain) {
        return Err(InvalidAddress);
    }
    Ok((Some(Mailbox { local, domain: domain.to_owned() }), separate(rest)?))
}

/// Parameters stand apart from the path.
fn separate(rest: &str) -> Result<&str, InvalidAddress> {
    if rest.is_empty() || rest.starts_with(' ') { Ok(rest) } else { Err(InvalidAddress) }
}

/// Hosts by which mail was once routed are to be understood and forgotten (RFC 5321 appendix C).
fn without_route(rest: &str) -> Result<&str, InvalidAddress> {
    if !rest.starts_with('@') {
        return Ok(rest);
    }
    let (route, rest) = rest.split_once(':').ok_or(InvalidAddress)?;
    let hosts = route.split(',').all(|host| host.strip_prefix('@').is_some_and(is_domain));
    if hosts { Ok(rest) } else { Err(InvalidAddress) }
}

/// The local part and what is behind `@`.
fn local(text: &str) -> Result<(String, &str), InvalidAddress> {
    let (local, rest) = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None => {
            let end =
                text.find(|character| !is_atext(character) && character != '.').ok_or(InvalidAddress)?;
            let (local, rest) = text.split_at_checked(end).ok_or(InvalidAddress)?;
            if local.split('.').any(str::is_empty) {
                return Err(InvalidAddress);
            }
            (local.to_owned(), rest)
        }
    };
    let rest = rest.strip_prefix('@').ok_or(InvalidAddress)?;
    if local.len() > LONGEST_LOCAL { Err(InvalidAddress) } else { Ok((local, rest)) }
}

fn is_atext(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character) || !character.is_ascii()
}

/// What stands in quotes, of which the first is gone, and the rest behind the second.
fn unquote(quoted: &str) -> Result<(String, &str), InvalidAddress> {
    let mut text = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next().ok_or(InvalidAddress)? {
            '"' => return Ok((text, characters.as_str())),
            '\\' => text.push(characters.next().ok_or(InvalidAddress)?),
            character => text.push(character),
        }
    }
}

/// A name of hosts, or an address literal.
fn is_domain(domain: &str) -> bool {
    if domain.len() > LONGEST_DOMAIN {
        return false;
    }
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return !literal.is_empty()
            && literal.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte));
    }
    domain.split('.').all(|label| {
        let letters =
            |character: char| character.is_ascii_alphanumeric() || character == '-' || !character.is_ascii();
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(letters)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to(argument: &str) -> Option<(String, String, String)> {
        let (mailbox, rest) = path(argument, "TO").ok()?;
        let mailbox = mailbox?;
        Some((mailbox.local, mailbox.domain, rest.to_owned()))
    }

    fn parts(local: &str, domain: &str, rest: &str) -> Option<(String, String, String)> {
        Some((local.to_owned(), domain.to_owned(), rest.to_owned()))
    }

    #[test]
    fn as_clients_write_them() {
        for (argument, expected) in [
            ("TO:<in+a/b@gate.example.com>", parts("in+a/b", "gate.example.com", "")),
            ("to: <a.b@localhost> NOTIFY=NEVER", parts("a.b", "localhost", " NOTIFY=NEVER")),
            ("TO:<\"in+two words\"@h>", parts("in+two words", "h", "")),
            (r#"TO:<"a\"b\\@c"@h>"#, parts(r#"a"b\@c"#, "h", "")),
            ("TO:<a@[127.0.0.1]>", parts("a", "[127.0.0.1]", "")),
            ("TO:<a@[IPv6:::1]>", parts("a", "[IPv6:::1]", "")),
            ("TO:<@one.test,@two.test:a@h>", parts("a", "h", "")),
            ("TO:<in+請求書@例え.jp>", parts("in+請求書", "例え.jp", "")),
        ] {
            assert_eq!(to(argument), expected, "{argument}");
        }
        assert_eq!(path("FROM:<> BODY=8BITMIME", "FROM"), Ok((None, " BODY=8BITMIME")));
    }

    #[test]
    fn what_is_no_address() {
        for argument in [
            "",
            "TO",
            "TO:",
            "TO:a@b",
            "TO:<a>",
            "TO:<a@>",
            "TO:<@b>",
            "TO:<a@b",
            "TO:<a@b>c",
            "TO:<a..b@c>",
            "TO:<.a@c>",
            "TO:<a.@c>",
            "TO:<a b@c>",
            "TO:<a@b@c>",
            "TO:<a@b..c>",
            "TO:<a@-b>",
            "TO:<a@b_c>",
            "TO:<\"a@b>",
            "TO:<\"a\"b@c>",
            "TO:<a@[]>",
            "TO:<a@[1]2>",
            "TO:<a@[b>c]>",
            "FROM:<a@b>",
            "TO:<@b:>",
            "TO:<@b,c:a@d>",
            "TO:<a\\b@c>",
            "TO:<a,b@c>",
        ] {
            assert_eq!(path(argument, "TO"), Err(InvalidAddress), "{argument}");
        }
        let long = |local: usize, domain: usize| format!("TO:<{}@{}>", "a".repeat(local), "b".repeat(domain));
        assert!(to(&long(LONGEST_LOCAL, LONGEST_DOMAIN)).is_some());
        assert!(to(&long(LONGEST_LOCAL + 1, 1)).is_none() && to(&long(1, LONGEST_DOMAIN + 1)).is_none());
    }

    proptest! {
        /// What another implementation takes for an address of the same kind, and only that, is one here, and the same.
        #[test]
        fn others_agree(local in "[ab.+/%\"\\\\ @<>,:-]{0,8}", domain in "[ab.@>-]{0,6}") {
            let argument = format!("TO:<{local}@{domain}>");
            let ours = path(&argument, "TO").ok().and_then(|(mailbox, rest)| mailbox.filter(|_| rest.is_empty()));
            let Some(ours) = ours else { return Ok(()) };
            let line = format!("RCPT {argument}\r\n");
            let theirs = smtp_proto::Request::parse(&mut line.as_bytes().iter());
            // It forgets quotes, so only what needs none can be compared.
            if !local.contains(['"', '@', ':']) {
                let is_same = matches!(&theirs, Ok(smtp_proto::Request::Rcpt { to }) if to.address == format!("{}@{}", ours.local, ours.domain));
                prop_assert!(is_same, "{argument}: {theirs:?}");
            }
        }

        #[test]
        fn any_text_is_taken_or_refused(argument in any::<String>()) {
            if let Ok((Some(mailbox), _)) = path(&argument, "TO") {
                prop_assert!(!mailbox.domain.contains(['@', '<', '>', ' ', '"', ',']));
            }
        }
    }
}
