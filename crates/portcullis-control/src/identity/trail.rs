//! What the audit trail says of people who come from the provider.

use portcullis_access::{Denial, Origin, VerifiedIdentity};
use portcullis_domain::{SiteId, User};
use portcullis_metadata::{AuditEvent, MetadataError};
use portcullis_signin::oidc::OidcErrorKind;

use super::IdentityError;
use crate::Control;

/// Who acts when a sign-in brings a change with it.
const ACTOR: &str = "identity_provider";

/// Why somebody whom the provider vouches for does not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotAdmitted,
    UnusableUsername,
    UsernameTaken,
    Disabled,
}

impl Refusal {
    const ALL: [Self; 4] = [Self::NotAdmitted, Self::UnusableUsername, Self::UsernameTaken, Self::Disabled];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NotAdmitted => "identity_not_admitted",
            Self::UnusableUsername => "identity_without_username",
            Self::UsernameTaken => "identity_username_taken",
            Self::Disabled => "user_disabled",
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::NotAdmitted => {
                "the identity provider vouches for the person, but they are no user here and may not become one"
            }
            Self::UnusableUsername => {
                "the identity provider gives the person no name that could be a user name"
            }
            Self::UsernameTaken => {
                "a user of that name is not tied to the identity; they can tie it themself, signed in, on their account's page"
            }
            Self::Disabled => "the user may not come in",
        }
    }
}

/// A reason of the trail in words, if it is one of these.
pub(crate) fn explanation(reason: &str) -> Option<&'static str> {
    Refusal::ALL.iter().find(|refusal| refusal.as_str() == reason).map(|refusal| refusal.explanation())
}

fn cleaned(text: &str, most: usize) -> String {
    text.chars().filter(|c| (' '..='~').contains(c)).take(most).collect()
}

impl Control {
    /// Does what a sign-in brings with it; its entry in the trail is committed with it.
    pub(super) async fn as_provider<T>(
        &self,
        origin: &Origin<'_>,
        (site, action, object): (SiteId, &str, &str),
        commit: impl Future<Output = Result<T, MetadataError>> + Send,
    ) -> Result<T, MetadataError> {
        let event = self.identity_event(origin, Some(site), ACTOR.to_owned(), action, object.to_owned());
        self.metadata.recording(vec![event], commit).await
    }

    /// Somebody whom the provider vouches for did not come in. Who it is stands there as the provider says it.
    pub(super) async fn note_refusal(
        &self,
        origin: &Origin<'_>,
        user: Option<&User>,
        verified: &VerifiedIdentity,
        refusal: Refusal,
    ) -> Result<(), IdentityError> {
        let actor = user.map_or_else(|| ACTOR.to_owned(), |user| format!("user:{}", user.username));
        let name = verified.username().unwrap_or_default();
        let object = format!("{} ({})", cleaned(verified.subject(), 255), cleaned(name, 100));
        let site = match user {
            Some(user) => Some(user.site),
            // Where they would have been made a user, its admins look for them.
            None => self.site_of_newcomers().await.ok().map(|site| site.id),
        };
        let event = self.identity_event(origin, site, actor, "sign_in", object);
        let event = AuditEvent { allowed: false, reason: refusal.as_str().to_owned(), ..event };
        Ok(self.metadata.append_audit(&[event]).await?)
    }

    /// The provider would have made the last admin a member.
    pub(super) async fn note_kept_admin(
        &self,
        origin: &Origin<'_>,
        user: &User,
        what: &str,
    ) -> Result<(), IdentityError> {
        tracing::warn!(user = %user.username, "stays an admin although the identity provider says otherwise: there is no other");
        let event =
            self.identity_event(origin, Some(user.site), ACTOR.to_owned(), "update_user", what.to_owned());
        let event = AuditEvent { allowed: false, reason: "failed: last_admin".to_owned(), ..event };
        Ok(self.metadata.append_audit(&[event]).await?)
    }

    /// Somebody brought an answer of which nothing is believed.
    pub(super) fn note_stranger(&self, origin: &Origin<'_>, kind: OidcErrorKind) {
        let denial = match kind {
            OidcErrorKind::Untrusted | OidcErrorKind::Expired => Denial::BadSecret,
            OidcErrorKind::Refused => Denial::NoCredentials,
            OidcErrorKind::Unreachable | OidcErrorKind::Misconfigured | OidcErrorKind::Busy => return,
        };
        // The error says no more than what was found already.
        drop(self.access.refuse(*origin, None, denial));
    }

    fn identity_event(
        &self,
        origin: &Origin<'_>,
        site: Option<SiteId>,
        actor: String,
        action: &str,
        object: String,
    ) -> AuditEvent {
        AuditEvent {
            at: self.access.now(),
            request_id: cleaned(origin.request_id, 64),
            site,
            actor,
            key: None,
            storage: None,
            channel: origin.channel,
            peer: origin.peer.to_canonical().to_string(),
            tool: cleaned(origin.tool, 120),
            action: action.to_owned(),
            object: Some(object),
            allowed: true,
            reason: String::new(),
            detail: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words() {
        for refusal in Refusal::ALL {
            assert_eq!(explanation(refusal.as_str()), Some(refusal.explanation()));
        }
        assert_eq!(explanation("bad_secret"), None);
    }
}
