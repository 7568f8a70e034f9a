//! What a request asks for: the form it carries.

use portcullis_sigv4::encode::{decode_component, query_pairs};

use crate::error::{Code, S3Error};

/// How long credentials may last, in seconds.
const SHORTEST: u32 = 60;
const LONGEST: u32 = 12 * 60 * 60;
/// What AWS has for `AssumeRole`, if nothing is said.
const ROLE_SECONDS: u32 = 60 * 60;
/// More parameters than any action has.
const MAX_PARAMETERS: usize = 64;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    AssumeRole,
    GetSessionToken,
}

/// A request that can be carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) action: Action,
    pub(super) seconds: u32,
    /// What the client calls the session; it has no meaning but in the answer.
    pub(super) session: String,
}

impl Asked {
    /// Reads a form.
    ///
    /// # Errors
    /// In the words of AWS, naming the parameter.
    pub(super) fn parse(form: &[u8]) -> Result<Self, S3Error> {
        let parameters = parameters(form)?;
        let get = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let action = match get("Action").map(String::as_str) {
            Some("AssumeRole") => Action::AssumeRole,
            Some("GetSessionToken") => Action::GetSessionToken,
            Some(_) => return Err(Code::InvalidAction.into()),
            None => return Err(Code::MissingAction.into()),
        };
        for (name, _) in &parameters {
            check(action, name)?;
        }
        let seconds = match (get("DurationSeconds"), action) {
            (Some(text), _) => seconds(text)?,
            (None, Action::AssumeRole) => ROLE_SECONDS,
            (None, Action::GetSessionToken) => LONGEST,
        };
        let session = get("RoleSessionName").filter(|name| is_session_name(name)).cloned();
        Ok(Self { action, seconds, session: session.unwrap_or_else(|| "session".to_owned()) })
    }
}

fn parameters(form: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let malformed = || S3Error::with(Code::ValidationError, "The form is not UTF-8, or too long.");
    let text = |raw: &str| String::from_utf8(decode_component(raw).into_owned()).map_err(|_| malformed());
    let form = str::from_utf8(form).map_err(|_| malformed())?;
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in query_pairs(form) {
        let pair = (text(name)?, text(value)?);
        if found.len() == MAX_PARAMETERS {
            return Err(malformed());
        }
        if found.iter().any(|(known, _)| *known == pair.0) {
            return Err(invalid(&pair.0, "is given more than once"));
        }
        found.push(pair);
    }
    Ok(found)
}

/// A parameter that would narrow the credentials and is not understood must not be passed over: somebody would hand out
/// more than they think.
fn check(action: Action, name: &str) -> Result<(), S3Error> {
    let begins = |start: &str| name == start || name.starts_with(&format!("{start}."));
    match name {
        "Action" | "Version" | "DurationSeconds" => Ok(()),
        "RoleArn" | "RoleSessionName" | "ExternalId" if action == Action::AssumeRole => Ok(()),
        _ if begins("Policy") || begins("PolicyArns") => Err(invalid(
            name,
            "is not supported: to narrow credentials to a part of a storage, fewer rights or networks, make them \
             with POST /api/v1/keys/{id}/temporary-credentials",
        )),
        _ if begins("Tags") || begins("TransitiveTagKeys") => {
            Err(invalid(name, "is not supported: there are no session tags; leave it out"))
        }
        _ => Err(invalid(name, "is not supported; leave it out")),
    }
}

fn seconds(text: &str) -> Result<u32, S3Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| digits && (SHORTEST..=LONGEST).contains(seconds));
    seconds.ok_or_else(|| {
        invalid("DurationSeconds", &format!("must be a number of seconds from {SHORTEST} to {LONGEST}"))
    })
}

fn invalid(name: &str, what: &str) -> S3Error {
    let name: String = name.chars().filter(|character| !character.is_control()).take(128).collect();
    S3Error::with(Code::ValidationError, format!("{name} {what}."))
}

/// As in the reference: 2 to 64 characters of `[\w+=,.@-]`.
fn is_session_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (2..=64).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(form: &str) -> (Code, String) {
        let error = Asked::parse(form.as_bytes()).unwrap_err();
        (error.code, error.message().to_owned())
    }

    #[test]
    fn as_tools_ask() {
        let form = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A0%3Arole%2Fx&RoleSessionName=a%40b\
                    &DurationSeconds=900";
        let asked = Asked::parse(form.as_bytes()).unwrap();
        assert_eq!(asked, Asked { action: Action::AssumeRole, seconds: 900, session: "a@b".to_owned() });
        let asked = |form: &str| Asked::parse(form.as_bytes()).unwrap();
        assert_eq!(asked("Action=AssumeRole&RoleSessionName=%3C%3E").session, "session");
        assert_eq!(asked("Action=AssumeRole").seconds, 3_600);
        assert_eq!(asked("Action=GetSessionToken&Version=2011-06-15").seconds, 43_200);
        assert_eq!(asked("Action=GetSessionToken&DurationSeconds=60").seconds, 60);
    }

    #[test]
    fn what_would_narrow_is_never_passed_over() {
        for name in ["Policy", "PolicyArns.member.1.arn", "Tags.member.1.Key", "TransitiveTagKeys.member.1"] {
            let (code, told) = refused(&format!("Action=AssumeRole&{name}=x"));
            assert_eq!(code, Code::ValidationError);
            assert!(told.starts_with(name) && told.contains("not supported"), "{told}");
        }
        assert!(refused("Action=AssumeRole&Policy=%7B%7D").1.contains("/temporary-credentials"));
        for name in ["SerialNumber", "TokenCode", "SourceIdentity", "Unknown"] {
            assert_eq!(refused(&format!("Action=AssumeRole&{name}=x")).0, Code::ValidationError, "{name}");
        }
        // Only a role has one.
        assert_eq!(refused("Action=GetSessionToken&RoleArn=x").0, Code::ValidationError);
    }

    #[test]
    fn bad_requests() {
        assert_eq!(refused("").0, Code::MissingAction);
        assert_eq!(refused("Version=2011-06-15").0, Code::MissingAction);
        for action in ["", "AssumeRoleWithSAML", "getsessiontoken", "ListBuckets"] {
            assert_eq!(refused(&format!("Action={action}")).0, Code::InvalidAction, "{action}");
        }
        for wrong in ["", "59", "43201", "-60", "%2B60", "60.0", "1e3", "99999999999999999999"] {
            let (code, told) = refused(&format!("Action=GetSessionToken&DurationSeconds={wrong}"));
            assert_eq!(code, Code::ValidationError, "{wrong}");
            assert!(told.contains("from 60 to 43200"), "{told}");
        }
        assert!(refused("Action=AssumeRole&Action=GetSessionToken").1.contains("more than once"));
        assert_eq!(refused("Action=%ff").0, Code::ValidationError);
        let many: Vec<String> = (0..65).map(|at| format!("p{at}=")).collect();
        assert_eq!(refused(&many.join("&")).0, Code::ValidationError);
    }
}
