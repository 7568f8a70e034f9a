//! Set-ups for tools.

use portcullis_control::setups::{S3Setup, Setup, for_s3};
use portcullis_domain::{Channel, Key, Secret, Storage};

use crate::app::App;

/// The set-ups for this key, with a placeholder where no secret is given; none for one that is not for S3.
pub(super) fn of(app: &App, storage: &Storage, key: &Key, secret: Option<&Secret>) -> Vec<Setup> {
    if key.channel != Channel::S3 {
        return Vec::new();
    }
    for_s3(&S3Setup {
        s3_address: &app.s3_address,
        region: &storage.connection.region,
        bucket: Some(storage.bucket.as_str()),
        prefix: &key.prefix,
        access_key: key.credential,
        secret,
        permission: storage.permission.common(key.permission),
    })
}
