//! Keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use portcullis_control::setups::{self, S3Setup};
use portcullis_control::{CreatedKey, DEFAULT_REGION, KeyChange, KeyDraft, KeyQuery, Rotation};
use portcullis_domain::{Channel, KeyId, StorageId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{created, ok};
use crate::app::App;
use crate::dto::{CreatedKeyOut, Items, KeyIn, KeyOut, KeyPatch, RotationIn, page_of, request_of};
use crate::extract::{Admin, Id, Json, Limit, OptionalJson, Params, from_text};
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
    /// Only those whose name or access key contains it, upper and lower case alike.
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

/// The keys of the site, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", operation_id = "listKeys", params(KeysQuery),
    responses((status = 200, description = "A page of them.", body = Items<KeyOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<KeysQuery>,
) -> Result<Response> {
    let KeysQuery { storage, user, channel, search, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let found = app.control.keys(&admin, KeyQuery { storage, user, channel, search }, &page).await?;
    ok(&page_of(found, KeyOut::from))
}

/// Make a key. Its secret is in this answer and in no other, ever.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys", operation_id = "createKey", request_body = KeyIn,
    responses((status = 201, description = "Made. Store the secret now.", body = CreatedKeyOut))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Json(given): Json<KeyIn>,
) -> Result<Response> {
    if let Some(field) = given.not_yet() {
        return Err(Problem::invalid_field(field, "not available in this version; leave it out"));
    }
    let made = app.control.create_key(&admin, &KeyDraft::from(given)).await?;
    let at = format!("/api/v1/keys/{}", made.view.key.id);
    created(&at, &with_secret(made, &app.s3_address))
}

/// Give a key a new access key and a new secret. Everything else of it stays. When this returns, nothing is admitted under the old
/// ones, neither what was signed with them beforehand, and transfers under way under them have ended.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/rotate", tag = "keys", operation_id = "rotateKey",
    params(("id" = String, Path, description = "The key.")), request_body = Option<RotationIn>,
    responses((status = 200, description = "The key, as it is now. Store the secret now.", body = CreatedKeyOut))
)]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<KeyId>,
    OptionalJson(given): OptionalJson<RotationIn>,
) -> Result<Response> {
    let rotated = app.control.rotate_key(&admin, id, &Rotation::from(given)).await?;
    ok(&with_secret(rotated, &app.s3_address))
}

fn with_secret(made: CreatedKey, s3_address: &str) -> CreatedKeyOut {
    let CreatedKey { view, secret, storage } = made;
    let key = &view.key;
    let bucket = storage.as_ref().map(|storage| storage.bucket.as_str());
    let bearer = (key.channel == Channel::Rest).then(|| format!("{}.{}", key.credential, secret.reveal()));
    let setups = match &bearer {
        Some(bearer) => setups::for_rest(bearer),
        None => setups::for_s3(&S3Setup {
            s3_address,
            region: storage.as_ref().map_or(DEFAULT_REGION, |storage| &storage.connection.region),
            bucket,
            prefix: &key.prefix,
            access_key: key.credential,
            secret: Some(&secret),
            permission: key.permission,
        }),
    };
    CreatedKeyOut {
        secret: secret.reveal().to_owned(),
        bearer,
        bucket_name: bucket.map(str::to_owned),
        s3_address: s3_address.to_owned(),
        setup: setups.into_iter().map(|mut setup| (setup.tool, std::mem::take(&mut *setup.text))).collect(),
        key: view.into(),
    }
}

/// A key.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "getKey",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The key, without its secret.", body = KeyOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<KeyId>,
) -> Result<Response> {
    ok(&KeyOut::from(app.control.key(&admin, id).await?))
}

/// Change a key. When this returns, the change holds, for transfers under way too.
#[utoipa::path(
    patch, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "updateKey",
    params(("id" = String, Path, description = "The key.")), request_body = KeyPatch,
    responses((status = 200, description = "The key, as it is now.", body = KeyOut))
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<KeyId>,
    Json(given): Json<KeyPatch>,
) -> Result<Response> {
    ok(&KeyOut::from(app.control.update_key(&admin, id, &KeyChange::from(given)).await?))
}

/// Delete a key for good. When this returns, nothing is admitted under it, and its transfers have ended.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "keys", operation_id = "deleteKey",
    params(("id" = String, Path, description = "The key.")),
    responses((status = 204, description = "Deleted."))
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Id(id): Id<KeyId>,
) -> Result<StatusCode> {
    app.control.delete_key(&admin, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
