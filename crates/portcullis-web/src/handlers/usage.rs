//! How much was used and refused, over time and by whom.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_control::{UsageBy, UsageQuery, UsageStep};
use portcullis_domain::{KeyId, StorageId, Timestamp, UnknownWord};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ok;
use crate::app::App;
use crate::dto::UsageOut;
use crate::extract::{Admin, Params, from_text};
use crate::problem::Result;

/// As many are listed if nothing else is said.
const LISTED: u32 = 20;

/// What use is put together by.
#[derive(Clone, Copy)]
enum By {
    Time,
    Share(UsageBy),
}

impl FromStr for By {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "time" => Ok(Self::Time),
            "key" => Ok(Self::Share(UsageBy::Key)),
            "storage" => Ok(Self::Share(UsageBy::Storage)),
            "network" => Ok(Self::Share(UsageBy::Network)),
            "tool" => Ok(Self::Share(UsageBy::Tool)),
            _ => Err(UnknownWord { expected: "time, key, storage, network, tool" }),
        }
    }
}

/// What one point stands for.
#[derive(Clone, Copy)]
struct Step(UsageStep);

impl FromStr for Step {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "hour" => Ok(Self(UsageStep::Hour)),
            "day" => Ok(Self(UsageStep::Day)),
            _ => Err(UnknownWord { expected: "hour, day" }),
        }
    }
}

/// How many of the largest.
#[derive(Clone, Copy)]
struct Most(u32);

impl FromStr for Most {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (1..=100).contains(number));
        number.map(Self).ok_or("a number from 1 to 100")
    }
}

/// Which use, and how it is put together.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UseQuery {
    /// `time`, or the largest by `key`, `storage`, `network` or `tool`; `time` if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    by: Option<By>,
    /// From this moment; 30 days before the end if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Before this moment; now if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// By time: `hour` (for at most 31 days) or `day`; hours for up to three days if left out.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    step: Option<Step>,
    /// Only that of the key with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    key: Option<KeyId>,
    /// Only that at the storage with this id.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<String>)]
    storage: Option<StorageId>,
    /// Only that from this address, or network as it is listed by `network`.
    #[serde(default, deserialize_with = "from_text")]
    network: Option<String>,
    /// Only that of keys whose name or access key contains it, upper and lower case alike.
    #[serde(default, deserialize_with = "from_text")]
    search: Option<String>,
    /// By anything but time: the most items.
    #[serde(default, deserialize_with = "from_text")]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<Most>,
}

/// Requests, bytes and refusals of the keys of the site, as they are counted by the hour. 90 days are kept.
#[utoipa::path(
    get, path = "/api/v1/usage", tag = "advice", operation_id = "getUsage", params(UseQuery),
    responses((status = 200, description = "Points in time, or the largest.", body = UsageOut))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Admin(admin): Admin,
    Params(query): Params<UseQuery>,
) -> Result<Response> {
    let UseQuery { by, from, to: until, step, key, storage, network, search, limit } = query;
    let query = UsageQuery { from, until, key, storage, network, search };
    match by.unwrap_or(By::Time) {
        By::Time => {
            let found = app.control.usage_over_time(&admin, &query, step.map(|step| step.0)).await?;
            ok(&UsageOut::from(found))
        }
        By::Share(by) => {
            let most = limit.map_or(LISTED, |most| most.0);
            ok(&UsageOut::from(app.control.usage_by(&admin, &query, by, most).await?))
        }
    }
}
