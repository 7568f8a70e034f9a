//! Set-ups for tools, with a placeholder where the secret has to go.

use portcullis_control::KeyView;
use portcullis_control::setups::{S3Setup, Setup, for_s3};
use portcullis_domain::{Channel, Storage};

use super::rights;
use crate::app::App;

/// The set-ups for this key; none for one that is not for S3.
pub(super) fn of(app: &App, storage: &Storage, view: &KeyView) -> Vec<Setup> {
    let key = &view.key;
    if key.channel != Channel::S3 {
        return Vec::new();
    }
    for_s3(&S3Setup {
        s3_address: &app.s3_address,
        region: &storage.connection.region,
        bucket: Some(storage.bucket.as_str()),
        prefix: &key.prefix,
        access_key: key.credential,
        secret: None,
        permission: rights::both(storage.permission, key.permission),
    })
}
