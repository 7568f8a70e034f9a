//! Changing credentials: what the pages of connections and those of API keys have in common of it.

mod form;
mod overlap;

pub(super) use form::RotationForm;
pub(super) use overlap::{OverlapSection, chip, extend, stop};
