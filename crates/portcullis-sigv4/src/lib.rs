//! AWS Signature Version 4: canonical form, signing and verification, pure
