//! Runs the conformance suite through the driver for remote buckets against any S3-compatible bucket, each case under a
//! prefix of its own, and prints what the provider can do and what is broken. What it wrote stays in the bucket.
//!
//! ```sh
//! PROVIDER_SECRET=… cargo run -p portcullis-backend --example provider -- http://127.0.0.1:3900 garage BUCKET KEY_ID
//! ```
#![allow(clippy::print_stdout, reason = "that is what it is for")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that fails shall stop")]
#![allow(clippy::disallowed_methods, reason = "the secret must not be an argument")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_backend::Backend;
use portcullis_backend::conformance::suite;
use portcullis_backend::s3::{ProviderCredentials, Remote, RemoteCapabilities, S3Drivers, S3Options};
use portcullis_domain::{KeyPrefix, Provider, Secret, SystemClock};

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, region, bucket, access_key_id] = words.as_slice() else {
        println!("provider ENDPOINT REGION BUCKET ACCESS_KEY_ID, with the secret in PROVIDER_SECRET");
        return;
    };
    let secret = std::env::var("PROVIDER_SECRET").expect("PROVIDER_SECRET holds the secret access key");
    let anywhere = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()).to_vec();
    let options = S3Options { allow_private: anywhere, ..S3Options::default() };
    let drivers = S3Drivers::new(options, Arc::new(SystemClock)).unwrap();
    let remote = |prefix: &str, capabilities: RemoteCapabilities| Remote {
        endpoint: endpoint.parse().unwrap(),
        region: region.clone(),
        bucket: bucket.clone(),
        prefix: KeyPrefix::parse(prefix).unwrap(),
        path_style: true,
        provider: Provider::S3,
        credentials: ProviderCredentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: Secret::foreign(secret.clone()),
            capabilities,
        },
    };
    let found = drivers.connect(remote("", RemoteCapabilities::default())).detect().await.unwrap();
    println!("{found:#?}");
    let number = AtomicU32::new(0);
    let report = suite(async || {
        let prefix = format!("conformance-{}/", number.fetch_add(1, Ordering::Relaxed));
        let backend: Arc<dyn Backend> = drivers.connect(remote(&prefix, found));
        backend
    })
    .await;
    println!("skipped: {}", report.skipped.join(", "));
    println!("{report}");
}
