//! The S3 protocol: parse, grant, render
