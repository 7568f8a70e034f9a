//! Uploads from HTML forms (S3 reference, "Browser-based uploads using POST"): the form and its policy.

mod form;
mod policy;

pub(crate) use form::{File, Form};
pub(crate) use policy::Policy;
