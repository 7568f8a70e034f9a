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
    /// The address of this door, as browsers reach it.
    pub(crate) web_address: String,
}

impl App {
    /// Whether browsers reach this door over https, so that cookies may be kept to it.
    pub(crate) fn is_secure(&self) -> bool {
        self.web_address.starts_with("https://")
    }
}
