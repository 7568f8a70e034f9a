//! The S3 door over real sockets, against the real trusted core with a memory store and a database in a temporary
//! directory.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod buckets;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod data_events;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod multipart;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod outsiders;
#[cfg(test)]
mod presigned;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod sts;
#[cfg(test)]
mod temporary;
#[cfg(test)]
mod users;
#[cfg(test)]
mod world;
