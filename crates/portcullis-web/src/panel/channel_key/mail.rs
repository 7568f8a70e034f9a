//! What a mail key makes of messages: the fields, in the forms for new keys and on the page of a key.

use portcullis_control::{ControlError, KeyChange, MailDraft};
use portcullis_domain::{Channel, Key, MailFolder, MailRules};

use super::super::connection::typed_size;
use super::super::error::PanelError;
use super::super::fields::{Faults, Fields};
use super::super::new_connection::quota;
use super::super::page::Chrome;
use super::super::seen::Seen;
use super::super::words;
use crate::app::App;
use crate::extract::Keeper;

/// The fields as they are shown.
#[expect(clippy::struct_excessive_bools, reason = "boxes of a form")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct MailForm {
    /// Whether the subject names the folder where the address does not.
    pub(in super::super) by_subject: bool,
    pub(in super::super) keep_text: bool,
    pub(in super::super) keep_html: bool,
    pub(in super::super) keep_message: bool,
    /// The largest message as somebody types it, `25 MB`; empty for what the server takes.
    pub(in super::super) max_message: String,
    /// Messages an hour.
    pub(in super::super) per_hour: String,
}

/// The rules on the page of a key.
pub(in super::super) struct MailSection {
    /// Where the form goes.
    pub(in super::super) action: String,
    pub(in super::super) seen: Seen,
    pub(in super::super) form: MailForm,
    pub(in super::super) faults: Faults,
}

/// What came of a change.
pub(in super::super) enum MailChanged {
    /// It was done.
    Done,
    /// It was not: what was filled in, and what is wrong with it. Nothing was filled in that would still be wanted if the rules were
    /// changed meanwhile.
    Again(Option<MailForm>, Faults),
}

impl MailForm {
    /// What is filled in; where nothing is, what a key has for which nobody said anything.
    pub(in super::super) fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).chars().take(40).collect::<String>();
        let usual = Self::stored(&MailRules::default());
        let per_hour = if fields.has("per_hour") { text("per_hour") } else { usual.per_hour };
        Self {
            by_subject: fields.get("mail_folder") == MailFolder::Subject.as_str(),
            keep_text: fields.has("keep_text"),
            keep_html: fields.has("keep_html"),
            keep_message: fields.has("keep_message"),
            max_message: text("max_message"),
            per_hour,
        }
    }

    fn stored(rules: &MailRules) -> Self {
        Self {
            by_subject: rules.folder == MailFolder::Subject,
            keep_text: rules.keep_text,
            keep_html: rules.keep_html,
            keep_message: rules.keep_message,
            max_message: rules.max_message.map(typed_size).unwrap_or_default(),
            per_hour: rules.per_hour.to_string(),
        }
    }

    /// The fields for the address of the form, without those that are as usual.
    pub(in super::super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let ticked = |on: bool| if on { "on" } else { "" };
        [
            ("mail_folder", if self.by_subject { MailFolder::Subject.as_str() } else { "" }),
            ("keep_text", ticked(self.keep_text)),
            ("keep_html", ticked(self.keep_html)),
            ("keep_message", ticked(self.keep_message)),
            ("max_message", &self.max_message),
            ("per_hour", &self.per_hour),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
    }

    /// The rules in words, line by line.
    pub(in super::super) fn said(&self) -> Vec<String> {
        let folder = if self.by_subject { "mail.folder.subject" } else { "mail.folder.address" };
        let kept = [
            (self.keep_text, "mail.keep.text"),
            (self.keep_html, "mail.keep.html"),
            (self.keep_message, "mail.keep.message"),
        ];
        let mut kept: Vec<_> = kept.iter().filter(|(on, _)| *on).map(|(_, name)| words::text(name)).collect();
        if kept.is_empty() {
            kept.push(words::text("mail.keep.none"));
        }
        let mut said = vec![format!("{}: {}", words::text("mail.folder"), words::text(folder))];
        said.extend(kept.into_iter().map(str::to_owned));
        if !self.max_message.is_empty() {
            said.push(words::fill("mail.max.reviewed", &[&self.max_message]));
        }
        said.push(words::fill("mail.hour.reviewed", &[&self.per_hour]));
        said
    }

    /// What is wanted, for a key of this channel; otherwise what is wrong is noted. Other channels have no such rules.
    pub(in super::super) fn read(&self, channel: Channel, faults: &mut Faults) -> MailDraft {
        if channel != Channel::Email {
            return MailDraft::default();
        }
        let max_message = match self.max_message.trim() {
            "" => None,
            typed => match quota::parse(typed) {
                Ok(bytes) if bytes >= MailRules::LEAST_MESSAGE => Some(bytes),
                Ok(_) => {
                    faults.add("max_message", words::text("mail.max.small"));
                    None
                }
                Err(_) => {
                    faults.add("max_message", words::text("mail.max.form"));
                    None
                }
            },
        };
        let per_hour = self.per_hour.trim().parse().ok();
        let per_hour = per_hour.filter(|count| (1..=MailRules::MOST_PER_HOUR).contains(count));
        if per_hour.is_none() {
            let most = words::thousands(u64::from(MailRules::MOST_PER_HOUR));
            faults.add("per_hour", words::fill("mail.hour.wrong", &[&most]));
        }
        let keep = [(self.keep_text, "text"), (self.keep_html, "html"), (self.keep_message, "message")];
        let folder = if self.by_subject { MailFolder::Subject } else { MailFolder::Address };
        MailDraft {
            folder: Some(folder.to_string()),
            keep: Some(keep.iter().filter(|(on, _)| *on).map(|(_, word)| (*word).to_owned()).collect()),
            max_message: Some(max_message),
            per_hour,
        }
    }
}

impl MailSection {
    /// The rules of this key, whose page is at `own`; none if it is of another channel.
    pub(in super::super) fn of(key: &Key, own: &str) -> Option<Self> {
        (key.channel == Channel::Email).then(|| Self {
            action: format!("{own}/mail"),
            seen: seen(key),
            form: MailForm::stored(&key.mail),
            faults: Faults::default(),
        })
    }

    /// The form with what was filled in, and why it was not done.
    pub(in super::super) fn after(self, form: Option<MailForm>, faults: Faults) -> Self {
        Self { form: form.unwrap_or(self.form), faults, ..self }
    }
}

fn seen(key: &Key) -> Seen {
    let mut seen = Seen::default();
    for (name, value) in MailForm::stored(&key.mail).pairs() {
        seen.add(&name);
        seen.add(&value);
    }
    seen
}

/// Changes the rules as the form says, unless they are others than it shows.
pub(in super::super) async fn change(
    app: &App,
    keeper: &Keeper,
    chrome: &Chrome,
    key: &Key,
    form: &Fields,
) -> Result<MailChanged, PanelError> {
    let filled = MailForm::of(form);
    let mut faults = Faults::default();
    let mail = filled.read(key.channel, &mut faults);
    if !faults.is_empty() {
        return Ok(MailChanged::Again(Some(filled), faults));
    }
    let change = KeyChange { mail: Some(mail), ..KeyChange::default() };
    match keeper.update_if(&app.control, key.id, &change, |now| seen(now).is_in(form, "seen")).await {
        Ok(Some(changed)) => {
            chrome.note(changed.receipt);
            Ok(MailChanged::Done)
        }
        Ok(None) => {
            faults.add("mail", words::text("mail.stale"));
            Ok(MailChanged::Again(None, faults))
        }
        Err(ControlError::Invalid(problems)) => Ok(MailChanged::Again(Some(filled), Faults::from(problems))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: &str, channel: Channel) -> (MailDraft, Vec<String>) {
        let fields = Fields::parse(form.as_bytes());
        let mut faults = Faults::default();
        let draft = MailForm::of(&fields).read(channel, &mut faults);
        (draft, faults.iter().map(|fault| fault.field.clone()).collect())
    }

    #[test]
    fn rules_are_read_for_mail_alone() {
        let form = "mail_folder=subject&keep_text=on&keep_message=on&max_message=25+MB&per_hour=60";
        let (draft, faults) = read(form, Channel::Email);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(draft.folder.as_deref(), Some("subject"));
        assert_eq!(draft.keep, Some(vec!["text".to_owned(), "message".to_owned()]));
        assert_eq!((draft.max_message, draft.per_hour), (Some(Some(25_000_000)), Some(60)));
        for channel in [Channel::Http, Channel::WebService, Channel::S3] {
            assert_eq!(read(form, channel), (MailDraft::default(), Vec::new()));
        }
    }

    #[test]
    fn an_empty_form_has_what_a_key_has_anyway() {
        let usual = MailForm::stored(&MailRules::default());
        assert_eq!(MailForm::of(&Fields::default()), usual);
        let (draft, faults) = read("", Channel::Email);
        assert!(faults.is_empty());
        assert_eq!((draft.keep, draft.max_message), (Some(Vec::new()), Some(None)));
    }

    #[test]
    fn what_is_filled_in_comes_back() {
        let text = "mail_folder=subject&keep_html=on&max_message=1+GB&per_hour=7";
        let form = MailForm::of(&Fields::parse(text.as_bytes()));
        let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(form.pairs()).finish();
        assert_eq!(MailForm::of(&Fields::parse(again.as_bytes())), form);
    }

    #[test]
    fn what_is_wrong_is_named_at_its_field() {
        let wrong = |form: &str| read(form, Channel::Email).1;
        assert_eq!(wrong("max_message=25"), ["max_message"]);
        assert_eq!(wrong("max_message=1+kB&per_hour=0"), ["max_message", "per_hour"]);
        assert_eq!(wrong("per_hour=100001"), ["per_hour"]);
        assert_eq!(wrong("per_hour="), ["per_hour"]);
    }
}
