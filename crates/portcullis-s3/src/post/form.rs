//! `multipart/form-data` (RFC 7578): fields first, bounded, then the file as it comes.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use portcullis_access::BodyFault;
use portcullis_multipart::{ContentType, Fault, FormField, Limits, Multipart, Quoting};

use crate::body::Frames;
use crate::error::{Code, S3Error};

/// The most that all fields before the file have together, in bytes. Their sender is not known yet.
const MAX_FIELDS: usize = 64 * 1024;
const MAX_FIELD_COUNT: usize = 100;
const LIMITS: Limits = Limits { head: 4 * 1024, parts: MAX_FIELD_COUNT + 1 };

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
pub(crate) struct File(Multipart<BoxStream<'static, Result<Bytes, BodyFault>>>);

impl Form {
    /// Reads the fields up to the file.
    ///
    /// # Errors
    /// `MalformedPOSTRequest`, `MaxMessageLengthExceeded`, `InvalidArgument`.
    pub(crate) async fn read(frames: Frames, content_type: &str) -> Result<Self, S3Error> {
        let mut file = File::open(frames, content_type).ok_or(Code::MalformedPOSTRequest)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut room = MAX_FIELDS;
        loop {
            let field = file.next_field().await?;
            let name = field.name.ok_or(Code::MalformedPOSTRequest)?.to_ascii_lowercase();
            if name == "file" {
                let filename = field.filename.unwrap_or_default();
                return Ok(Self { fields, filename, content_type: field.content_type, file });
            }
            let value = file.value(room).await?;
            room = room.saturating_sub(value.len());
            if fields.len() == MAX_FIELD_COUNT || fields.iter().any(|(known, _)| *known == name) {
                return Err(S3Error::with(Code::InvalidArgument, "POST requires each field at most once."));
            }
            fields.push((name, value));
        }
    }
}

impl File {
    fn open(frames: Frames, content_type: &str) -> Option<Self> {
        let content_type = ContentType::new(content_type);
        let boundary =
            content_type.boundary(Quoting::Escaped).filter(|_| content_type.is("multipart/form-data"))?;
        let pieces = stream::try_unfold(frames, |mut frames| async move {
            Ok(frames.next().await?.map(|piece| (piece, frames)))
        });
        Some(Self(Multipart::new(Box::pin(pieces), &boundary, LIMITS)))
    }

    /// The next piece; none at the boundary.
    ///
    /// # Errors
    /// `Incomplete` if the boundary never comes, `Disconnected`.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        self.0.next_piece().await.map_err(|fault| match fault {
            Fault::Incomplete => BodyFault::Incomplete,
            Fault::Malformed | Fault::TooLong => BodyFault::Chunk,
            Fault::Source(fault) => fault,
        })
    }

    /// What the next part of the form is.
    async fn next_field(&mut self) -> Result<FormField, S3Error> {
        let head = self.0.next_part().await.map_err(|_| Code::MalformedPOSTRequest)?;
        let head = head.ok_or_else(|| {
            S3Error::with(Code::InvalidArgument, "POST requires exactly one file upload per request.")
        })?;
        FormField::of(&head, Quoting::Escaped).ok_or_else(|| Code::MalformedPOSTRequest.into())
    }

    /// The value of the present field.
    async fn value(&mut self, most: usize) -> Result<String, S3Error> {
        let mut value = Vec::new();
        while let Some(piece) = self.next().await.map_err(|_| Code::MalformedPOSTRequest)? {
            if piece.len() > most.saturating_sub(value.len()) {
                return Err(Code::MaxMessageLengthExceeded.into());
            }
            value.extend_from_slice(&piece);
        }
        String::from_utf8(value).map_err(|_| Code::MalformedPOSTRequest.into())
    }
}
