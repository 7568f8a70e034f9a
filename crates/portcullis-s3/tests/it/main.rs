//! The S3 door over real sockets, against the real trusted core with a memory store and a database in a temporary
//! directory.

mod bodies;
mod buckets;
mod client;
mod forms;
mod listing;
mod multipart;
mod objects;
mod presigned;
mod refusals;
mod robustness;
mod world;
