//! What somebody filled in for a person, and what it becomes.

use portcullis_domain::{Role, Secret, User, UserState, Username};
use portcullis_metadata::UserRow;

use crate::check::Check;
use crate::{Result, check_password};

/// A person to be let in, as somebody filled it in.
#[derive(Clone, Default)]
pub struct UserDraft {
    /// Their name at sign-in, unique in the installation.
    pub username: String,
    /// `admin` or `member`.
    pub role: String,
    /// A password for them; without one they are invited, and choose their own.
    pub password: Option<Secret>,
}

impl std::fmt::Debug for UserDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserDraft")
            .field("username", &self.username)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// What to change of a person; what is left out stays. The name never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// `admin` or `member`.
    pub role: Option<String>,
    /// `active` or `disabled`.
    pub state: Option<String>,
}

impl UserDraft {
    pub(super) fn check(&self) -> Result<(Username, Role)> {
        let mut check = Check::default();
        let username: Option<Username> = check.parse("username", &self.username);
        let role = check.parse("role", &self.role);
        if let (Some(username), Some(password)) = (&username, &self.password)
            && let Err(message) = check_password(username, password)
        {
            check.problem("password", message);
        }
        check.finish(username.zip(role))
    }
}

impl UserChange {
    /// The record that comes of it, and whether it is one's own that is changed to one's harm.
    pub(super) fn apply(&self, row: &UserRow, own: bool) -> Result<User> {
        let mut check = Check::default();
        let mut user = row.user.clone();
        if let Some(role) = self.role.as_deref().and_then(|role| check.parse("role", role)) {
            let lost = own && user.role == Role::Admin && role == Role::Member;
            check.require(!lost, "role", "you cannot take this from yourself; another admin can");
            user.role = role;
        }
        if let Some(state) = self.state.as_deref().and_then(|state| check.parse("state", state)) {
            match (row.user.state, state) {
                (before, wanted) if before == wanted => {}
                (_, UserState::Invited) => {
                    check.problem("state", "active or disabled; a reset invites somebody again");
                }
                (UserState::Invited, UserState::Active) => {
                    check.problem(
                        "state",
                        "they have not taken up their invitation yet; a reset makes a new one",
                    );
                }
                (_, UserState::Disabled) => {
                    check.require(!own, "state", "you cannot shut yourself out; another admin can");
                    user.state = UserState::Disabled;
                }
                (_, UserState::Active) => user.state = state_again(row),
            }
        }
        check.finish(Some(user))
    }
}

/// How somebody is who is let in again: who never came in and has no password is still waited for.
fn state_again(row: &UserRow) -> UserState {
    if row.has_password || row.passkeys > 0 || row.last_sign_in.is_some() {
        UserState::Active
    } else {
        UserState::Invited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControlError;
    use portcullis_domain::{SiteId, Timestamp, UserId};

    fn row(state: UserState, has_password: bool) -> UserRow {
        let user = User {
            id: UserId::from_u128(1),
            site: SiteId::from_u128(1),
            number: 10001,
            username: Username::parse("ada").unwrap(),
            role: Role::Admin,
            state,
            created: Timestamp::default(),
        };
        UserRow {
            user,
            last_sign_in: None,
            has_password,
            totp: false,
            passkeys: 0,
            keys: 0,
            groups: Vec::new(),
        }
    }

    fn to(role: Option<&str>, state: Option<&str>) -> UserChange {
        UserChange { role: role.map(str::to_owned), state: state.map(str::to_owned) }
    }

    fn refused(outcome: Result<User>) -> Vec<String> {
        match outcome {
            Err(ControlError::Invalid(problems)) => {
                problems.into_iter().map(|problem| problem.field).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn states_that_can_be_chosen() {
        use UserState::{Active, Disabled, Invited};
        let state = |from, has_password, wanted: &str| {
            to(None, Some(wanted)).apply(&row(from, has_password), false).map(|user| user.state).ok()
        };
        assert_eq!(state(Active, true, "disabled"), Some(Disabled));
        assert_eq!(state(Invited, false, "disabled"), Some(Disabled));
        assert_eq!(state(Disabled, true, "active"), Some(Active));
        assert_eq!(state(Disabled, false, "active"), Some(Invited));
        assert_eq!(state(Invited, false, "invited"), Some(Invited), "what is so already is no change");
        for (from, wanted) in [(Active, "invited"), (Invited, "active"), (Active, "gone"), (Active, "")] {
            assert_eq!(state(from, true, wanted), None, "{from} {wanted}");
        }
    }

    #[test]
    fn nobody_shuts_themselves_out() {
        let both = to(Some("member"), Some("disabled"));
        assert_eq!(refused(both.apply(&row(UserState::Active, true), true)), ["role", "state"]);
        assert_eq!(both.apply(&row(UserState::Active, true), false).unwrap().role, Role::Member);
        assert!(to(Some("admin"), Some("active")).apply(&row(UserState::Active, true), true).is_ok());
    }

    #[test]
    fn every_wrong_field_of_a_draft_is_named() {
        let secret = |text: &str| Some(Secret::foreign(text.to_owned()));
        let draft = |username: &str, role: &str, password: Option<Secret>| {
            let draft = UserDraft { username: username.to_owned(), role: role.to_owned(), password };
            match draft.check() {
                Ok(_) => Vec::new(),
                Err(ControlError::Invalid(problems)) => {
                    problems.into_iter().map(|problem| problem.field).collect()
                }
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(draft("Ada", "member", None), [""; 0]);
        assert_eq!(draft("a b", "owner", secret("short")), ["username", "role"]);
        assert_eq!(draft("ada", "owner", secret("short")), ["role", "password"]);
        assert_eq!(draft("ada.lovelace", "admin", secret("Ada.Lovelace")), ["password"]);
    }
}
