//! Multipart bodies (RFC 2046) as they come: any number of parts, of which none is ever held whole.
//!
//! * [`Multipart`] knows boundaries and nothing else: where a part begins, its bytes, where it ends. What it holds is bounded by
//!   [`Limits`] and by the pieces that its source gives.
//! * [`Head`] holds the header fields of a part; [`FormField`] is what they mean in `multipart/form-data` (RFC 7578).
//! * [`ContentType`] and [`parameter`] read `kind; a=b; c="d"`. What a backslash means in quotes differs between browsers and
//!   RFC 9110, so whoever asks says whose words they are: [`Quoting`].
//!
//! It knows neither HTTP nor rights, so that the doors with forms and the one with SOAP share it.

mod content_type;
mod fault;
mod form;
mod head;
mod reader;

pub use content_type::{Boundary, ContentType, Quoting, parameter};
pub use fault::Fault;
pub use form::FormField;
pub use head::Head;
pub use reader::{Limits, Multipart};
