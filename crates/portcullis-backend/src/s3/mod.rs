//! The driver of remote buckets that speak S3.
//!
//! It passes on what the trait names and nothing else: no header, parameter or operation of a client's request reaches a
//! provider by itself. Keys are written as they are. What a provider answers is not believed: lengths, ranges, keys and
//! entity tags are compared with what was asked for, documents are read with bounds, redirects are not followed, and
//! addresses are checked when they are connected to.
//!
//! What a provider cannot do is refused, or done in another way that is as safe; see [`RemoteCapabilities`].

mod address;
mod backend;
mod book;
mod call;
mod check;
mod connect;
mod copy;
mod detect;
mod drivers;
mod endpoint;
mod fault;
mod gate;
mod headers;
mod iso;
mod list;
mod multipart;
mod names;
mod options;
mod read;
mod receiving;
mod sending;
mod tls;
mod uploads;
mod usage;
mod wire;
mod write;
mod xml;

pub use backend::S3Backend;
pub use check::{CheckName, CheckOptions, CheckStep};
pub use drivers::{ProviderDrivers, S3Drivers};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use gate::{HealthState, RemoteHealth};
pub use options::{
    InvalidRemote, Limits, ProviderCredentials, Remote, RemoteCapabilities, S3Options, Timeouts, split_bucket,
};
pub use tls::S3SetupError;
pub use usage::Inventory;
