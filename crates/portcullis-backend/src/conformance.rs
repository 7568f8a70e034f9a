//! The promise of the trait as a test suite.
