//! `portcullis join`.

use anyhow::bail;
use serde_json::json;

use super::api::Api;
use super::args::{JoinArgs, Remote};
use super::render::text;
use super::secret;

/// Takes up an invitation. A link names its server, a bare code does not.
pub(super) fn run(remote: &Remote, args: &JoinArgs) -> anyhow::Result<()> {
    let given = match &args.invitation_file {
        Some(path) => secret::of_file(path)?,
        None => secret::hidden("The link of your invitation, or its code: ", false)?,
    };
    let (place, token) = match given.trim().split_once("/join#") {
        Some((place, token)) => (Some(place), token),
        None => (None, given.trim()),
    };
    if token.is_empty() {
        bail!("no invitation was given");
    }
    let api = Api::anonymous(remote.server.as_deref().or(place))?;
    let password = secret::new_password(&args.password, "Choose a password: ")?;
    let answer = api.post("/invitations/accept", &json!({ "token": token, "password": *password }))?;
    let name = text(&answer, "username");
    remote.form().done(
        &answer,
        &format!("Welcome. `portcullis login --server {} --username {name}` signs you in.", api.base()),
    )
}
