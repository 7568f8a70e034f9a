//! The connection of a client, as seen by whoever may end it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// Says whether something still holds. Asked before each write, so it must not wait.
pub type Lease = Arc<dyn Fn() -> bool + Send + Sync>;

/// The connection on which a client waits for the answer to one request.
pub trait Line: fmt::Debug + Send + Sync {
    /// Ends the connection now: what the client has not received it does not receive, be it in a buffer of this process or of
    /// the system. `held` is dropped when nothing can leave or come any more. If the request was answered and the connection serves another,
    /// nothing happens but that.
    fn end(&self, held: Box<dyn Any + Send>);

    /// Binds what leaves on the connection, from now to its end, to a lease: once it does not hold, not one byte leaves, and the
    /// connection ends. The first lease stays.
    fn bind(&self, lease: Lease);
}
