//! `multipart/form-data` (RFC 7578), read piece by piece: fields first, bounded, then the file as it comes.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use portcullis_access::BodyFault;

use crate::body::Frames;
use crate::error::{Code, S3Error};

/// The most that all fields before the file have together, in bytes. Their sender is not known yet.
const MAX_FIELDS: usize = 64 * 1024;
const MAX_FIELD_COUNT: usize = 100;
/// The longest head of a part.
const MAX_HEAD: usize = 4 * 1024;
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// The fields of a form, in the order sent, names in lower case, each once; and its file, of which nothing was read.
pub(crate) struct Form {
    /// Names and values.
    pub(crate) fields: Vec<(String, String)>,
    /// The name that the browser gave the file.
    pub(crate) filename: String,
    /// The content type that the browser gave the file.
    pub(crate) content_type: Option<String>,
    /// The bytes.
    pub(crate) file: File,
}

/// The bytes of a form's file, up to the boundary.
pub(crate) struct File {
    frames: Frames,
    buffer: BytesMut,
    delimiter: Vec<u8>,
    ended: bool,
}

/// The head of a part.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
}

impl Form {
    /// Reads the fields up to the file.
    ///
    /// # Errors
    /// `MalformedPOSTRequest`, `MaxMessageLengthExceeded`, `InvalidArgument`.
    pub(crate) async fn read(frames: Frames, content_type: &str) -> Result<Self, S3Error> {
        let boundary = boundary(content_type).ok_or(Code::MalformedPOSTRequest)?;
        // The first boundary has no line break before it; with one of our own it looks like the others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let mut file =
            File { frames, buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), ended: false };
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut room = MAX_FIELDS;
        file.until_delimiter(MAX_HEAD).await?;
        loop {
            let head = file.head().await?;
            if head.name.eq_ignore_ascii_case("file") {
                let filename = head.filename.unwrap_or_default();
                return Ok(Self { fields, filename, content_type: head.content_type, file });
            }
            let value = file.until_delimiter(room).await?;
            room = room.saturating_sub(value.len());
            let value = String::from_utf8(value.to_vec()).map_err(|_| Code::MalformedPOSTRequest)?;
            let name = head.name.to_ascii_lowercase();
            if fields.len() == MAX_FIELD_COUNT || fields.iter().any(|(known, _)| *known == name) {
                return Err(S3Error::with(Code::InvalidArgument, "POST requires each field at most once."));
            }
            fields.push((name, value));
        }
    }
}

impl File {
    /// The next piece; none at the boundary.
    ///
    /// # Errors
    /// `Incomplete` if the boundary never comes, `Disconnected`.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        while !self.ended {
            if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                self.ended = true;
                let piece = self.buffer.split_to(at).freeze();
                return Ok(Some(piece).filter(|piece| !piece.is_empty()));
            }
            // What might be the beginning of the boundary stays.
            let safe = self.buffer.len().saturating_sub(self.delimiter.len());
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.fill().await?;
        }
        Ok(None)
    }

    async fn fill(&mut self) -> Result<(), BodyFault> {
        let piece = self.frames.next().await?.ok_or(BodyFault::Incomplete)?;
        self.buffer.extend_from_slice(&piece);
        Ok(())
    }

    async fn fill_field(&mut self) -> Result<(), S3Error> {
        self.fill().await.map_err(|_| Code::MalformedPOSTRequest.into())
    }

    /// Everything up to the next boundary, which is taken too.
    async fn until_delimiter(&mut self, most: usize) -> Result<Bytes, S3Error> {
        loop {
            if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                if at > most {
                    return Err(Code::MaxMessageLengthExceeded.into());
                }
                let found = self.buffer.split_to(at).freeze();
                drop(self.buffer.split_to(self.delimiter.len()));
                return Ok(found);
            }
            if self.buffer.len() > most.saturating_add(self.delimiter.len()) {
                return Err(Code::MaxMessageLengthExceeded.into());
            }
            self.fill_field().await?;
        }
    }

    /// The head of the part that begins here.
    async fn head(&mut self) -> Result<Head, S3Error> {
        loop {
            if self.buffer.starts_with(b"--") {
                return Err(S3Error::with(
                    Code::InvalidArgument,
                    "POST requires exactly one file upload per request.",
                ));
            }
            if let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(at.saturating_add(4));
                let text = str::from_utf8(&head).map_err(|_| Code::MalformedPOSTRequest)?;
                return parse_head(text).ok_or_else(|| Code::MalformedPOSTRequest.into());
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(Code::MalformedPOSTRequest.into());
            }
            self.fill_field().await?;
        }
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    ((1..=MAX_BOUNDARY).contains(&boundary.len()) && boundary.is_ascii()).then_some(boundary)
}

fn parse_head(text: &str) -> Option<Head> {
    let mut head = Head::default();
    let mut named = false;
    for line in text.strip_prefix("\r\n")?.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") {
            let (kind, parameters) = value.split_once(';')?;
            if !kind.trim().eq_ignore_ascii_case("form-data") || named {
                return None;
            }
            head.name = parameter(parameters, "name")?;
            head.filename = parameter(parameters, "filename");
            named = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            head.content_type = Some(value.trim().to_owned());
        }
    }
    named.then_some(head)
}

/// The value of a parameter in `a=b; c="d"`. In quotes, a backslash makes the next character ordinary (RFC 9110
/// section 5.6.4).
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.trim().to_owned(), after)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.trim_start().strip_prefix(';').unwrap_or_default().trim_start();
    }
    None
}

fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn boundaries() {
        let read = |text: &str| boundary(text);
        assert_eq!(read("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(read("Multipart/Form-Data;charset=utf-8; Boundary=\"a;b\"").as_deref(), Some("a;b"));
        let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
        for wrong in [
            "",
            "multipart/form-data",
            "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=",
            &long,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn heads() {
        let head = parse_head(
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n",
        );
        let head = head.unwrap();
        assert_eq!(head.name, "file");
        assert_eq!(head.filename.as_deref(), Some("a \"b\".txt"));
        assert_eq!(head.content_type.as_deref(), Some("text/plain"));
        for wrong in [
            "",
            "\r\n\r\n",
            "\r\nContent-Disposition: form-data\r\n\r\n",
            "\r\nContent-Disposition: attachment; name=a\r\n\r\n",
        ] {
            assert_eq!(parse_head(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn parameters_never_panic(text in "[a-z=;\"\\\\ é]{0,40}") {
            drop(parameter(&text, "a"));
            drop(parse_head(&text));
        }
    }
}
