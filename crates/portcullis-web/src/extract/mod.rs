//! What handlers take from a request. The signature is the rule: a handler that takes [`Admin`] is for admins.

mod auth;
mod id;
mod json;
mod query;

pub(crate) use auth::{Admin, Caller, Stranger};
pub(crate) use id::Id;
pub(crate) use json::{Json, OptionalJson};
pub(crate) use query::{Limit, Params, from_text};
