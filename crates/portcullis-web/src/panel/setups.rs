//! Set-ups for tools.

use portcullis_control::DEFAULT_REGION;
use portcullis_control::setups::{FileSetup, S3Setup, Setup, for_files, for_s3};
use portcullis_domain::{Channel, Key, Permission, Secret, Storage};

use crate::app::App;

/// The set-ups for this key of a storage, with a placeholder where no secret is given; none for one of the REST API.
pub(super) fn of(app: &App, storage: &Storage, key: &Key, secret: Option<&Secret>) -> Vec<Setup> {
    let permission = storage.permission.common(key.permission);
    make(app, Some((storage.bucket.as_str(), &storage.connection.region)), key, permission, secret)
}

/// The set-ups for this key of a user or of the site.
pub(super) fn of_several(app: &App, key: &Key, secret: Option<&Secret>) -> Vec<Setup> {
    make(app, None, key, key.permission, secret)
}

/// `storage` is bucket and region, if it is one.
fn make(
    app: &App,
    storage: Option<(&str, &str)>,
    key: &Key,
    permission: Permission,
    secret: Option<&Secret>,
) -> Vec<Setup> {
    match key.channel {
        Channel::S3 => for_s3(&S3Setup {
            s3_address: &app.s3_address,
            region: storage.map_or(DEFAULT_REGION, |(_, region)| region),
            bucket: storage.map(|(bucket, _)| bucket),
            prefix: &key.prefix,
            access_key: key.credential,
            secret,
            permission,
        }),
        Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email => for_files(&FileSetup {
            web_address: &app.web_address,
            doors: &app.doors,
            channel: key.channel,
            user: key.user_name(),
            secret,
            bucket: storage.map(|(bucket, _)| bucket),
            prefix: &key.prefix,
            permission,
            public_keys: !key.public_keys.is_empty(),
        }),
        Channel::Rest => Vec::new(),
    }
}
