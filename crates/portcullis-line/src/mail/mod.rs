//! From a message to files: what a mail that has come whole holds is stored, all of it or nothing.
//!
//! A message is read twice. The first time it is divided, and everything that will be stored is read to its end: damage, bounds and names are
//! known before anything is begun. The second time its files are decoded and stored, piece by piece; a message of any size takes the same memory.
//!
//! | what | where |
//! |---|---|
//! | lines; which bytes are the content of which part | `lines`, `split` |
//! | headers, their parameters, encoded words | `head`, `params`, `words` |
//! | transfer encodings, character sets | `transfer`, `charset` |
//! | which parts are files, and what they are called | `plan`, `name` |
//! | the folder | `folder` |
//! | both passes | `prepare`; `read`, `deliver` |
//!
//! All but the last two rows is text in, text out. Readers of mail for clients forgive damage and show what they can; here a file that is not what was
//! sent is worse than none, so they are not used.

mod charset;
mod deliver;
mod fault;
mod folder;
mod head;
mod lines;
mod name;
mod params;
mod plan;
mod prepare;
mod read;
mod split;
mod transfer;
#[cfg(test)]
mod whole;
mod words;

pub use deliver::{Context, Delivered, Envelope, Spooled, deliver};
pub use fault::{Damage, MailFault};
pub use folder::{InvalidFolder, folder_of_tag};
