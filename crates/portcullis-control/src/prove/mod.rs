//! A key proved: what a tool that has it would see, tried step by step over the key's own channel.
//!
//! The steps are the same wherever they run: within the server, in the name of a key that somebody looks after, or on the machine
//! where the key is used. What differs is the [`ProofDoor`] they go through.

mod act;
mod door;
mod promise;
mod s3;
mod steps;
mod within;

pub use act::{Act, Answer, Ask, ProofStep, Seen};
pub use door::{NoS3Door, S3Door, S3Reply, SignedS3};
pub use promise::Promise;
pub use s3::{S3Request, answer_of_s3};
pub use steps::{LEFT_BEHIND, Proof, ProofDoor, ProofPlan, prove};
pub use within::{KeyProof, ProofDraft};
