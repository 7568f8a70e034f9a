//! Names of files made of whatever a client called them.

use unicode_normalization::UnicodeNormalization as _;

/// The longest name in bytes. ` (2)` finds room behind it wherever names have at most 255.
pub(super) const LONGEST: usize = 200;
/// The longest ending that is kept when a name is cut, its dot not counted.
const LONGEST_ENDING: usize = 16;

/// Devices that Windows finds in every folder, whatever comes after a dot.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// The name under which a file can be kept everywhere: the last part of a path, composed, without characters that mean something to a system or
/// cannot be seen, at most [`LONGEST`] bytes with its ending kept. None if nothing is left of it.
///
/// What comes out is left as it is when it comes in again.
pub(super) fn safe(raw: &str) -> Option<String> {
    raw.rsplit(['/', '\\']).find_map(component)
}

/// As [`safe`] for one part of a path.
fn component(raw: &str) -> Option<String> {
    let composed: String = raw.nfc().collect();
    // What is left out may have stood between a letter and its accent.
    let plain: String = composed.chars().filter(|sign| !is_unseen(*sign)).map(replaced).nfc().collect();
    let trimmed = plain.trim().trim_end_matches(is_end);
    let shown = trimmed.trim_start_matches(is_end);
    if shown.is_empty() {
        return None;
    }
    let mut name = String::with_capacity(shown.len() + 1);
    // A name that begins with a dot is hidden in many places.
    if shown.len() < trimmed.len() || is_device(shown) {
        name.push('_');
    }
    name.push_str(shown);
    without_escapes(&mut name);
    Some(shortened(&name))
}

/// With this ending, whatever letters it is written in.
pub(super) fn with_ending(name: &str, ending: &str) -> String {
    let has = name.rsplit_once('.').is_some_and(|(_, last)| last.eq_ignore_ascii_case(ending));
    if has { name.to_owned() } else { shortened(&format!("{name}.{ending}")) }
}

/// A dot or a blank: Windows drops these from the ends of names.
fn is_end(sign: char) -> bool {
    sign == '.' || sign.is_whitespace()
}

/// Marks that turn the direction of the text around them, and blanks of no width; not the joiners that scripts and emoji need.
fn is_unseen(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
    ) || matches!(sign, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn replaced(sign: char) -> char {
    match sign {
        '\t' | '\r' | '\n' => ' ',
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\' => '_',
        sign if sign.is_control() => '_',
        sign => sign,
    }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = ["COM", "LPT"].iter().find_map(|port| stem.strip_prefix(port));
    let mut number = numbered.unwrap_or_default().chars();
    let port = match (number.next(), number.next()) {
        (Some(digit), None) => digit.is_ascii_digit() || matches!(digit, '¹' | '²' | '³'),
        _ => false,
    };
    port || DEVICES.contains(&stem.as_str())
}

/// Takes the `%` from what a path would read as an escape ([`TreePath`](portcullis_files::TreePath)): nothing new is made under one.
fn without_escapes(name: &mut String) {
    let mut plain = String::with_capacity(name.len());
    for (at, sign) in name.char_indices() {
        let behind = name.get(at + 1..).unwrap_or_default();
        plain.push(if sign == '%' && begins_escape(behind) { '_' } else { sign });
    }
    *name = plain;
}

/// Whether `%` before this may be an escape: of a control character, a dot or `/`, or of another `%` before such.
fn begins_escape(behind: &str) -> bool {
    let mut rest = behind;
    while let Some(next) = rest.strip_prefix("25") {
        rest = next;
    }
    let mut digits = rest.bytes();
    matches!(
        (digits.next(), digits.next()),
        (Some(b'0' | b'1'), Some(b'0'..=b'9' | b'A'..=b'F')) | (Some(b'2'), Some(b'E' | b'F')) | (Some(b'7'), Some(b'F'))
    )
}

/// Cut to [`LONGEST`] bytes, before the ending.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    let ending = ending.filter(|ending| (1..=LONGEST_ENDING).contains(&ending.len()));
    let room = LONGEST - ending.map_or(0, |ending| ending.len() + 1);
    let stem = name.get(..name.floor_char_boundary(room)).unwrap_or_default();
    let stem = stem.trim_end_matches(is_end);
    match ending {
        Some(ending) => format!("{stem}.{ending}"),
        None => stem.to_owned(),
    }
}

/// The name of a part that says none.
pub(super) fn fallback(number: usize, kind: &str) -> String {
    format!("part-{number}.{}", ending_of(kind))
}

/// The ending that files of a media type mostly have.
fn ending_of(kind: &str) -> &'static str {
    match kind {
        "image/jpeg" | "image/jpg" | "image/pjpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "image/svg+xml" => "svg",
        "image/tiff" => "tif",
        "image/bmp" => "bmp",
        "image/heic" | "image/heif" => "heic",
        "audio/mpeg" => "mp3",
        "audio/wav" | "audio/x-wav" => "wav",
        "audio/ogg" => "ogg",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/amr" => "amr",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "video/3gpp" => "3gp",
        "application/pdf" => "pdf",
        "application/zip" | "application/x-zip-compressed" => "zip",
        "application/gzip" | "application/x-gzip" => "gz",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        "application/rtf" | "text/rtf" => "rtf",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.ms-powerpoint" => "ppt",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "application/vnd.oasis.opendocument.text" => "odt",
        "application/vnd.oasis.opendocument.spreadsheet" => "ods",
        "application/ms-tnef" | "application/vnd.ms-tnef" => "dat",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "p7m",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "p7s",
        "application/pgp-signature" | "application/pgp-encrypted" => "asc",
        "text/calendar" | "application/ics" => "ics",
        "text/vcard" | "text/x-vcard" | "text/directory" => "vcf",
        "text/csv" => "csv",
        "text/html" => "html",
        "message/rfc822" | "message/global" => "eml",
        kind if kind.starts_with("text/") || kind.starts_with("message/") => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        let japanese = "請求書 2026年11月.pdf";
        for (raw, kept) in [
            ("a.pdf", Some("a.pdf")),
            (japanese, Some(japanese)),
            ("../../etc/passwd", Some("passwd")),
            ("..\\..\\windows\\system32\\drivers\\etc\\hosts", Some("hosts")),
            ("C:\\Users\\me\\a b.docx", Some("a b.docx")),
            ("folder/", Some("folder")),
            ("folder/..", Some("folder")),
            ("/", None),
            ("", None),
            ("..", None),
            (" . . ", None),
            ("\u{202e}\u{feff}", None),
            (".htaccess", Some("_htaccess")),
            (". .x", Some("_x")),
            ("a.txt. . ", Some("a.txt")),
            ("  a  b  ", Some("a  b")),
            ("a\tb\r\nc", Some("a b  c")),
            ("a\0b\u{7f}c\u{85}d", Some("a_b_c_d")),
            ("<a>:\"b|c?*.txt", Some("_a___b_c__.txt")),
            ("invoice\u{202e}fdp.exe", Some("invoicefdp.exe")),
            ("zero\u{200b}width", Some("zerowidth")),
            ("me\u{301}.txt", Some("mé.txt")),
            ("me\u{200b}\u{301}.txt", Some("mé.txt")),
            ("👩\u{200d}💻.png", Some("👩\u{200d}💻.png")),
            ("con", Some("_con")),
            ("NUL.tar.gz", Some("_NUL.tar.gz")),
            ("com1 .txt", Some("_com1 .txt")),
            ("LPT³", Some("_LPT³")),
            ("com10.txt", Some("com10.txt")),
            ("console.txt", Some("console.txt")),
            ("100%.pdf", Some("100%.pdf")),
            ("Report%20final.pdf", Some("Report%20final.pdf")),
            ("%2E%2E", Some("_2E_2E")),
            ("a%2F", Some("a_2F")),
            ("a%252F", Some("a_252F")),
            ("a%0Ab%7F%1f", Some("a_0Ab_7F%1f")),
            ("-rf", Some("-rf")),
            ("~", Some("~")),
        ] {
            assert_eq!(safe(raw).as_deref(), kept, "{raw:?}");
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        let long = safe(&format!("{}.tar.gz", "é".repeat(300))).unwrap();
        assert!(long.len() <= LONGEST && long.ends_with("é.gz"), "{long}");
        let long = safe(&"a".repeat(300)).unwrap();
        assert_eq!(long, "a".repeat(LONGEST));
        let long = safe(&format!("a.{}", "b".repeat(300))).unwrap();
        assert_eq!(long.len(), LONGEST);
        assert_eq!(with_ending("Re_ offer", "eml"), "Re_ offer.eml");
        assert_eq!(with_ending("offer.EML", "eml"), "offer.EML");
        assert_eq!(with_ending(&"a".repeat(LONGEST), "eml").len(), LONGEST);
    }

    #[test]
    fn parts_without_a_name() {
        assert_eq!(fallback(3, "image/png"), "part-3.png");
        assert_eq!(fallback(1, "message/rfc822"), "part-1.eml");
        assert_eq!(fallback(1, "message/delivery-status"), "part-1.txt");
        assert_eq!(fallback(2, "application/x-anything"), "part-2.bin");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_name_is_safe(raw in prop_oneof!["\\PC{0,40}", "([./\\\\%025EFa ]|\u{202e}|\u{301}|\u{0}|com1|nul|é){0,12}", ".{150,260}"]) {
            let Some(name) = safe(&raw) else { return Ok(()) };
            prop_assert!(!name.is_empty() && name.len() <= LONGEST);
            prop_assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']));
            prop_assert!(!name.chars().any(|sign| sign.is_control() || is_unseen(sign)));
            prop_assert!(!name.starts_with('.') && !name.ends_with(is_end) && !name.starts_with(char::is_whitespace));
            prop_assert!(!is_device(&name));
            prop_assert!(name.nfc().eq(name.chars()));
            prop_assert_eq!(safe(&name), Some(name));
        }
    }
}
