//! The fields for a user name, a secret and public keys of somebody's own.

use portcullis_domain::{Channel, InvalidSshKey, LoginName, Secret, SshPublicKey};

use super::super::fields::{Faults, Fields, anchor};
use super::super::words;

/// The longest text of public keys that the form takes.
pub(super) const MAX_KEYS: usize = 16 * 1024;
/// The longest secret, in characters; what is longer is cut off before it is looked at, and found too long.
const MAX_SECRET: usize = 1_100;

/// The fields as they are shown. A chosen secret is never among them: it is read from the form where it is used, and typed again if
/// the form comes back.
#[expect(clippy::struct_excessive_bools, reason = "boxes of a form")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct OwnForm {
    /// A user name, if one is chosen.
    pub(in super::super) login: String,
    /// Whether the secret is chosen, not generated.
    pub(in super::super) chosen: bool,
    pub(in super::super) public_keys: String,
    /// Whether a user name can be given.
    pub(in super::super) with_login: bool,
    /// Whether public keys can be given.
    pub(in super::super) with_public_keys: bool,
    /// Whether a secret that was typed has to be typed again.
    pub(in super::super) again: bool,
}

/// What somebody chose.
#[derive(Default)]
pub(in super::super) struct Own {
    pub(in super::super) login: Option<String>,
    pub(in super::super) secret: Option<Secret>,
    pub(in super::super) public_keys: Vec<String>,
}

impl OwnForm {
    /// Reads what may be shown again.
    pub(in super::super) fn of(fields: &Fields) -> Self {
        let text = |name: &str, most: usize| fields.get(name).chars().take(most).collect::<String>();
        Self {
            chosen: fields.get("creds") == "chosen",
            login: text("login", 200),
            public_keys: public_keys_shown(fields),
            with_login: true,
            with_public_keys: true,
            again: !fields.get("secret").is_empty(),
        }
    }

    /// Whether a fault of this field is one of these.
    pub(in super::super) fn has(field: &str) -> bool {
        matches!(anchor(field), "login" | "secret" | "secret_again" | "public_keys")
    }

    /// What was chosen, if it can be taken as far as a form knows; otherwise what is wrong is noted. Of a channel that has no user
    /// names nothing is chosen.
    pub(in super::super) fn read(&self, fields: &Fields, channel: Channel, faults: &mut Faults) -> Own {
        let mut own = Own::default();
        let login = self.login.trim();
        if channel.takes_chosen() && !login.is_empty() {
            if let Err(wrong) = LoginName::parse(login) {
                faults.add("login", wrong.to_string());
            }
            own.login = Some(login.to_owned());
        }
        if channel.takes_chosen() && self.chosen {
            let secret = fields.get("secret");
            if secret.is_empty() {
                faults.add("secret", words::text("own.secret.empty"));
            } else if secret != fields.get("secret_again") {
                faults.add("secret_again", words::text("own.secret.differs"));
            }
            own.secret = Some(Secret::foreign(secret.chars().take(MAX_SECRET).collect()));
        }
        if channel == Channel::Ftp {
            let given: String = fields.get("public_keys").chars().take(MAX_KEYS).collect();
            own.public_keys = lines(&given).map(str::to_owned).collect();
            public_key_faults(&given, faults);
        }
        own
    }
}

/// The public keys of a form as its page may show them again: a private key that was pasted by mistake is not shown.
pub(super) fn public_keys_shown(fields: &Fields) -> String {
    let given = fields.get("public_keys");
    if given.contains("PRIVATE KEY") { String::new() } else { given.chars().take(MAX_KEYS).collect() }
}

/// The lines that are no empty ones.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Notes what is wrong with a list of public keys, one to a line.
pub(super) fn public_key_faults(text: &str, faults: &mut Faults) {
    let several = lines(text).count() > 1;
    for (at, line) in lines(text).enumerate() {
        let said = match SshPublicKey::parse(line) {
            Ok(_) => continue,
            Err(wrong @ InvalidSshKey::Private) => wrong.to_string(),
            Err(wrong) if several => words::fill("own.line", &[&(at + 1), &wrong]),
            Err(wrong) => wrong.to_string(),
        };
        faults.add("public_keys", said);
        // A private key has many lines; one message is enough.
        break;
    }
    if lines(text).count() > SshPublicKey::MOST {
        faults.add("public_keys", words::fill("own.public_keys.most", &[&SshPublicKey::MOST]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519+AAAAC3NzaC1lZDI1NTE5AAAAIPYSiHrTBqtRoa%2Bf4LEPyTkKDf7HdZVcRMx0MjKQ4H%2Bh+ada";

    fn read(form: &str, channel: Channel) -> (Own, Vec<String>) {
        let fields = Fields::parse(form.as_bytes());
        let mut faults = Faults::default();
        let own = OwnForm::of(&fields).read(&fields, channel, &mut faults);
        (own, faults.iter().map(|fault| fault.field.clone()).collect())
    }

    #[test]
    fn what_is_chosen_is_read_where_the_channel_has_it() {
        let form = format!(
            "creds=chosen&login=Office&secret=a+long+enough+one&secret_again=a+long+enough+one&public_keys={KEY}"
        );
        let (own, faults) = read(&form, Channel::Ftp);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!((own.login.as_deref(), own.public_keys.len()), (Some("Office"), 1));
        assert_eq!(own.secret.unwrap().reveal(), "a long enough one");
        assert!(read(&form, Channel::Http).0.public_keys.is_empty());
        for channel in [Channel::S3, Channel::Rest] {
            let (own, faults) = read(&form, channel);
            assert!(own.login.is_none() && own.secret.is_none() && faults.is_empty());
        }
        let (own, _) = read(&form.replace("chosen", "generated"), Channel::Http);
        assert!(own.login.is_some() && own.secret.is_none(), "a name can be chosen for a generated secret");
    }

    #[test]
    fn what_is_wrong_is_named_at_its_field() {
        let wrong = |form: &str| read(form, Channel::Ftp).1;
        assert_eq!(wrong("creds=chosen"), ["secret"]);
        assert_eq!(wrong("creds=chosen&login=a+b&secret=x&secret_again=y"), ["login", "secret_again"]);
        assert_eq!(wrong("public_keys=-----BEGIN+OPENSSH+PRIVATE+KEY-----%0AAAAA%0ABBBB"), ["public_keys"]);
        assert_eq!(wrong(&format!("public_keys={}", format!("{KEY}%0A").repeat(17))), ["public_keys"]);
    }

    #[test]
    fn the_form_holds_no_secret() {
        let form = OwnForm::of(&Fields::parse(b"creds=chosen&login=x&secret=hidden&secret_again=hidden"));
        assert!(form.again && !format!("{form:?}").contains("hidden"));
        let form = OwnForm::of(&Fields::parse(b"public_keys=-----BEGIN+OPENSSH+PRIVATE+KEY-----%0Ahidden"));
        assert_eq!(form.public_keys, "", "a private key is not shown either");
    }
}
