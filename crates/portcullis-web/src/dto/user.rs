//! People.

use portcullis_control::{Ended, NewInvitation, UserChange, UserDraft, UserRow};
use portcullis_domain::User;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::storage::SecretIn;

/// A person of the site.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserOut {
    /// Identifies the person.
    id: String,
    /// Their name at sign-in.
    username: String,
    /// The number in the bucket names of the storages they make.
    number: u32,
    /// `admin` or `member`.
    role: String,
    /// `active`, `disabled`, or `invited` until they have taken up their invitation.
    #[schema(example = "active")]
    state: String,
    /// Whether they have a password.
    has_password: bool,
    /// Whether they set up one-time codes.
    totp: bool,
    /// How many passkeys they have.
    passkeys: u32,
    /// How many keys of theirs there are.
    keys: u32,
    /// The groups they are in.
    groups: Vec<GroupNameOut>,
    /// When they last signed in; null for never.
    #[schema(format = DateTime)]
    last_sign_in_at: Option<String>,
    /// When they were let in.
    #[schema(format = DateTime)]
    created_at: String,
}

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GroupName)]
pub(crate) struct GroupNameOut {
    /// Identifies it.
    id: String,
    /// What it is called.
    name: String,
}

impl From<UserRow> for UserOut {
    fn from(row: UserRow) -> Self {
        let UserRow { user, last_sign_in, has_password, totp, passkeys, keys, groups } = row;
        let group = |(id, name): (portcullis_domain::GroupId, portcullis_domain::DisplayName)| GroupNameOut {
            id: id.to_string(),
            name: name.to_string(),
        };
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            number: user.number,
            role: user.role.to_string(),
            state: user.state.to_string(),
            has_password,
            totp,
            passkeys,
            keys,
            groups: groups.into_iter().map(group).collect(),
            last_sign_in_at: last_sign_in.map(|at| at.to_string()),
            created_at: user.created.to_string(),
        }
    }
}

/// A person to be let into the site.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub(crate) struct UserIn {
    /// Their name at sign-in, unique in the installation: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `@`, `+`.
    #[schema(min_length = 1, example = "ada")]
    username: String,
    /// `admin` or `member`.
    #[schema(pattern = "^(admin|member)$", example = "member")]
    role: String,
    /// A password for them. Better left out: then they are invited, and choose their own.
    #[schema(value_type = Option<String>, write_only, format = Password, min_length = 12)]
    password: Option<SecretIn>,
}

impl From<UserIn> for UserDraft {
    fn from(given: UserIn) -> Self {
        Self {
            username: given.username,
            role: given.role,
            password: given.password.map(|password| password.0),
        }
    }
}

/// What to change of a person; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(crate) struct UserPatch {
    /// `admin` or `member`.
    #[schema(pattern = "^(admin|member)$")]
    role: Option<String>,
    /// `active` or `disabled`.
    #[schema(pattern = "^(active|disabled)$")]
    state: Option<String>,
}

impl From<UserPatch> for UserChange {
    fn from(given: UserPatch) -> Self {
        Self { role: given.role, state: given.state }
    }
}

/// A one-time invitation: the only answer that ever holds it.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationOut {
    /// What takes it up.
    token: String,
    /// The page on which it is taken up. What stands after `#` is not sent to the server, so that it comes into no log.
    #[schema(example = "https://gate.example.org/join#TOKEN")]
    url: String,
    /// The first moment at which it can no longer be taken up.
    #[schema(format = DateTime)]
    expires_at: String,
}

impl InvitationOut {
    pub(crate) fn new(invitation: &NewInvitation, web_address: &str) -> Self {
        let token = invitation.token.reveal();
        Self {
            token: token.to_owned(),
            url: format!("{}/join#{token}", web_address.trim_end_matches('/')),
            expires_at: invitation.expires.to_string(),
        }
    }
}

/// A person who was just let in.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedUser)]
pub(crate) struct CreatedUserOut {
    /// The person.
    pub(crate) user: UserOut,
    /// To hand to who got no password; null for who did.
    pub(crate) invitation: Option<InvitationOut>,
}

/// What a change ended.
#[derive(Serialize, ToSchema)]
#[schema(as = Ended)]
pub(crate) struct EndedOut {
    /// Sign-ins.
    sessions: u64,
    /// Transfers under way, on the node that answers; other nodes end theirs within a second.
    transfers: u32,
}

impl From<Ended> for EndedOut {
    fn from(ended: Ended) -> Self {
        Self { sessions: ended.sessions, transfers: ended.transfers }
    }
}

/// A person after a change.
#[derive(Serialize, ToSchema)]
#[schema(as = ChangedUser)]
pub(crate) struct ChangedUserOut {
    /// The person, as they are now.
    pub(crate) user: UserOut,
    /// What the change ended.
    pub(crate) ended: EndedOut,
}

/// How somebody is reset.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Reset)]
pub(crate) struct ResetIn {
    /// Whether one-time codes and recovery codes go too; passkeys, which sign in by themselves, always do.
    pub(crate) second_factor: bool,
}

/// A person after a reset.
#[derive(Serialize, ToSchema)]
#[schema(as = ResetUser)]
pub(crate) struct ResetOut {
    /// To hand to the person.
    pub(crate) invitation: InvitationOut,
    /// What the reset ended.
    pub(crate) ended: EndedOut,
}

/// An invitation that is taken up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Acceptance)]
pub(crate) struct AcceptIn {
    /// What stands after `#` in the invitation's address.
    #[schema(value_type = String, write_only)]
    pub(crate) token: SecretIn,
    /// The password to have: 12 to 1,024 bytes, not the user name, and none that everybody tries first.
    #[schema(value_type = String, write_only, format = Password, min_length = 12)]
    pub(crate) password: SecretIn,
}

/// Whose invitation was taken up.
#[derive(Serialize, ToSchema)]
#[schema(as = Accepted)]
pub(crate) struct AcceptedOut {
    /// The name to sign in with.
    pub(crate) username: String,
}

/// A person in a group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberOut {
    /// Identifies the person.
    id: String,
    /// Their name at sign-in.
    username: String,
    /// `admin` or `member`.
    role: String,
    /// `active`, `disabled` or `invited`.
    state: String,
}

impl From<User> for MemberOut {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username.to_string(),
            role: user.role.to_string(),
            state: user.state.to_string(),
        }
    }
}
