//! What a mail key makes of messages.

use serde_json::{Value, json};

use super::super::args::{Limit, MailArgs};
use super::super::render::{set, set_text, size, text};

/// Puts rules for messages into a request, if any were given.
pub(super) fn set_mail(body: &mut Value, args: &MailArgs) {
    let mut mail = json!({});
    set_text(&mut mail, "folder", args.mail_folder.as_ref());
    match args.keep.as_slice() {
        [] => {}
        [only] if only == "nothing" => set(&mut mail, "keep", json!([])),
        kept => set(&mut mail, "keep", Value::from(kept)),
    }
    match args.max_message {
        None => {}
        Some(Limit::None) => set(&mut mail, "max_message", Value::Null),
        Some(Limit::At(bytes)) => set(&mut mail, "max_message", json!(bytes)),
    }
    if let Some(messages) = args.per_hour {
        set(&mut mail, "per_hour", json!(messages));
    }
    if mail != json!({}) {
        set(body, "mail", mail);
    }
}

/// The rules of a key in words, for people; a dash for keys that have none.
pub(super) fn in_words(key: &Value) -> String {
    let Some(mail) = key.get("mail").filter(|mail| !mail.is_null()) else { return "-".to_owned() };
    let kept = mail.get("keep").and_then(Value::as_array);
    let kept: Vec<&str> = kept.into_iter().flatten().filter_map(Value::as_str).collect();
    let kept = if kept.is_empty() { String::new() } else { format!(" and {}", kept.join(", ")) };
    let most = match size(mail, "max_message").as_str() {
        "-" => String::new(),
        most => format!(", at most {most} each"),
    };
    format!(
        "folder by {}; keeps attachments{kept}; {} messages an hour{most}",
        text(mail, "folder"),
        text(mail, "per_hour")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_asked_for() {
        let none = MailArgs { mail_folder: None, keep: Vec::new(), max_message: None, per_hour: None };
        let asked = |args: &MailArgs| {
            let mut body = json!({});
            set_mail(&mut body, args);
            body
        };
        assert_eq!(asked(&none), json!({}));
        let nothing = MailArgs { keep: vec!["nothing".to_owned()], max_message: Some(Limit::None), ..none };
        assert_eq!(asked(&nothing), json!({"mail": {"keep": [], "max_message": null}}));
        let all = MailArgs {
            mail_folder: Some("subject".to_owned()),
            keep: vec!["text".to_owned(), "html".to_owned()],
            max_message: Some(Limit::At(1 << 20)),
            per_hour: Some(9),
        };
        let mail =
            json!({"folder": "subject", "keep": ["text", "html"], "max_message": 1 << 20, "per_hour": 9});
        assert_eq!(asked(&all), json!({"mail": mail}));
        assert_eq!(
            in_words(&json!({"mail": mail})),
            "folder by subject; keeps attachments and text, html; 9 messages an hour, at most 1.0 MiB each"
        );
        assert_eq!(in_words(&json!({"mail": null})), "-");
    }
}
