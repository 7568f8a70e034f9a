//! Whether a request is of now.

use crate::{AmzDate, Location, Presented};

/// How far the clocks of client and server may be apart, in seconds.
pub const MAX_SKEW_SECONDS: u32 = 900;

/// How long a presigned URL may live, in seconds: seven days.
pub const MAX_EXPIRES_SECONDS: u32 = 604_800;

/// Why a request is not of now. Times are Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Signed more than [`MAX_SKEW_SECONDS`] before or after now. `RequestTimeTooSkewed` (403), with both times and
    /// the allowed difference in the error document.
    #[error("The difference between the request time and the server's time is too large.")]
    TooSkewed {
        /// When the client says that it signed.
        request: AmzDate,
        /// The server's time.
        now: i64,
    },
    /// A presigned URL or form from the future. `AccessDenied` (403).
    #[error("Request is not valid yet")]
    NotYetValid {
        /// From when it is valid, by the client's clock.
        request: AmzDate,
        /// The server's time.
        now: i64,
    },
    /// A presigned URL or form whose time is over. `AccessDenied` (403).
    #[error("Request has expired")]
    Expired {
        /// The last second of its life.
        expires_at: i64,
        /// The server's time.
        now: i64,
    },
}

impl TimeError {
    /// The S3 error code; the status is always 403.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooSkewed { .. } => "RequestTimeTooSkewed",
            Self::NotYetValid { .. } | Self::Expired { .. } => "AccessDenied",
        }
    }
}

impl Presented<'_> {
    /// Compares the date of the request with the server's clock, `now` in Unix seconds.
    ///
    /// # Errors
    /// See [`TimeError`]. Check it after the signature, so that only a holder of the secret learns of it.
    pub fn check_time(&self, now: i64) -> Result<(), TimeError> {
        match self.location {
            Location::Header => {
                if self.date.unix().abs_diff(now) > u64::from(MAX_SKEW_SECONDS) {
                    return Err(TimeError::TooSkewed { request: self.date, now });
                }
                Ok(())
            }
            Location::Query { expires } => check_window(&self.date, expires, now),
        }
    }
}

/// Valid from [`MAX_SKEW_SECONDS`] before `date` to `lifetime` seconds after.
pub(crate) fn check_window(date: &AmzDate, lifetime: u32, now: i64) -> Result<(), TimeError> {
    if now < date.unix().saturating_sub(i64::from(MAX_SKEW_SECONDS)) {
        return Err(TimeError::NotYetValid { request: *date, now });
    }
    let expires_at = date.unix().saturating_add(i64::from(lifetime));
    if now > expires_at {
        return Err(TimeError::Expired { expires_at, now });
    }
    Ok(())
}
