//! Fields with parameters: `Content-Type`, `Content-Disposition` (RFC 2045, 2183), their values in the ways of RFC 2231 and in those of clients.

use std::collections::BTreeMap;

use super::words;

/// A field's value: what comes first, and the parameters behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// In lower case, without blanks at its ends.
    pub(super) main: String,
    /// By name in lower case; of several of one name the first.
    values: BTreeMap<String, Vec<u8>>,
}

impl Parameters {
    /// Reads a field that is unfolded.
    pub(super) fn read(field: &[u8]) -> Self {
        let (main, mut rest) = until(field, b';');
        let main = words::text(main).trim().to_ascii_lowercase();
        let mut values = BTreeMap::new();
        while !rest.is_empty() {
            let (name, behind) = until_any(rest, b"=;");
            let name = words::text(name).trim().to_ascii_lowercase();
            let Some(value) = behind.strip_prefix(b"=") else {
                rest = behind.get(1..).unwrap_or_default();
                continue;
            };
            let (value, behind) = read_value(value.trim_ascii_start());
            rest = behind;
            if !name.is_empty() {
                values.entry(name).or_insert(value);
            }
        }
        Self { main, values }
    }

    /// The text of a parameter. Where a client says it twice, the way that can say every name goes before the one for old readers.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let extended = self.values.get(&format!("{name}*")).map(|value| {
            let (charset, value) = charset_of(value);
            words::in_charset(&unescaped(value), &charset)
        });
        let plain = || self.values.get(name).map(|value| words::decode(&words::text(value)));
        extended.or_else(|| self.continued(name)).or_else(plain)
    }

    /// The bytes of a parameter as they stand there, for what is compared and never shown.
    pub(super) fn raw(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// A value in pieces: `name*0`, `name*1*`, …, of which those with `*` at the end have escapes.
    fn continued(&self, name: &str) -> Option<String> {
        let (mut bytes, mut charset) = (Vec::new(), None);
        for number in 0_u32.. {
            let plain = self.values.get(&format!("{name}*{number}"));
            match (self.values.get(&format!("{name}*{number}*")), plain) {
                (Some(escaped), _) => {
                    let mut value = escaped.as_slice();
                    if number == 0 {
                        let (label, behind) = charset_of(value);
                        (charset, value) = (Some(label), behind);
                    }
                    bytes.extend_from_slice(&unescaped(value));
                }
                (None, Some(plain)) => bytes.extend_from_slice(plain),
                (None, None) if number == 0 => return None,
                (None, None) => break,
            }
        }
        Some(match charset {
            Some(label) => words::in_charset(&bytes, &label),
            // Some clients cut encoded words into such pieces.
            None => words::decode(&words::text(&bytes)),
        })
    }
}

/// What stands before the first such byte, and what from it on; the byte itself stays where nobody asked for it.
fn until_any<'a>(bytes: &'a [u8], ends: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = bytes.iter().position(|byte| ends.contains(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

/// What stands before this byte, and what behind it.
fn until(bytes: &[u8], end: u8) -> (&[u8], &[u8]) {
    let (before, from) = until_any(bytes, &[end]);
    (before, from.get(1..).unwrap_or_default())
}

/// A value, in quotes or not, and what comes behind its `;`.
fn read_value(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(mut rest) = bytes.strip_prefix(b"\"") else {
        // Names with blanks come without quotes too.
        let (value, behind) = until(bytes, b';');
        return (value.trim_ascii().to_vec(), behind);
    };
    let mut value = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind.first()) {
            (b'"', _) => break,
            // Any other backslash is one of a path that nobody escaped.
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                value.push(*next);
                rest = behind.get(1..).unwrap_or_default();
            }
            (other, _) => value.push(*other),
        }
    }
    (value, until(rest, b';').1)
}

/// `charset'language'value`: the character set, and the value. Without both quotes everything is value.
fn charset_of(value: &[u8]) -> (String, &[u8]) {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(label), Some(_), Some(rest)) => (words::text(label), rest),
        _ => (String::new(), value),
    }
}

/// Escapes of `%` and two digits undone; what is none stands for itself.
fn unescaped(value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = if *first == b'%' { behind.first_chunk::<2>().and_then(words::hex) } else { None };
        if escaped.is_some() {
            rest = behind.get(2..).unwrap_or_default();
        }
        bytes.push(escaped.unwrap_or(*first));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_name(field: &[u8]) -> Option<String> {
        Parameters::read(field).get("filename")
    }

    #[test]
    fn as_clients_write_names() {
        for (field, meant) in [
            (&b"attachment; filename=a.pdf"[..], "a.pdf"),
            (b"attachment; FileName = \"a b.pdf\" ; size=3", "a b.pdf"),
            (b"attachment; filename=My report (2).pdf; size=3", "My report (2).pdf"),
            (b"attachment; filename=\"a;b\\\"c\\\\d.pdf\"", "a;b\"c\\d.pdf"),
            (b"attachment; filename=\"C:\\temp\\new.pdf\"", "C:\\temp\\new.pdf"),
            (b"attachment; filename=\"never closed.pdf", "never closed.pdf"),
            (b"attachment; filename=\"\"", ""),
            (b"attachment; filename=\"gr\xfcn.pdf\"", "grün.pdf"),
            ("attachment; filename=\"grün.pdf\"".as_bytes(), "grün.pdf"),
            (b"attachment; filename=\"=?utf-8?B?6KuL5rGC5pu4?= =?utf-8?Q?=2Epdf?=\"", "請求書.pdf"),
            (b"attachment; filename==?utf-8?Q?gr=C3=BCn.pdf?=", "grün.pdf"),
            (b"attachment; filename*=UTF-8''gr%C3%BCn%20%28x%29.pdf", "grün (x).pdf"),
            (b"attachment; filename*=iso-8859-1'de'gr%fcn.pdf", "grün.pdf"),
            (b"attachment; filename*=\"UTF-8''gr%C3%BCn.pdf\"", "grün.pdf"),
            (b"attachment; filename*=''gr%C3%BCn.pdf", "grün.pdf"),
            (b"attachment; filename*=gr%C3%BCn.pdf", "grün.pdf"),
            (b"attachment; filename*=UTF-8''100%.pdf", "100%.pdf"),
            (b"attachment; filename=\"old.pdf\"; filename*=UTF-8''new.pdf", "new.pdf"),
            (b"attachment; filename*=UTF-8''new.pdf; filename=\"old.pdf\"", "new.pdf"),
            // In pieces; a character in two of them, and pieces that come in any order.
            (b"attachment; filename*0=\"a \"; filename*1=b.pdf", "a b.pdf"),
            (b"attachment; filename*0*=UTF-8''gr%C3; filename*1*=%BCn; filename*2=%20.pdf", "grün%20.pdf"),
            (b"attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"),
            (b"attachment; filename*0=\"=?utf-8?Q?gr=C3\"; filename*1=\"=BCn?=.pdf\"", "grün.pdf"),
            (b"attachment; filename=first.pdf; filename=second.pdf", "first.pdf"),
            (b";;; filename=a.pdf;;", "a.pdf"),
        ] {
            assert_eq!(read_name(field).as_deref(), Some(meant), "{}", String::from_utf8_lossy(field));
        }
        for none in
            ["attachment", "attachment; filename", "", ";;=;", "attachment; filename*1=b", "a; name=x"]
        {
            assert_eq!(read_name(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn the_main_value() {
        assert_eq!(Parameters::read(b" Text/PLAIN ;charset=x").main, "text/plain");
        assert_eq!(Parameters::read(b"").main, "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn anything_is_read(field in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\;=*'%012"[..])], 0..60)) {
            let read = Parameters::read(&field);
            let _ = (read.get("filename"), read.get("a"), read.get(""));
        }

        /// What a client writes as the RFC says comes back, in one piece and in many.
        #[test]
        fn names_come_back(name in "\\PC{1,30}", width in 1_usize..8) {
            let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let whole = format!("attachment; filename*=utf-8''{escaped}");
            prop_assert_eq!(read_name(whole.as_bytes()), Some(name.clone()));
            let mut pieces = "attachment".to_owned();
            for (number, piece) in escaped.as_bytes().chunks(3 * width).enumerate() {
                let front = if number == 0 { "utf-8''" } else { "" };
                pieces.push_str(&format!("; filename*{number}*={front}{}", str::from_utf8(piece).unwrap()));
            }
            prop_assert_eq!(read_name(pieces.as_bytes()), Some(name));
        }

        #[test]
        fn as_mailparse_reads_them(name in "[a-z éü请;=\\\\\"]{0,20}", quoted in any::<bool>()) {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            let plain: String = name.chars().filter(|sign| sign.is_alphanumeric()).collect();
            let field = if quoted { format!("x; filename=\"{escaped}\"; a=b") } else { format!("x; filename={plain}; a=b") };
            let theirs = mailparse::parse_content_disposition(&field).params.get("filename").cloned();
            prop_assert_eq!(read_name(field.as_bytes()), theirs);
        }
    }
}
