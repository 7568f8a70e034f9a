//! Keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::{self, FileSetup, S3Setup, Setup};
use portcullis_control::{
    CreatedKey, CreatedKeys, DEFAULT_REGION, KeyChange, KeyDraft, KeyQuery, Rotation, TemporaryDraft,
};
use portcullis_domain::{Channel, KeyId, StorageId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, json, ok, told_once};
use crate::app::App;
use crate::dto::{
    CreatedKeyOut, DeletedOut, Items, KeyIn, KeyOut, KeyPatch, ReceiptDto, RotationIn, S3KeyOut, TemporaryIn,
    TemporaryOut, named_credentials, page_of, request_of,
};
use crate::etag::{self, IfMatch, tagged};
use crate::extract::{Id, Json, Keeper, Limit, OptionalJson, Params, from_text};
use crate::problem::{Problem, Result};

/// Which keys to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysQuery {
    /// Only those for the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only those of the user with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    user: Option<UserId>,
    /// Only those of this channel.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    channel: Option<Channel>,
    /// Only those whose name, user name or access key contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The keys of the site, the oldest first: all of them for admins, for everybody else their own.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", operation_id = "listKeys", params(KeysQuery),
    responses((status = 200, description = "A page of them.", body = Items<KeyOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Params(query): Params<KeysQuery>,
) -> Result<Response> {
    let KeysQuery { storage, user, channel, search, limit, cursor } = query;
    let (page, query) =
        (request_of(limit, cursor), KeyQuery { storage, user, channel, search, ..KeyQuery::default() });
    let found = keeper.keys(&app.control, query, &page).await?;
    ok(&page_of(found, KeyOut::from))
}

/// Make a key. Its secret is in this answer and in no other, ever. Who is no admin makes keys for themselves only (`channel` `rest` or
/// `s3`, `scope` `{"user": own id}`), if the site lets them.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys", operation_id = "createKey", request_body = KeyIn,
    responses((status = 201, description = "Made. Store the secret now.", body = CreatedKeyOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Json(given): Json<KeyIn>,
) -> Result<Response> {
    let with_s3 = given.with_s3();
    let draft = KeyDraft::from(given);
    let CreatedKeys { key, s3 } =
        keeper.create(&app.control, &draft, with_s3).await.map_err(named_credentials)?;
    let at = format!("/api/v1/keys/{}", key.view.key.id);
    let tag = etag::of(&key.view.key);
    let s3 = s3.map(|made| {
        let CreatedKeyOut { key, secret, setup, .. } = with_secret(&app, made);
        S3KeyOut { key, secret: secret.unwrap_or_default(), setup }
    });
    let made = CreatedKeyOut { s3, ..with_secret(&app, key) };
    Ok(tagged(told_once(created(&at, &made)?), &tag))
}

/// Give a key a new secret, and a new access key if it is not to stay. Everything else of it stays. Without an overlap nothing is
/// admitted under the old ones when this returns, neither what was signed with them beforehand, and transfers under way under them
/// have ended. With one they work beside the new for a while; there is one overlap at a time (409 `overlap-runs`).
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/rotate", tag = "keys", operation_id = "rotateKey",
    params(("id" = String, Path, description = "The key.")), request_body = Option<RotationIn>,
    responses((status = 200, description = "The key, as it is now. Store the secret now.", body = CreatedKeyOut))
)]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
    OptionalJson(given): OptionalJson<RotationIn>,
) -> Result<Response> {
    let rotation = Rotation::from(given);
    let rotated = keeper.rotate_if(&app.control, id, &rotation, |now| seen.holds(now)).await;
    let rotated = rotated.map_err(named_credentials)?;
    let rotated = rotated.ok_or_else(Problem::changed)?;
    let tag = etag::of(&rotated.view.key);
    let receipt = Some(ReceiptDto::from(&rotated.receipt));
    let out = CreatedKeyOut { receipt, ..with_secret(&app, rotated.into_value()) };
    Ok(tagged(ok(&out)?, &tag))
}

fn with_secret(app: &App, made: CreatedKey) -> CreatedKeyOut {
    let CreatedKey { view, secret, storage } = made;
    let key = &view.key;
    let bucket = storage.as_ref().map(|storage| storage.bucket.as_str());
    let bearer = secret.as_ref().filter(|_| matches!(key.channel, Channel::Rest | Channel::Http));
    let bearer = bearer.map(|secret| format!("{}.{}", key.credential, secret.reveal()));
    let setups = match key.channel {
        Channel::Rest => bearer.as_deref().map(setups::for_rest).unwrap_or_default(),
        Channel::S3 => setups::for_s3(&S3Setup {
            s3_address: &app.s3_address,
            region: storage.as_ref().map_or(DEFAULT_REGION, |storage| &storage.connection.region),
            bucket,
            prefix: &key.prefix,
            access_key: key.credential,
            secret: secret.as_ref(),
            permission: key.permission,
        }),
        Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email => {
            setups::for_files(&FileSetup {
                web_address: &app.web_address,
                doors: &app.doors,
                channel: key.channel,
                user: key.user_name(),
                secret: secret.as_ref(),
                bucket,
                prefix: &key.prefix,
                permission: key.permission,
                public_keys: !key.public_keys.is_empty(),
            })
        }
    };
    CreatedKeyOut {
        secret: secret.as_ref().map(|secret| secret.reveal().to_owned()),
        bearer,
        bucket_name: bucket.map(str::to_owned),
        s3_address: app.s3_address.clone(),
        addresses: addresses(app, key.channel),
        setup: texts(setups),
        key: view.into(),
        s3: None,
        receipt: None,
    }
}

/// Where a key of this channel is used.
fn addresses(app: &App, channel: Channel) -> BTreeMap<&'static str, String> {
    let web = app.web_address.trim_end_matches('/');
    let doors = &app.doors;
    let named: Vec<(&'static str, Option<String>)> = match channel {
        Channel::S3 => vec![("s3", Some(app.s3_address.clone()))],
        Channel::Rest => vec![("rest", Some(format!("{web}/api/v1")))],
        Channel::Http => vec![("files", Some(format!("{web}/files/"))), ("dav", Some(format!("{web}/dav/")))],
        Channel::Ftp => vec![
            ("ftp", doors.ftp.as_ref().map(|door| door.address.clone())),
            ("ftps", doors.ftps.clone()),
            ("sftp", doors.sftp.as_ref().map(|door| door.address.clone())),
        ],
        Channel::WebService => vec![("soap", Some(format!("{web}/soap")))],
        Channel::Email => vec![
            ("smtp", doors.smtp.clone()),
            ("smtps", doors.smtps.clone()),
            ("mail", (!doors.mail_domain.is_empty()).then(|| format!("files@{}", doors.mail_domain))),
        ],
    };
    named.into_iter().filter_map(|(name, address)| Some((name, address?))).collect()
}

fn texts(setups: Vec<Setup>) -> BTreeMap<&'static str, String> {
    setups.into_iter().map(|mut setup| (setup.tool, std::mem::take(&mut *setup.text))).collect()
}

/// Make temporary credentials of an S3 key: a part of what it may do, for a while. Nothing of them is stored. They are bound by the
/// key as it is at every moment, and end with it, also when it is given new credentials.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/temporary-credentials", tag = "keys", operation_id = "createTemporaryCredentials",
    params(("id" = String, Path, description = "The key.")), request_body = Option<TemporaryIn>,
    responses((status = 201, description = "Made. They are not told again.", body = TemporaryOut))
)]
pub(crate) async fn temporary(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    OptionalJson(given): OptionalJson<TemporaryIn>,
) -> Result<Response> {
    let draft = TemporaryDraft::from(given);
    let made = keeper.temporary(&app.control, id, &draft).await?;
    let storage = made.storage.as_ref();
    let setup = S3Setup {
        s3_address: &app.s3_address,
        region: storage.map_or(DEFAULT_REGION, |storage| &storage.connection.region),
        bucket: storage.map(|storage| storage.bucket.as_str()),
        prefix: &made.prefix,
        access_key: made.access_key,
        secret: Some(&made.secret),
        permission: made.permission,
    };
    let out = TemporaryOut {
        access_key: made.access_key.to_string(),
        secret: made.secret.reveal().to_owned(),
        session_token: made.session_token.reveal().to_owned(),
        expires_at: made.expires.to_string(),
        permission: made.permission.to_string(),
        prefix: made.prefix.to_string(),
        bucket_name: storage.map(|storage| storage.bucket.to_string()),
        s3_address: app.s3_address.clone(),
        setup: texts(setups::for_temporary(&setup, &made.session_token)),
    };
    Ok(told_once(json(StatusCode::CREATED, &out)?))
}

/// A key.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "getKey",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The key, without its secret.", body = KeyOut))
)]
pub(crate) async fn show(State(app): State<Arc<App>>, keeper: Keeper, Id(id): Id<KeyId>) -> Result<Response> {
    let view = keeper.key(&app.control, id).await?;
    let tag = etag::of(&view.key);
    Ok(tagged(ok(&KeyOut::from(view))?, &tag))
}

/// Change a key. When this returns, the change holds, for transfers under way too.
#[utoipa::path(
    patch, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "updateKey",
    params(("id" = String, Path, description = "The key.")), request_body = KeyPatch,
    responses((status = 200, description = "The key, as it is now.", body = KeyOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
    Json(given): Json<KeyPatch>,
) -> Result<Response> {
    let change = KeyChange::from(given);
    let view = keeper.update_if(&app.control, id, &change, |now| seen.holds(now)).await?;
    let view = view.ok_or_else(Problem::changed)?;
    let tag = etag::of(&view.key);
    Ok(tagged(ok(&KeyOut::from(view))?, &tag))
}

/// Delete a key for good. When this returns, nothing is admitted under it, and its transfers have ended.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "deleteKey",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "Deleted, and what ended with it.", body = DeletedOut))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    seen: IfMatch,
) -> Result<Response> {
    let deleted = keeper.delete_if(&app.control, id, |now| seen.holds(now)).await?;
    let deleted = deleted.ok_or_else(Problem::changed)?;
    ok(&DeletedOut::from(&deleted.receipt))
}
