//! What every reason of a refusal means: the rule behind it, and what helps.

use portcullis_access::Denial;
use portcullis_domain::DenyReason;

use crate::audit::DENIALS;

/// A reason of the audit trail, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The policy refused somebody who is known.
    Policy(DenyReason),
    /// Who they are was not shown, or the request itself was wrong.
    Denial(Denial),
    /// Something that administration itself refused, or that did not come about.
    Other,
}

/// A rule in words, and what whoever was refused can do about it without changing a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) text: &'static str,
    pub(super) advice: &'static str,
}

const fn rule(text: &'static str, advice: &'static str) -> Rule {
    Rule { text, advice }
}

impl Reason {
    pub(super) fn read(word: &str) -> Self {
        if let Ok(reason) = word.parse() {
            return Self::Policy(reason);
        }
        DENIALS
            .iter()
            .find(|denial| denial.as_str() == word)
            .map_or(Self::Other, |denial| Self::Denial(*denial))
    }

    pub(super) fn rule(self, word: &str) -> Rule {
        match self {
            Self::Policy(reason) => of_policy(reason),
            Self::Denial(denial) => of_denial(denial),
            Self::Other if word == "wider_than_own" => rule(
                "What a key makes or changes is never wider than the key itself.",
                "Ask for less, or do it with a wider key, or signed in as an admin.",
            ),
            Self::Other if word.starts_with("failed: ") => rule(
                "It was allowed and recorded, and then it did not come about.",
                "Try again. If it fails again, the log of the server has more under this id.",
            ),
            Self::Other => rule(
                "The sign-in that the identity provider vouches for is not admitted.",
                "Look at the settings of the identity provider, and at the person's account here.",
            ),
        }
    }
}

/// The rule behind each answer of the policy.
#[expect(clippy::too_many_lines, reason = "one arm for each reason")]
fn of_policy(reason: DenyReason) -> Rule {
    use DenyReason as R;
    match reason {
        R::KeyDeleted => rule(
            "A deleted key opens nothing, for good.",
            "Make a new key and give its credentials to the program that still uses the old one.",
        ),
        R::KeyExpired => rule(
            "A key opens nothing from its end on.",
            "Give the key a later end, or a new key to whoever used it.",
        ),
        R::KeyDisabled => rule(
            "A key that is switched off opens nothing until it is switched on again.",
            "Find out who switched it off and why: the audit trail of the key has it.",
        ),
        R::WrongChannel => rule(
            "A key opens the one channel that it was made for.",
            "Use the address of that channel (the key's page names it), or make a key for this one.",
        ),
        R::KeyNetwork => rule(
            "A key with a list of networks is accepted from these alone.",
            "Use it from one of its networks, or add the address.",
        ),
        R::OtherSite => rule("A key works in its own site alone.", "Make a key in the site of that storage."),
        R::OutOfScope => rule(
            "A key opens what it was made for, and learns nothing of anything else.",
            "Correct the bucket name in the program, or make a key for that storage.",
        ),
        R::OutsidePrefix => rule(
            "A key or a share with a prefix reaches the names that begin with it and no others.",
            "Use a name below the prefix, or widen what was shared.",
        ),
        R::KeyPermission => rule(
            "A key allows what its permission names and nothing else.",
            "Make another key with the permission that is needed.",
        ),
        R::UserDisabled => rule(
            "The keys of a person who may not come in open nothing.",
            "Let the person in again on their page, or make a key for somebody else.",
        ),
        R::SessionExpired => rule("A sign-in ends after a while.", "Sign in again."),
        R::NotGranted => rule(
            "Members, and their keys, reach what was shared with them.",
            "Share the storage with the person, or with a group of theirs.",
        ),
        R::GrantPermission => rule(
            "Members, and their keys, may do what was shared with them.",
            "Share with the permission that is needed.",
        ),
        R::SecondFactorNeeded => rule(
            "The site asks this person for a second factor.",
            "Sign in with a second factor; who has none sets one up on their account's page.",
        ),
        R::CredentialsReplaced => rule(
            "When a key gets new credentials the old ones stop: at once, or when their overlap ends.",
            "Put the new credentials into the program; who lost them generates new ones.",
        ),
        R::CredentialsExpired => rule(
            "Temporary credentials end by themselves.",
            "Ask for new ones; a program that uses the credential helper does that by itself.",
        ),
        R::LinkEnded => rule("A link that was ended leads nowhere, for good.", "Make a new link."),
        R::LinkExpired => {
            rule("A link leads nowhere from its end on.", "Give the link a later end, or make a new one.")
        }
        R::LinkNetwork => rule(
            "A link with a list of networks opens from these alone.",
            "Open it from one of its networks, or add the address.",
        ),
        R::LinkPermission => {
            rule("A link is for downloads or for uploads, never for both.", "Make another link for that.")
        }
        R::StorageDetached => rule(
            "A connection that was deleted opens for nobody.",
            "Make a new connection to the bucket, or attach the files again; both give new credentials.",
        ),
        R::StoragePaused => rule(
            "A connection that is paused opens for nobody but the people who run the site, until the pause ends.",
            "Wait for the end of the pause.",
        ),
        R::StorageS3Off => rule(
            "A connection opens to S3 tools only while its S3 access is switched on.",
            "Use the REST API, or switch S3 access on.",
        ),
        R::StorageNetwork => rule(
            "A connection with a list of networks is reached from these alone, whatever the key says.",
            "Use it from one of its networks, or add the address.",
        ),
        R::StoragePermission => rule(
            "No key may do more in a connection than the connection itself allows.",
            "Widen the connection's permission if all its keys may profit from it.",
        ),
    }
}

/// The rule behind each refusal of somebody who is not known, and of requests that are wrong in themselves.
fn of_denial(denial: Denial) -> Rule {
    match denial {
        Denial::Policy(reason) => of_policy(reason),
        Denial::NoCredentials => rule(
            "Nobody comes in without credentials.",
            "Enter the access key and the secret key in the program; many send nothing if a profile is missing.",
        ),
        Denial::Malformed => rule(
            "Credentials have a form, and these have none that is known.",
            "Enter them again; look for missing characters, quotation marks and exchanged fields.",
        ),
        Denial::UnknownKey => rule(
            "An access key that was never given out opens nothing.",
            "Compare the access key in the program with the list of keys, letter by letter.",
        ),
        Denial::OldSecret => rule(
            "The secret is the true one of credentials that were replaced, or of a key that was deleted.",
            "Somebody has not changed over: put the new credentials into that program.",
        ),
        Denial::BadSignature => rule(
            "A request is signed with the secret key, and the signature has to fit what arrives.",
            "Enter the secret key again; if it is right, look for a proxy that changes headers or paths, and use the address of \
             the server as it stands on the connection's page.",
        ),
        Denial::BadSecret => rule(
            "The secret has to be the one that was given out.",
            "Enter it again, without spaces around it, or give the key new credentials.",
        ),
        Denial::UnknownUser => rule("Only users sign in.", "Look for the name in the list of users."),
        Denial::WrongCredentialKind => rule(
            "Each kind of credential is for some things only.",
            "S3 keys sign requests, REST keys go into the Authorization header, others come with user name and secret, people sign in.",
        ),
        Denial::TimeSkew { .. } => rule(
            "A signed request is accepted within 15 minutes of the moment at which it was signed, a password digest within 5.",
            "Set the clock of the client, best by a time server (NTP).",
        ),
        Denial::Replayed => rule(
            "A password digest is taken once.",
            "Let the client make a new nonce for each message, and turn off what sends messages again as they were.",
        ),
        Denial::NotYetValid => rule(
            "A presigned address works from the moment that stands in it.",
            "Set the clock of the machine that makes the addresses.",
        ),
        Denial::RequestExpired { .. } => rule(
            "A presigned address works until the moment that stands in it.",
            "Make a new one, with a longer life if need be.",
        ),
        Denial::HeadersNotSigned => rule(
            "Headers that change what a request does have to be signed.",
            "Let the program sign every header that begins with x-amz-.",
        ),
        Denial::ConditionalWrite => rule(
            "Who may not read learns nothing of what exists, and the answer to a conditional write would tell.",
            "Switch conditional writes off in the program, or give the key permission to read.",
        ),
        Denial::BadSessionToken => rule(
            "Temporary credentials come with a session token that belongs to them.",
            "Enter all three parts of the same credentials; long-lived keys have no session token.",
        ),
        Denial::SecondFactorMissing => rule(
            "Who set up a second factor shows it at each sign-in.",
            "Sign in with the code or the passkey.",
        ),
        Denial::BadCode => rule(
            "A code holds for half a minute and works once.",
            "Wait for the next code; if none fits, set the clock of the telephone.",
        ),
        Denial::LinkLocked => {
            rule("A link with a password opens with it alone.", "Ask whoever made the link for its password.")
        }
        Denial::GrantMismatch => rule(
            "A copy needs the right to its source and to its target in one request.",
            "Copy within one storage, or download and upload.",
        ),
        Denial::CutOff => rule(
            "An admin ended this one transfer on the page of transfers.",
            "Begin it anew; if it must not go on, disable the key.",
        ),
    }
}

/// The reason that stands behind a word, for those whose rights may have changed since.
pub(super) fn policy_of(reason: Reason) -> Option<DenyReason> {
    match reason {
        Reason::Policy(reason) | Reason::Denial(Denial::Policy(reason)) => Some(reason),
        Reason::Denial(Denial::OldSecret) => Some(DenyReason::CredentialsReplaced),
        Reason::Denial(_) | Reason::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number for each of them: a variant that is added has no number, and does not compile.
    const fn number(denial: Denial) -> usize {
        match denial {
            Denial::Policy(_) => 0,
            Denial::NoCredentials => 1,
            Denial::Malformed => 2,
            Denial::UnknownKey => 3,
            Denial::OldSecret => 4,
            Denial::BadSignature => 5,
            Denial::BadSecret => 6,
            Denial::UnknownUser => 7,
            Denial::WrongCredentialKind => 8,
            Denial::TimeSkew { .. } => 9,
            Denial::NotYetValid => 10,
            Denial::RequestExpired { .. } => 11,
            Denial::HeadersNotSigned => 12,
            Denial::ConditionalWrite => 13,
            Denial::BadSessionToken => 14,
            Denial::SecondFactorMissing => 15,
            Denial::BadCode => 16,
            Denial::LinkLocked => 17,
            Denial::GrantMismatch => 18,
            Denial::CutOff => 19,
            Denial::Replayed => 20,
        }
    }

    #[test]
    fn every_reason_has_a_rule_and_advice_of_its_own() {
        let mut numbers: Vec<_> = DENIALS.iter().map(|denial| number(*denial)).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>(), "each of them is in the list, once");
        let words: Vec<&str> = DenyReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .chain(DENIALS.iter().map(|denial| denial.as_str()))
            .collect();
        let mut rules: Vec<Rule> = words.iter().map(|word| Reason::read(word).rule(word)).collect();
        for (word, rule) in words.iter().zip(&rules) {
            assert!(rule.text.ends_with('.') && rule.advice.ends_with('.'), "{word}");
            assert_ne!(Reason::read(word), Reason::Other, "{word}");
        }
        rules.sort_unstable_by_key(|rule| rule.text);
        rules.dedup_by_key(|rule| rule.text);
        assert_eq!(rules.len(), words.len(), "no two reasons have the same rule");
    }

    #[test]
    fn what_administration_refuses_is_explained_too() {
        for word in ["wider_than_own", "failed: unavailable", "identity_not_admitted", "something else"] {
            assert_eq!(Reason::read(word), Reason::Other);
            assert!(!Reason::Other.rule(word).text.is_empty());
        }
    }
}
