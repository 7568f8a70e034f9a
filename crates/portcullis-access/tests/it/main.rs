//! The trusted core over the memory backend and a real SQLite database.

#[cfg(test)]
mod authentication;
#[cfg(test)]
mod background;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod channel_keys;
#[cfg(test)]
mod cutting;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod digests;
#[cfg(test)]
mod dropped;
#[cfg(test)]
mod home;
#[cfg(test)]
mod links;
#[cfg(test)]
mod overlap;
#[cfg(test)]
mod people;
#[cfg(test)]
mod public_keys;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod temporary;
#[cfg(test)]
mod world;
#[cfg(test)]
mod write_only;
#[cfg(test)]
mod written;
