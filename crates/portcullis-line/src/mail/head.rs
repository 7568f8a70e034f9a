//! The header of a message or of a part, read for what is needed of it.

use super::params::Parameters;
use super::transfer::Transfer;
use super::{Damage, name, words};

/// The longest header, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;
/// A longer media type is none.
const LONGEST_KIND: usize = 127;
/// The longest boundary. The RFC says 70.
const LONGEST_BOUNDARY: usize = 256;

/// What a header says of the part under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The media type in lower case, always one: `text/plain`.
    pub(super) kind: String,
    /// The character set of a text, as it is called there.
    pub(super) charset: Option<String>,
    /// What divides the parts within it.
    pub(super) boundary: Option<Vec<u8>>,
    /// What the client called it, made safe.
    pub(super) name: Option<String>,
    /// Whether it is to be shown within the message, or nothing is said.
    pub(super) inline: bool,
    /// How it is encoded; none if nobody knows how.
    pub(super) transfer: Option<Transfer>,
}

/// What the header of the message itself says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Top {
    /// Decoded.
    pub(super) subject: String,
    /// As it was sent, at most 998 bytes.
    pub(super) message_id: String,
}

/// The fields of a header: name in lower case, and the value with its lines put together.
#[derive(Debug)]
pub(super) struct Fields(Vec<(Vec<u8>, Vec<u8>)>);

impl Fields {
    /// Reads a header block. Lines that are no field are passed over, as clients do.
    pub(super) fn read(block: &[u8]) -> Self {
        let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for line in block.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let folded = matches!(line.first(), Some(b' ' | b'\t'));
            if folded {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(b' ');
                    value.extend_from_slice(line.trim_ascii());
                }
                continue;
            }
            let Some(at) = line.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = line.split_at(at);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            fields.push((name.trim_ascii_end().to_ascii_lowercase(), value.to_vec()));
        }
        Self(fields)
    }

    /// The first field of this name.
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// What is said of the part. `usual` is what it is if nothing is said.
    pub(super) fn head(&self, usual: &str) -> Head {
        let content = self.get("content-type").map(Parameters::read).unwrap_or_default();
        let disposition = self.get("content-disposition").map(Parameters::read).unwrap_or_default();
        let transfer = self.get("content-transfer-encoding").map(words::text).unwrap_or_default();
        let name = disposition.get("filename").and_then(|name| name::safe(&name));
        let charset = content.get("charset");
        let charset = charset.and_then(|label| label.split_whitespace().next().map(str::to_owned));
        Head {
            kind: kind(&content.main, usual),
            charset: charset.filter(|label| label.len() <= 64 && label.bytes().all(is_token)),
            boundary: boundary(&content),
            name: name.or_else(|| content.get("name").and_then(|name| name::safe(&name))),
            inline: matches!(disposition.main.as_str(), "" | "inline"),
            transfer: Transfer::named(&transfer),
        }
    }

    /// What is said of the message.
    pub(super) fn top(&self) -> Top {
        let subject = self.get("subject").map(|value| words::decode(&words::text(value)));
        let message_id = self.get("message-id").map(words::text).unwrap_or_default();
        Top {
            subject: subject.unwrap_or_default(),
            message_id: message_id.get(..message_id.floor_char_boundary(998)).unwrap_or_default().to_owned(),
        }
    }
}

impl Head {
    /// Whether it holds parts rather than content.
    pub(super) fn is_multipart(&self) -> bool {
        self.kind.starts_with("multipart/")
    }

    /// The boundary of one that holds parts, as it stands at the beginning of a line.
    pub(super) fn delimiter(&self) -> Result<Vec<u8>, Damage> {
        let boundary = self.boundary.as_deref().unwrap_or_default();
        if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY {
            return Err(Damage::NoBoundary);
        }
        Ok([b"--", boundary].concat())
    }
}

/// The boundary as it stands there, blanks at its end left out: nothing of it is encoded, whatever it looks like.
fn boundary(content: &Parameters) -> Option<Vec<u8>> {
    let said = content.raw("boundary").map(<[u8]>::to_vec);
    let said = said.or_else(|| content.get("boundary").map(String::into_bytes));
    said.map(|boundary| boundary.trim_ascii_end().to_vec())
}

/// A media type that is one, else the usual.
fn kind(said: &str, usual: &str) -> String {
    // Clients of long ago say only `text`.
    match said.split_once('/') {
        _ if said.is_empty() || said == "text" => usual.to_owned(),
        Some((first, second)) if said.len() <= LONGEST_KIND && is_word(first) && is_word(second) => {
            said.to_owned()
        }
        Some(_) | None => "application/octet-stream".to_owned(),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token)
}

/// A character of a token (RFC 2045, 5.1).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(block: &str) -> Head {
        Fields::read(block.as_bytes()).head("text/plain")
    }

    #[test]
    fn what_is_said_of_a_part() {
        let all = head(concat!(
            "content-TYPE : Image/PNG;\r\n\tname=\"old.png\"\r\nno field\r\nX: y\r\n",
            "Content-Disposition: attachment;\r\n filename=\"new\r\n name.png\"\r\nContent-Transfer-Encoding:BASE64\r\n",
        ));
        assert_eq!((all.kind.as_str(), all.name.as_deref()), ("image/png", Some("new name.png")));
        assert_eq!((all.inline, all.transfer), (false, Some(Transfer::Base64)));
        let none = head("");
        assert_eq!((none.kind.as_str(), none.name, none.inline), ("text/plain", None, true));
        assert_eq!(none.transfer, Some(Transfer::Identity));
        assert_eq!(
            head("Content-Type: a/b; name=x\nContent-Disposition: inline; filename=\" \"\n").name.as_deref(),
            Some("x")
        );
        assert!(!head("Content-Disposition: anything").inline);
        assert_eq!(head("Content-Disposition: inline; filename=\"../..\"").name, None);
    }

    #[test]
    fn kinds() {
        for (said, kind) in [
            ("text/plain", "text/plain"),
            ("", "text/plain"),
            ("text", "text/plain"),
            ("APPLICATION/X-Thing+xml; a=b", "application/x-thing+xml"),
            ("nonsense", "application/octet-stream"),
            ("a/b/c", "application/octet-stream"),
            ("a/b\u{7f}", "application/octet-stream"),
            ("image/", "application/octet-stream"),
        ] {
            assert_eq!(head(&format!("Content-Type: {said}")).kind, kind, "{said}");
        }
        let folded = "Content-Type:\r\n text/plain;\r\n charset=\"utf-8\" (said twice)";
        assert_eq!(head(folded).charset.as_deref(), Some("utf-8"));
        assert_eq!(
            head("Content-Type: text/plain; charset=iso-8859-1 (old)").charset.as_deref(),
            Some("iso-8859-1")
        );
        assert_eq!(head("Content-Type: text/plain; charset=\"a\"; b\"").charset.as_deref(), Some("a"));
    }

    #[test]
    fn boundaries() {
        let of = |said: &str| head(&format!("Content-Type: multipart/mixed; boundary={said}")).delimiter();
        assert_eq!(of("\"=_a b:c\"").unwrap(), b"--=_a b:c");
        assert_eq!(of("\"a \"").unwrap(), b"--a");
        assert_eq!(of("x; boundary*0=ab; boundary*1=c").unwrap(), b"--x");
        assert_eq!(
            head("Content-Type: multipart/mixed; boundary*0=ab; boundary*1=c").delimiter().unwrap(),
            b"--abc"
        );
        assert_eq!(of("=?utf-8?Q?a?=").unwrap(), b"--=?utf-8?Q?a?=");
        assert_eq!(of(""), Err(Damage::NoBoundary));
        assert_eq!(of(&"a".repeat(300)), Err(Damage::NoBoundary));
    }

    #[test]
    fn what_is_said_of_the_message() {
        let top = Fields::read(
            "Subject: =?utf-8?Q?f=C3=BCr?=\r\n Rechnung\r\nMessage-Id: <a@b>\r\nMessage-Id: <c@d>".as_bytes(),
        )
        .top();
        assert_eq!((top.subject.as_str(), top.message_id.as_str()), ("für Rechnung", "<a@b>"));
        assert_eq!(Fields::read(b"").top(), Top::default());
    }
}
