//! What handlers take from a request. The signature is the rule: a handler that takes [`Admin`] is for admins.

mod auth;
mod id;
mod if_match;
mod json;
mod keeper;
mod query;

pub(crate) use auth::{Admin, Caller, Known, Stranger};
pub(crate) use id::{Id, Ids};
pub(crate) use json::{Json, LargeJson, OptionalJson, read_body};
pub(crate) use keeper::Keeper;
pub(crate) use query::{Limit, NameQuery, Params, from_text, parse as parse_query};
