//! `multipart/form-data` (RFC 7578) as it comes: any number of files, of which none is ever held whole.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use memchr::memmem;
use portcullis_access::BodyFault;

/// The longest head of a part.
const MAX_HEAD: usize = 4 * 1024;
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

/// A form of which parts are read one after the other.
pub(super) struct Form {
    body: BodyDataStream,
    buffer: BytesMut,
    delimiter: Vec<u8>,
    /// Whether bytes of the present part may still come.
    in_part: bool,
}

/// The head of a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The name that the browser gave the file; none for a field that is no file.
    pub(super) filename: Option<String>,
    /// The content type that the browser gave it.
    pub(super) content_type: Option<String>,
}

impl Form {
    /// The form in this body; none if the content type is not one.
    pub(super) fn new(content_type: &str, body: Body) -> Option<Self> {
        let boundary = boundary(content_type)?;
        // The first boundary has no line break before it; with one of our own it looks like the others.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Some(Self { body: body.into_data_stream(), buffer, delimiter, in_part: true })
    }

    /// The head of the next part, past whatever is left of the present one; none at the end.
    ///
    /// # Errors
    /// The form is cut off, or is none.
    pub(super) async fn next_part(&mut self) -> Result<Option<Head>, BodyFault> {
        while self.next_piece().await?.is_some() {}
        // What follows a boundary: the end, or a line break and a head.
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        loop {
            if let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(at.saturating_add(4));
                let head = str::from_utf8(&head).ok().and_then(parse_head).ok_or(BodyFault::Chunk)?;
                self.in_part = true;
                return Ok(Some(head));
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(BodyFault::Chunk);
            }
            self.fill().await?;
        }
    }

    /// The next piece of the present part; none at its end.
    ///
    /// # Errors
    /// `Incomplete` if the boundary never comes, `Disconnected`.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, BodyFault> {
        while self.in_part {
            if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                self.in_part = false;
                let piece = self.buffer.split_to(at).freeze();
                drop(self.buffer.split_to(self.delimiter.len()));
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
        match self.body.next().await {
            Some(Ok(piece)) => self.buffer.extend_from_slice(&piece),
            Some(Err(_)) => return Err(BodyFault::Disconnected),
            None => return Err(BodyFault::Incomplete),
        }
        Ok(())
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
            head.filename = parameter(parameters, "filename");
            named = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            head.content_type = Some(value.trim().to_owned());
        }
    }
    named.then_some(head)
}

/// The value of a parameter in `a=b; c="d"`. A browser writes `%22` for a quotation mark and leaves backslashes alone (HTML,
/// "multipart/form-data encoding"); curl writes a backslash before either.
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
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value.replace("%22", "\""), quoted.get(at + 1..)?)),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const KIND: &str = "multipart/form-data; boundary=XX";

    fn form(text: &str, piece: usize) -> Form {
        let pieces: Vec<_> = text.as_bytes().chunks(piece).map(Bytes::copy_from_slice).collect();
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
        Form::new(KIND, body).unwrap()
    }

    async fn read(text: &str, piece: usize) -> Result<Vec<(Option<String>, String)>, BodyFault> {
        let (mut form, mut parts) = (form(text, piece), Vec::new());
        while let Some(head) = form.next_part().await? {
            let mut value = Vec::new();
            while let Some(piece) = form.next_piece().await? {
                value.extend_from_slice(&piece);
            }
            parts.push((head.filename, String::from_utf8(value).unwrap()));
        }
        Ok(parts)
    }

    const TWO: &str = "--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
        one\r\n--X\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\r\n\r\n--XX--\r\nafter";

    #[tokio::test]
    async fn parts_come_whole_however_they_are_cut() {
        for piece in [1, 2, 3, 7, 64, 4096] {
            let parts = read(TWO, piece).await.unwrap();
            let wanted = [(None, "hello"), (Some("a.txt"), "one\r\n--X\r\n"), (Some(""), "")];
            let wanted = wanted.map(|(name, value)| (name.map(str::to_owned), value.to_owned()));
            assert_eq!(parts, wanted, "{piece}");
        }
    }

    #[tokio::test]
    async fn a_part_that_is_not_read_is_passed_over() {
        let mut form = form(TWO, 5);
        let mut names = Vec::new();
        while let Some(head) = form.next_part().await.unwrap() {
            names.push(head.filename);
        }
        assert_eq!(names, [None, Some("a.txt".to_owned()), Some(String::new())]);
    }

    #[tokio::test]
    async fn what_is_cut_off_is_said() {
        for (at, _) in TWO.char_indices().filter(|(at, _)| *at < TWO.find("--XX--").unwrap() + 6) {
            assert_eq!(read(TWO.get(..at).unwrap(), 16).await, Err(BodyFault::Incomplete), "{at}");
        }
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        let long =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", "a".repeat(2 * MAX_HEAD));
        for wrong in [
            "--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--",
            "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--XX--",
            "--XXyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX--",
            long.as_str(),
        ] {
            assert_eq!(read(wrong, 64).await, Err(BodyFault::Chunk), "{wrong}");
        }
        assert_eq!(read("", 1).await, Err(BodyFault::Incomplete));
    }

    #[test]
    fn boundaries() {
        assert_eq!(boundary("multipart/form-data; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("Multipart/Form-Data;charset=utf-8; Boundary=\"a;b\"").as_deref(), Some("a;b"));
        let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
        for wrong in [
            "",
            "multipart/form-data",
            "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=",
            &long,
        ] {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn names_as_browsers_and_tools_write_them() {
        for (text, name) in [
            ("name=\"f\"; filename=\"a b.txt\"", "a b.txt"),
            ("name=f; filename=a.txt", "a.txt"),
            ("filename=\"say %22hi%22.txt\"", "say \"hi\".txt"),
            ("filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"),
            ("filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"),
        ] {
            assert_eq!(parameter(text, "filename").as_deref(), Some(name), "{text}");
        }
        assert_eq!(parameter("filename=\"a", "filename"), None);
    }
}
