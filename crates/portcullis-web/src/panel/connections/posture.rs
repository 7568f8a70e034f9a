//! How the site is as a whole, in words.

use portcullis_control::{Posture, ReviewReason};

use super::super::{format, words};

pub(super) struct PostureView {
    pub(super) storages: u64,
    pub(super) open: u64,
    pub(super) closed: u64,
    pub(super) restricted: u64,
    /// A storage that anybody may knock at: its id, its name, and how many more there are.
    pub(super) anywhere: Option<(String, String, u64)>,
    pub(super) used: String,
    pub(super) quota: Option<(String, u8)>,
    pub(super) not_measured: u64,
    pub(super) review: u64,
    pub(super) example: Option<Example>,
}

/// A key to look at.
pub(super) struct Example {
    pub(super) name: String,
    pub(super) reason: &'static str,
    /// Its page.
    pub(super) path: Option<String>,
}

impl PostureView {
    pub(super) fn of(posture: &Posture) -> Self {
        let quota = posture
            .quota_bytes
            .map(|quota| (format::size(quota), format::percent(posture.stored_bytes, quota)));
        let anywhere = posture.anywhere_example.as_ref();
        let example = posture.review.example.as_ref().map(|example| Example {
            name: example.name.to_string(),
            reason: reason(example.reason),
            path: Some(match &example.storage {
                Some((id, _)) => format!("/connections/{id}/keys/{}", example.key),
                None => format!("/api-keys/{}", example.key),
            }),
        });
        Self {
            storages: posture.storages,
            open: posture.open,
            closed: posture.storages.saturating_sub(posture.open),
            restricted: posture.restricted,
            anywhere: anywhere
                .map(|(id, name)| (id.to_string(), name.to_string(), posture.anywhere.saturating_sub(1))),
            used: format::size(posture.used_bytes),
            quota,
            not_measured: posture.not_measured,
            review: posture.review.any,
            example,
        }
    }
}

fn reason(reason: ReviewReason) -> &'static str {
    match reason {
        ReviewReason::WritesFromAnywhere => words::text("list.review.anywhere"),
        ReviewReason::SecretFound => words::text("list.review.leaked"),
        ReviewReason::Unused => words::text("list.review.unused"),
        ReviewReason::Expiring => words::text("list.review.expiring"),
    }
}
