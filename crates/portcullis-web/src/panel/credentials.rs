//! The page that shows a secret once.
