//! What a mail key makes of messages, as the JSON text that is stored.

use portcullis_domain::MailRules;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::row::read;

#[derive(Serialize, Deserialize)]
struct StoredRules {
    folder: String,
    text: bool,
    html: bool,
    message: bool,
    max: Option<u64>,
    hour: u32,
}

/// None for the rules that a key has of which nobody said anything.
pub(super) fn rules_to_text(mail: &MailRules) -> Result<Option<String>, Fault> {
    if mail.is_default() {
        return Ok(None);
    }
    let stored = StoredRules {
        folder: mail.folder.as_str().to_owned(),
        text: mail.keep_text,
        html: mail.keep_html,
        message: mail.keep_message,
        max: mail.max_message,
        hour: mail.per_hour,
    };
    serde_json::to_string(&stored).map(Some).map_err(|error| Fault::corrupt(error.to_string()))
}

/// The rules that this stored text is.
pub(super) fn rules_from_text(text: Option<&str>) -> Result<MailRules, Fault> {
    let Some(text) = text else { return Ok(MailRules::default()) };
    let stored: StoredRules =
        serde_json::from_str(text).map_err(|error| Fault::corrupt(format!("column mail: {error}")))?;
    Ok(MailRules {
        folder: read("mail", &stored.folder)?,
        keep_text: stored.text,
        keep_html: stored.html,
        keep_message: stored.message,
        max_message: stored.max,
        per_hour: stored.hour,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_domain::MailFolder;

    use super::*;

    #[test]
    fn rules_round_trip() {
        let own = MailRules {
            folder: MailFolder::Subject,
            keep_html: true,
            max_message: Some(u64::MAX),
            per_hour: 1,
            ..MailRules::default()
        };
        for rules in [MailRules::default(), own] {
            let text = rules_to_text(&rules).unwrap();
            assert_eq!(text.is_none(), rules.is_default());
            assert_eq!(rules_from_text(text.as_deref()).unwrap(), rules);
        }
        for damaged in [
            "",
            "{}",
            "null",
            r#"{"folder":"nowhere","text":true,"html":true,"message":true,"max":null,"hour":1}"#,
        ] {
            assert!(rules_from_text(Some(damaged)).is_err(), "{damaged}");
        }
    }
}
