//! The policy of a form: what its signer allows the one who fills it in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use serde_json::Value;

use crate::error::{Code, S3Error};

/// Fields that need no condition (S3 reference, "POST policy").
const FREE: [&str; 3] = ["x-amz-signature", "policy", "file"];

/// A signed policy.
#[derive(Debug)]
pub(crate) struct Policy {
    expires: Timestamp,
    conditions: Vec<Condition>,
    least: u64,
    most: u64,
}

#[derive(Debug)]
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
}

impl Policy {
    /// Reads a policy as it was signed. What is not understood is an error, since it might forbid something.
    ///
    /// # Errors
    /// `InvalidPolicyDocument`.
    pub(crate) fn parse(encoded: &str) -> Result<Self, S3Error> {
        read(encoded)
            .ok_or_else(|| S3Error::with(Code::InvalidPolicyDocument, "Invalid Policy: not a policy of S3."))
    }

    /// The sizes that the file may have.
    pub(crate) const fn sizes(&self) -> (u64, u64) {
        (self.least, self.most)
    }

    /// Whether these fields may be sent now. Every condition must hold, and every field must have one: what the signer did
    /// not name, the one who fills in the form may not add.
    ///
    /// # Errors
    /// `AccessDenied`, saying which condition.
    pub(crate) fn check(&self, now: Timestamp, fields: &[(&str, &str)]) -> Result<(), S3Error> {
        if now >= self.expires {
            return Err(violated("Policy expired."));
        }
        for condition in &self.conditions {
            let (Condition::Equals(name, _) | Condition::StartsWith(name, _)) = condition;
            let value = fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
            let holds = match condition {
                Condition::Equals(_, wanted) => value == wanted,
                Condition::StartsWith(_, wanted) => value.starts_with(wanted.as_str()),
            };
            if !holds {
                return Err(violated(&format!("Policy Condition failed for the field {name}")));
            }
        }
        for (name, _) in fields {
            let named = self.conditions.iter().any(|condition| {
                let (Condition::Equals(known, _) | Condition::StartsWith(known, _)) = condition;
                known == name
            });
            if !named && !FREE.contains(name) && !name.starts_with("x-ignore-") {
                return Err(violated(&format!("Extra input fields: {name}")));
            }
        }
        Ok(())
    }
}

fn violated(what: &str) -> S3Error {
    S3Error::with(Code::AccessDenied, format!("Invalid according to Policy: {what}"))
}

fn read(encoded: &str) -> Option<Policy> {
    // Browsers and people break long lines.
    let packed: String = encoded.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let document: Value = serde_json::from_slice(&STANDARD.decode(packed).ok()?).ok()?;
    let document = document.as_object()?;
    if document.keys().any(|name| name != "expiration" && name != "conditions") {
        return None;
    }
    let expires = document.get("expiration")?.as_str()?.parse().ok()?;
    let mut policy = Policy { expires, conditions: Vec::new(), least: 0, most: u64::MAX };
    for condition in document.get("conditions")?.as_array()? {
        add(&mut policy, condition)?;
    }
    Some(policy)
}

fn add(policy: &mut Policy, condition: &Value) -> Option<()> {
    if let Some(object) = condition.as_object() {
        for (name, value) in object {
            policy.conditions.push(Condition::Equals(name.to_ascii_lowercase(), value.as_str()?.to_owned()));
        }
        return Some(());
    }
    let [operator, first, second] = condition.as_array()?.as_slice() else { return None };
    let operator = operator.as_str()?.to_ascii_lowercase();
    if operator == "content-length-range" {
        policy.least = policy.least.max(number(first)?);
        policy.most = policy.most.min(number(second)?);
        return Some(());
    }
    let name = first.as_str()?.strip_prefix('$')?.to_ascii_lowercase();
    let value = second.as_str()?.to_owned();
    policy.conditions.push(match operator.as_str() {
        "eq" => Condition::Equals(name, value),
        "starts-with" => Condition::StartsWith(name, value),
        _ => return None,
    });
    Some(())
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn policy(text: &str) -> Result<Policy, S3Error> {
        Policy::parse(&STANDARD.encode(text))
    }

    #[test]
    fn conditions() {
        let policy = policy(
            r#"{"expiration": "2027-01-16T08:00:00.000Z", "conditions": [{"bucket": "b"},
                ["starts-with", "$Key", "user/"], ["eq", "$acl", "private"], ["content-length-range", 1, "10"]]}"#,
        )
        .unwrap();
        assert_eq!(policy.sizes(), (1, 10));
        let good =
            [("bucket", "b"), ("key", "user/a"), ("acl", "private"), ("policy", "x"), ("x-ignore-a", "b")];
        assert!(policy.check(NOW, &good).is_ok());
        let end = Timestamp::from_seconds(1_800_086_400);
        assert!(policy.check(end, &good).is_err());
        for (at, wrong) in [
            (0, ("bucket", "c")),
            (1, ("key", "other/a")),
            (2, ("acl", "public-read")),
            (3, ("x-amz-meta-a", "b")),
        ] {
            let mut fields = good;
            fields[at] = wrong;
            assert_eq!(policy.check(NOW, &fields).unwrap_err().code, Code::AccessDenied, "{wrong:?}");
        }
        assert!(policy.check(NOW, &good[..2]).is_err(), "a field that a condition names is missing");
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            "",
            "[]",
            r#"{"conditions": []}"#,
            r#"{"expiration": "tomorrow", "conditions": []}"#,
            r#"{"expiration": "2027-01-16T08:00:00Z", "conditions": [["not", "$key", "a"]]}"#,
            r#"{"expiration": "2027-01-16T08:00:00Z", "conditions": [["eq", "key", "a"]]}"#,
            r#"{"expiration": "2027-01-16T08:00:00Z", "conditions": [["content-length-range", -1, 5]]}"#,
            r#"{"expiration": "2027-01-16T08:00:00Z", "conditions": [{"key": 1}]}"#,
            r#"{"expiration": "2027-01-16T08:00:00Z", "conditions": [], "more": 1}"#,
        ] {
            assert_eq!(policy(wrong).unwrap_err().code, Code::InvalidPolicyDocument, "{wrong}");
        }
        assert!(Policy::parse("%%%").is_err());
    }
}
