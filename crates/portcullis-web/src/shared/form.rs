//! `multipart/form-data` (RFC 7578) as it comes: any number of files, of which none is ever held whole.

use axum::body::Body;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use portcullis_access::BodyFault;
use portcullis_multipart::{ContentType, Fault, FormField, Limits, Multipart, Quoting};

/// Fields that are no files are passed over; this many of anything is no form that somebody filled in.
const LIMITS: Limits = Limits { head: 4 * 1024, parts: 1_000 };

/// A form of which parts are read one after the other.
pub(super) struct Form(Multipart<BoxStream<'static, Result<Bytes, BodyFault>>>);

impl Form {
    /// The form in this body; none if the content type is not one.
    pub(super) fn new(content_type: &str, body: Body) -> Option<Self> {
        let content_type = ContentType::new(content_type);
        let boundary =
            content_type.boundary(Quoting::Browser).filter(|_| content_type.is("multipart/form-data"))?;
        let pieces = body.into_data_stream().map_err(|_| BodyFault::Disconnected);
        Some(Self(Multipart::new(Box::pin(pieces), &boundary, LIMITS)))
    }

    /// The next field, past whatever is left of the present one; none at the end.
    ///
    /// # Errors
    /// The form is cut off, or is none.
    pub(super) async fn next_field(&mut self) -> Result<Option<FormField>, BodyFault> {
        let Some(head) = self.0.next_part().await.map_err(fault)? else { return Ok(None) };
        FormField::of(&head, Quoting::Browser).map(Some).ok_or(BodyFault::Chunk)
    }

    /// The next piece of the present field; none at its end.
    ///
    /// # Errors
    /// `Incomplete` if the boundary never comes, `Disconnected`.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, BodyFault> {
        self.0.next_piece().await.map_err(fault)
    }
}

fn fault(fault: Fault<BodyFault>) -> BodyFault {
    match fault {
        Fault::Incomplete => BodyFault::Incomplete,
        Fault::Malformed | Fault::TooLong => BodyFault::Chunk,
        Fault::Source(fault) => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    const KIND: &str = "multipart/form-data; boundary=XX";

    async fn read(text: &str) -> Result<Vec<(Option<String>, String)>, BodyFault> {
        let pieces: Vec<_> = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        let body = Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
        let (mut form, mut fields) = (Form::new(KIND, body).unwrap(), Vec::new());
        while let Some(field) = form.next_field().await? {
            let mut value = Vec::new();
            while let Some(piece) = form.next_piece().await? {
                value.extend_from_slice(&piece);
            }
            fields.push((field.filename, String::from_utf8(value).unwrap()));
        }
        Ok(fields)
    }

    const TWO: &str = "--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
        --XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\\b%22.txt\"\r\nContent-Type: text/plain\r\n\r\n\
        one\r\n--X\r\n\r\n--XX\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\r\n\r\n--XX--\r\nafter";

    #[tokio::test]
    async fn fields_with_names_as_browsers_write_them() {
        let wanted = [(None, "hello"), (Some("a\\b\".txt"), "one\r\n--X\r\n"), (Some(""), "")];
        let wanted = wanted.map(|(name, value)| (name.map(str::to_owned), value.to_owned()));
        assert_eq!(read(TWO).await.unwrap(), wanted);
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        let many = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(1_001);
        let long = format!("--XX\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", "a".repeat(9_000));
        for wrong in [
            "--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--",
            "--XX\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--XX--",
            "--XXyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX--",
            long.as_str(),
            many.as_str(),
        ] {
            assert_eq!(read(wrong).await, Err(BodyFault::Chunk), "{wrong}");
        }
        for cut in ["", "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX"] {
            assert_eq!(read(cut).await, Err(BodyFault::Incomplete), "{cut}");
        }
        for kind in ["", "multipart/mixed; boundary=a", "multipart/form-data", "text/plain"] {
            assert!(Form::new(kind, Body::empty()).is_none(), "{kind}");
        }
    }
}
