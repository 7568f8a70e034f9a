//! Credentials that people choose: user names, secrets, and public keys of SSH.

use portcullis_domain::{Channel, DisplayName, LoginName, Secret, SshPublicKey};

use crate::check::Check;
use crate::password::{PASSWORD_MAX, PASSWORD_MIN, is_common, plain};

/// Why the secret of a key of this channel is not for people to choose; none if it is.
pub(super) const fn why_generated(channel: Channel) -> Option<&'static str> {
    match channel {
        Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email => None,
        Channel::S3 => Some(
            "S3 signs with its secrets, so they are generated, and kept in a form that can be read back: leave it out",
        ),
        Channel::Rest => Some("the secrets of this channel are generated: leave it out"),
    }
}

/// Whether this may be the secret of a key with these names: 12 to 1,024 characters that every client sends alike, not the names nor
/// with one in it, nothing that everybody tries, and not of the form of a generated one.
///
/// # Errors
/// What is wrong, in words for the person.
pub fn check_chosen_secret(names: &[&str], secret: &Secret) -> Result<(), &'static str> {
    let text = secret.reveal();
    if text.len() < PASSWORD_MIN {
        return Err("at least 12 characters; several words are easier to keep in mind than a short riddle");
    }
    if text.len() > PASSWORD_MAX {
        return Err("at most 1,024 characters");
    }
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(
            "only letters a-z and A-Z, digits, spaces and signs of ASCII: clients send others differently",
        );
    }
    if text.trim() != text {
        return Err("no spaces at the beginning or end: some clients leave them out");
    }
    if Secret::parse(text).is_ok() {
        return Err("this is a generated secret; leave it out to have one generated");
    }
    let folded = plain(text);
    if is_common(&folded) {
        return Err("this is among the secrets that are tried first; choose another");
    }
    let holds = |name: &&str| {
        let name = plain(name);
        name.len() >= LoginName::MIN && folded.contains(name.as_str())
    };
    if names.iter().any(holds) {
        return Err("without the name or the user name of the key in it");
    }
    Ok(())
}

/// Notes what is wrong with a secret that somebody chose for a key of this channel.
pub(super) fn secret(
    check: &mut Check,
    channel: Channel,
    (name, login): (&DisplayName, Option<&LoginName>),
    chosen: &Secret,
) {
    let names = [name.as_str(), login.map_or("", LoginName::as_str)];
    let fault = why_generated(channel).or_else(|| check_chosen_secret(&names, chosen).err());
    if let Some(fault) = fault {
        check.problem("secret", fault);
    }
}

/// The public keys of these lines.
pub(super) fn public_keys(check: &mut Check, lines: &[String]) -> Option<Vec<SshPublicKey>> {
    let most = SshPublicKey::MOST;
    if lines.len() > most {
        check.problem("public_keys", format!("at most {most}; make another key for the others"));
        return None;
    }
    let mut keys: Vec<SshPublicKey> = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        let field = format!("public_keys[{at}]");
        let Some(key) = check.parse::<SshPublicKey>(&field, line) else { continue };
        if keys.contains(&key) {
            check.problem(field, "this one is there twice");
        } else {
            keys.push(key);
        }
    }
    (keys.len() == lines.len()).then_some(keys)
}

/// What a `Debug` text says in place of a secret.
pub(super) fn hidden(secret: Option<&Secret>) -> &'static str {
    if secret.is_some() { "chosen" } else { "generated" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(names: &[&str], text: &str) -> Option<&'static str> {
        check_chosen_secret(names, &Secret::foreign(text.to_owned())).err()
    }

    #[test]
    fn the_rules() {
        for fine in ["blue cup on a shelf", "x7$kQ9!mWp2@", "000000000001", &"ab".repeat(512)] {
            assert_eq!(fault(&["Accounting", "ledger"], fine), None, "{fine}");
        }
        for (wrong, why) in [
            ("elevenbytes", "at least 12"),
            (&*"ab".repeat(513), "1,024"),
            ("zwölf und vier", "ASCII"),
            ("line one\nline two", "ASCII"),
            (" blue cup on a shelf", "no spaces"),
            ("Password 1234", "tried first"),
            ("xxxxxxxxxxxxxxx", "tried first"),
            ("my LEDGER of today", "in it"),
            ("ledgerledger", "in it"),
            ("the Ac coun ting secret", "in it"),
        ] {
            assert!(
                fault(&["Accounting", "ledger"], wrong).is_some_and(|told| told.contains(why)),
                "{wrong}"
            );
        }
        let generated = Secret::from_entropy(&[7; 32]);
        assert!(fault(&[], generated.reveal()).is_some_and(|told| told.contains("generated")));
        assert_eq!(fault(&["a", "", "ab"], "a blue cup about here"), None, "short names are in everything");
    }

    #[test]
    fn lines_are_read_one_by_one() {
        let line = |seed: u8| {
            let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
            blob.extend([seed; 32]);
            SshPublicKey::from_blob(&blob).unwrap().to_string()
        };
        let read = |lines: &[String]| {
            let mut check = Check::default();
            let keys = public_keys(&mut check, lines);
            match check.finish(Some(())) {
                Err(crate::ControlError::Invalid(faults)) => {
                    assert!(keys.is_none());
                    faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
                }
                _ => {
                    assert_eq!(keys.unwrap().len(), lines.len());
                    Vec::new()
                }
            }
        };
        assert_eq!(read(&[]), [""; 0]);
        assert_eq!(read(&[line(1), line(2) + " ada@laptop"]), [""; 0]);
        assert_eq!(
            read(&[line(1), "ssh-rsa AAAA".to_owned(), line(1) + " again"]),
            ["public_keys[1]", "public_keys[2]"]
        );
        assert_eq!(read(&(0..17).map(line).collect::<Vec<_>>()), ["public_keys"]);
    }
}
