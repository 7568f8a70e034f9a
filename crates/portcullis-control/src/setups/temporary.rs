//! Set-ups for temporary credentials, which have a third part: the session token.

use portcullis_domain::Secret;

use super::quote::Shell;
use super::text::{Draft, Text, put};
use super::{S3Setup, Setup, aws, boto3};

/// The set-ups for temporary credentials: `env` (the variables that most tools read), `aws` and `boto3`.
#[must_use]
pub fn for_temporary(setup: &S3Setup<'_>, session_token: &Secret) -> Vec<Setup> {
    let text = || Text::for_token(setup.prefix, session_token.reveal().len());
    let made = |tool, title, Draft { kind, file_name }, text: Text| Setup {
        tool,
        title,
        kind,
        file_name,
        text: text.into_inner(),
    };
    let (mut env, mut cli, mut code) = (text(), text(), text());
    put_environment(setup, session_token, &mut env);
    put_environment(setup, session_token, &mut cli);
    aws::put_calls(setup, &mut cli);
    let draft = boto3::write_with(setup, Some(session_token), &mut code);
    vec![
        made("env", "Environment", Draft::SHELL, env),
        made("aws", "AWS CLI", Draft::SHELL, cli),
        made("boto3", "boto3 (Python)", draft, code),
    ]
}

fn put_environment(s: &S3Setup<'_>, session_token: &Secret, out: &mut Text) {
    put!(out, "# The credentials hold in this shell, until they end");
    put!(out, "unset AWS_PROFILE");
    put!(out, "export AWS_ACCESS_KEY_ID={}", s.access_key);
    put!(out, "export AWS_SECRET_ACCESS_KEY={}", Shell(s.secret()));
    put!(out, "export AWS_SESSION_TOKEN={}", Shell(session_token.reveal()));
    put!(out, "export AWS_DEFAULT_REGION={}", Shell(s.region));
    put!(out, "export AWS_ENDPOINT_URL_S3={}", Shell(s.address()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{CredentialId, KeyPrefix, Permission};

    #[test]
    fn every_text_has_all_three_parts_and_stays_in_its_first_memory() {
        let (secret, token) = (Secret::from_entropy(&[7; 32]), Secret::foreign("t".repeat(16 * 1024)));
        let prefix = KeyPrefix::parse("in/").unwrap();
        let setup = S3Setup {
            s3_address: "https://s3.example.org/",
            region: "us-east-1",
            bucket: Some("photos"),
            prefix: &prefix,
            access_key: CredentialId::from_entropy([1; 16]),
            secret: Some(&secret),
            permission: Permission::Read,
        };
        let made = for_temporary(&setup, &token);
        assert_eq!(made.iter().map(|setup| setup.tool).collect::<Vec<_>>(), ["env", "aws", "boto3"]);
        for Setup { tool, text, .. } in &made {
            for part in [setup.access_key.as_str(), secret.reveal(), token.reveal()] {
                assert!(text.contains(part), "{tool}");
            }
            assert_eq!(
                text.capacity(),
                Text::for_token(&prefix, token.reveal().len()).into_inner().capacity()
            );
        }
        assert!(!made[1].text.contains("unset AWS_SESSION_TOKEN"), "{}", *made[1].text);
        assert!(made[1].text.contains("s3 sync s3://photos/in/ ./folder"));
    }
}
