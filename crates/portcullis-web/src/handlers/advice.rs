//! Advice on keys that are wider than their use.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{AdviceWhat, AdviceWindow};
use portcullis_domain::{AdviceId, KeyId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::{Items, KeyAdviceOut, TakenAdviceOut, page_of, request_of};
use crate::extract::{Admin, Id, Ids, Keeper, Limit, Params, from_text};
use crate::problem::{Problem, Result};

/// How far back to look.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WindowQuery {
    /// How many days back use is looked at: 30 or 90; 30 if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<u32>, example = 30)]
    window: Option<AdviceWindow>,
}

/// Which advice to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AdviceQuery {
    /// How many days back use is looked at: 30 or 90; 30 if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<u32>, example = 30)]
    window: Option<AdviceWindow>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// Which followed advice to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TakenQuery {
    /// Only that on the key with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    /// The most items on the page.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, default = 100)]
    limit: Limit,
    /// `next_cursor` of the page before, of a list with the same filters.
    #[serde(default, deserialize_with = "from_text")]
    cursor: Option<String>,
}

/// The keys of the site that could be narrower without refusing anything that they were used for, the oldest first. A page may hold
/// fewer than asked for, or none, and still have a next one: keys without advice are passed over.
#[utoipa::path(
    get, path = "/api/v1/advice", tag = "advice", operation_id = "listAdvice", params(AdviceQuery),
    responses((status = 200, description = "A page of them.", body = Items<KeyAdviceOut>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<AdviceQuery>,
) -> Result<Response> {
    let AdviceQuery { window, limit, cursor } = query;
    let page = request_of(limit, cursor);
    let found = app.control.advice(&admin, window.unwrap_or_default(), &page).await?;
    ok(&page_of(found, KeyAdviceOut::from))
}

/// The advice that was followed in the site, the newest first.
#[utoipa::path(
    get, path = "/api/v1/advice/taken", tag = "advice", operation_id = "listTakenAdvice", params(TakenQuery),
    responses((status = 200, description = "A page of it.", body = Items<TakenAdviceOut>))
)]
pub(crate) async fn taken(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<TakenQuery>,
) -> Result<Response> {
    let TakenQuery { key, limit, cursor } = query;
    let found = app.control.taken_advice(&admin, key, &request_of(limit, cursor)).await?;
    ok(&page_of(found, TakenAdviceOut::from))
}

/// What one key could be narrowed to, and on what there is no advice and why.
#[utoipa::path(
    get, path = "/api/v1/keys/{id}/advice", tag = "advice", operation_id = "getAdvice",
    params(("id" = String, Path, description = "The key."), WindowQuery),
    responses((status = 200, description = "What there is to say of it.", body = KeyAdviceOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<KeyId>,
    Params(query): Params<WindowQuery>,
) -> Result<Response> {
    let window = query.window.unwrap_or_default();
    let found = match &keeper {
        Keeper::Admin(admin) => app.control.key_advice(admin, id, window).await?,
        Keeper::Own(me) => app.control.own_key_advice(me, id, window).await?,
    };
    ok(&KeyAdviceOut::from(found))
}

/// Narrow a key as is advised at this moment. When this returns, it holds, for transfers under way too. It can be taken back.
#[utoipa::path(
    post, path = "/api/v1/keys/{id}/advice/{what}", tag = "advice", operation_id = "takeAdvice",
    params(
        ("id" = String, Path, description = "The key."),
        ("what" = String, Path, description = "`permission`, `networks`, `prefix` or `disable`."),
        WindowQuery,
    ),
    responses((status = 200, description = "What was done.", body = TakenAdviceOut))
)]
pub(crate) async fn take(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Ids(id, what): Ids<KeyId, AdviceWhat>,
    Params(query): Params<WindowQuery>,
) -> Result<Response> {
    let wanted = (what, query.window.unwrap_or_default());
    let taken = match &keeper {
        Keeper::Admin(admin) => app.control.take_advice(admin, id, wanted, |_, _| true).await?,
        Keeper::Own(me) => app.control.take_own_advice(me, id, wanted, |_, _| true).await?,
    };
    let none = || Problem::invalid_field("what", "there is no such advice on this key at present");
    ok(&TakenAdviceOut::from(taken.ok_or_else(none)?))
}

/// Make a key as wide again as it was before advice was followed; other changes since stay. Refused if the key was changed since in
/// what the advice was about.
#[utoipa::path(
    post, path = "/api/v1/advice/{id}/undo", tag = "advice", operation_id = "undoAdvice",
    params(("id" = String, Path, description = "The advice that was followed.")),
    responses((status = 200, description = "What was taken back.", body = TakenAdviceOut))
)]
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    keeper: Keeper,
    Id(id): Id<AdviceId>,
) -> Result<Response> {
    let undone = match &keeper {
        Keeper::Admin(admin) => app.control.undo_advice(admin, id).await?,
        Keeper::Own(me) => app.control.undo_own_advice(me, id).await?,
    };
    ok(&TakenAdviceOut::from(undone))
}
