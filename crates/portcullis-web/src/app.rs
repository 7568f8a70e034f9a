//! What handlers share.

use portcullis_access::Access;
use portcullis_control::Control;

/// The state behind every handler.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) access: Access,
    pub(crate) control: Control,
    /// The address of the S3 door, as clients reach it.
    pub(crate) s3_address: String,
}
