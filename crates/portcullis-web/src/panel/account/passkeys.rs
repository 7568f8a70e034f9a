//! Passkeys, added.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use portcullis_control::{ControlError, NewPasskeyAnswer};

use super::super::error::PanelError;
use super::super::fields::Faults;
use super::super::page::on_to;
use super::super::posted::Posted;
use super::super::sign_in::bytes_in;
use super::super::visitor::Person;
use super::super::words;
use super::SECOND_FACTOR;
use super::factors::again;
use super::totp::codes_page;
use crate::app::App;

/// `POST /account/passkeys`
pub(super) async fn add(
    State(app): State<Arc<App>>,
    person: Person,
    headers: HeaderMap,
    form: Posted,
) -> Response {
    let Some(party) = app.relying_party(&headers) else { return PanelError::Malformed.show(&person.chrome) };
    let answer = NewPasskeyAnswer {
        state: form.get("state").to_owned(),
        name: form.get("name").trim().to_owned(),
        client_data: bytes_in(&form, "client_data"),
        attestation: bytes_in(&form, "attestation"),
    };
    match app.control.add_passkey(&person.who, &party, &answer).await {
        Ok(added) if added.recovery_codes.is_empty() => on_to(SECOND_FACTOR, "done.passkey"),
        Ok(added) => codes_page(&person.chrome, &added.recovery_codes, words::text("codes.done.passkey")),
        Err(ControlError::Invalid(problems)) => {
            let mut faults = Faults::default();
            for problem in problems {
                match problem.field.as_str() {
                    "state" => faults.add("name", words::text("passkey.late")),
                    _ => faults.add("name", problem.message),
                }
            }
            again(&app, &person, &headers, None, faults).await
        }
        Err(ControlError::Conflict { .. }) => {
            let mut faults = Faults::default();
            faults.add("name", words::text("passkey.taken"));
            again(&app, &person, &headers, None, faults).await
        }
        Err(error) => PanelError::from(error).show(&person.chrome),
    }
}
