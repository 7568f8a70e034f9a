//! Every set-up that is shown for a key, done literally with the real tool: its file is written where it says, its commands are
//! run. It works as far as the key goes; and the same set-up with the credentials of a key that may less is refused, by
//! the tool's own attempt.

mod bench;
mod circle;
mod code;
mod forms;
mod mounts;
mod repositories;
