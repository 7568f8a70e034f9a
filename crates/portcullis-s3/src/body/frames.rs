//! The frames of a body as they come off the connection.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use portcullis_access::BodyFault;
use portcullis_listener::{BodyError, RequestBody as ClientBody};

/// The data of a body, piece by piece.
#[derive(Debug)]
pub(crate) struct Frames(ClientBody);

impl Frames {
    /// The frames of a body.
    pub(crate) const fn new(client: ClientBody) -> Self {
        Self(client)
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// `Incomplete` if the client ended early, `Disconnected` if it stopped sending.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        loop {
            match self.0.frame().await {
                None => return Ok(None),
                // Trailers of HTTP itself have no meaning here; S3 has its own.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    Ok(_) | Err(_) => {}
                },
                Some(Err(BodyError::Stalled)) => return Err(BodyFault::Disconnected),
                Some(Err(BodyError::Broken(_))) => return Err(BodyFault::Incomplete),
            }
        }
    }
}
