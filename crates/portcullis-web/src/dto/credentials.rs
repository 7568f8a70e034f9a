//! Credentials that people choose for keys, and public keys of SSH.

use portcullis_control::{ControlError, FieldProblem};
use portcullis_domain::{Secret, SshPublicKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::present;
use super::storage::SecretIn;

/// Credentials that somebody chose, for keys of all channels but `s3` and `rest`; what is left out is generated, or on a rotation stays.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChosenCredentials)]
pub(crate) struct CredentialsIn {
    /// A user name: 3 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `@`. There is one key of a name on a channel. The generated name works besides. On a
    /// rotation null takes the chosen one away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "scanner")]
    user_name: Option<Option<String>>,
    /// A secret: 12 or more printable characters that nobody guesses.
    #[schema(value_type = Option<String>, write_only, format = Password, min_length = 12)]
    secret: Option<SecretIn>,
}

impl CredentialsIn {
    /// The user name, empty for none; and the secret.
    pub(crate) fn into_parts(given: Option<Self>) -> (Option<String>, Option<Secret>) {
        let Self { user_name, secret } = given.unwrap_or_default();
        (user_name.map(Option::unwrap_or_default), secret.map(|secret| secret.0))
    }
}

/// A public key of SSH that shows who holds a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SshPublicKey)]
pub(crate) struct PublicKeyOut {
    /// What people compare it by, as `ssh-keygen -l` prints it.
    #[schema(example = "SHA256:uNiVztksCsDhcc0u9e8BrwqnMG3NClMkQQnQqZQGaLE")]
    fingerprint: String,
    /// The whole line, as it stands in a file that ends with `.pub`.
    line: String,
}

impl From<&SshPublicKey> for PublicKeyOut {
    fn from(key: &SshPublicKey) -> Self {
        Self { fingerprint: key.fingerprint(), line: key.to_string() }
    }
}

/// What is wrong with chosen credentials, under the names that they have in a request.
pub(crate) fn named(error: ControlError) -> ControlError {
    let ControlError::Invalid(errors) = error else { return error };
    let renamed = errors.into_iter().map(|FieldProblem { field, message }| match field.as_str() {
        "login" => FieldProblem::new("credentials.user_name", message),
        "secret" => FieldProblem::new("credentials.secret", message),
        _ => FieldProblem { field, message },
    });
    ControlError::Invalid(renamed.collect())
}
