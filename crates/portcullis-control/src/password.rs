//! People's own passwords.

use portcullis_access::{AccessError, Change, Denial, Principal};
use portcullis_domain::{Secret, User, UserState, Username};

use zeroize::Zeroizing;

use crate::audit::Deed;
use crate::sessions::origin_of;
use crate::{Control, ControlError, FieldProblem, Result};

/// The shortest password, in bytes.
pub const PASSWORD_MIN: usize = 12;
/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 1024;

/// Passwords of the permitted length that guessers try first, in lower case and without white space.
const COMMON: &[&str] = &[
    "000000000000",
    "012345678910",
    "0123456789ab",
    "1234567890-=",
    "123456789012",
    "1234567890ab",
    "1234567890qw",
    "1234567891011",
    "123456789101112",
    "123456789abc",
    "1234qwerasdf",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc",
    "1qaz2wsx3edc4rfv",
    "abcdefghijkl",
    "abcdefghijklmnopqrstuvwxyz",
    "administrator",
    "administrator1",
    "adminpassword",
    "asdfghjkl123",
    "changemechangeme",
    "changemenow1",
    "correcthorsebatterystaple",
    "defaultpassword",
    "iloveyou1234",
    "letmein12345",
    "letmeinletmein",
    "mypassword123",
    "p@ssw0rd1234",
    "passw0rd1234",
    "password!123",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "portcullis12",
    "portcullis123",
    "portcullisportcullis",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiop[]",
    "qwertyuiopasdfghjkl",
    "secretsecret",
    "trustno1trustno1",
    "welcome12345",
    "zaq12wsxcde3",
];

/// Whether this may be the password of this user: 12 to 1,024 bytes, not the user name, nothing that everybody tries.
///
/// # Errors
/// What is wrong, in words for the person.
pub fn check_password(username: &Username, password: &Secret) -> Result<(), &'static str> {
    let text = password.reveal();
    if text.len() < PASSWORD_MIN {
        return Err("at least 12 characters; several words are easier to keep in mind than a short riddle");
    }
    if text.len() > PASSWORD_MAX {
        return Err("at most 1,024 bytes");
    }
    let plain = plain(text);
    if plain.as_str() == username.as_str() {
        return Err("not the user name");
    }
    if is_common(&plain) {
        return Err("this is among the passwords that are tried first; choose another");
    }
    Ok(())
}

/// A password as guessers look at it: in lower case, without white space.
pub(crate) fn plain(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(2 * text.len()));
    plain.extend(text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase));
    plain
}

/// Whether such a text is among those that are tried first.
pub(crate) fn is_common(plain: &str) -> bool {
    let mut letters = plain.chars();
    let first = letters.next();
    COMMON.contains(&plain) || letters.all(|c| Some(c) == first)
}

impl Control {
    /// Gives the person who signed in another password. Their other sessions end; the one that asks goes on.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `current` if it is not the present password, and for `new` if it breaks a rule of
    /// [`check_password`] or is the present one; [`AccessError::Throttled`] after too many wrong ones; [`AccessError::Denied`] for a
    /// key: it is not the person; [`ControlError::Metadata`]; [`ControlError::Access`], also if the password is changed but that
    /// could not be put in force here.
    pub async fn change_own_password(&self, who: &Principal, current: &Secret, new: &Secret) -> Result<()> {
        let user = self.person(who).await?;
        let mut problems = Vec::new();
        if !self.is_password_of(who, &user, current).await? {
            problems.push(FieldProblem::new("current", "not your present password"));
        }
        if let Err(message) = check_password(&user.username, new) {
            problems.push(FieldProblem::new("new", message));
        } else if new == current {
            problems.push(FieldProblem::new("new", "has to be another than the present one"));
        }
        if !problems.is_empty() {
            return Err(ControlError::Invalid(problems));
        }
        let (Some(session), phc) = (who.session_id(), self.access.hash_password(new).await?) else {
            return Err(not_a_person());
        };
        let deed = Deed { action: "change_own_password", ..Deed::default() };
        let actor = actor_of(&user);
        let changed = self.metadata.change_password(user.id, &phc, session);
        self.carry_out_by((&[who.site()], who, &actor), deed, changed).await?;
        self.in_force_everywhere(self.cutting_lately(), &[Change::User(user.id)]).await?;
        Ok(())
    }

    /// Asks a person who is signed in for their password once more, before something that cannot be taken back.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `password` if it is wrong; [`AccessError::Throttled`] after too many wrong ones;
    /// [`AccessError::Denied`] for a key; [`ControlError::Metadata`].
    pub async fn confirm_password(&self, who: &Principal, password: &Secret) -> Result<()> {
        let user = self.person(who).await?;
        if self.is_password_of(who, &user, password).await? {
            Ok(())
        } else {
            Err(ControlError::invalid("password", "not your password"))
        }
    }

    /// Whether the person signed in with the password that was made up and printed at the first start, and has neither changed
    /// it nor said that they keep it. Never so for a key.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn first_run(&self, who: &Principal) -> Result<bool> {
        match (who.session_id(), who.user_id()) {
            (Some(_), Some(user)) => Ok(self.metadata.password_printed(user).await?),
            (_, _) => Ok(false),
        }
    }

    /// The person keeps the password that was printed: [`Control::first_run`] is false from now on.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key, [`ControlError::Metadata`].
    pub async fn keep_printed_password(&self, who: &Principal) -> Result<()> {
        let user = self.person(who).await?;
        if !self.metadata.password_printed(user.id).await? {
            return Ok(());
        }
        let deed = Deed { action: "keep_printed_password", ..Deed::default() };
        let kept = self.metadata.set_password_printed(user.id, false);
        self.carry_out_by((&[who.site()], who, &actor_of(&user)), deed, kept).await
    }

    /// The person who signed in.
    pub(crate) async fn person(&self, who: &Principal) -> Result<User> {
        let (Some(_), Some(id)) = (who.session_id(), who.user_id()) else { return Err(not_a_person()) };
        self.metadata.user(id).await?.ok_or(ControlError::NotFound)
    }

    async fn is_password_of(&self, who: &Principal, user: &User, password: &Secret) -> Result<bool> {
        match self.access.check_password(&origin_of(who), user.username.as_str(), password).await {
            Ok(found) => Ok(found.id == user.id && found.state == UserState::Active),
            Err(AccessError::Denied(Denial::BadSecret)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

fn not_a_person() -> ControlError {
    AccessError::Denied(Denial::WrongCredentialKind).into()
}

fn actor_of(user: &User) -> String {
    format!("user:{}", user.username)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules() {
        let check = |name: &str, password: &str| {
            check_password(&Username::parse(name).unwrap(), &Secret::foreign(password.to_owned())).err()
        };
        for fine in ["blue cup on a shelf", "zwölfundvier", "x7$kQ9!mWp2@", "000000000001", &"ab".repeat(512)]
        {
            assert_eq!(check("admin", fine), None, "{fine}");
        }
        assert!(check("admin", "elevenbytes").unwrap().contains("at least 12"));
        assert!(check("admin", &"ab".repeat(513)).unwrap().contains("1,024"));
        assert_eq!(check("ada.lovelace@example", "Ada.Lovelace@Example"), Some("not the user name"));
        for common in [
            "Password1234",
            "pass word password",
            "Correct Horse Battery Staple",
            "aaaaaaaaaaaaaa",
            "            ",
        ] {
            assert!(check("admin", common).unwrap().contains("tried first"), "{common}");
        }
    }

    #[test]
    fn the_list_holds_what_could_be_chosen() {
        for common in COMMON {
            let plain: String = common.chars().flat_map(char::to_lowercase).collect();
            assert!(plain == *common && common.len() >= PASSWORD_MIN && !common.contains(' '), "{common}");
        }
        assert!(COMMON.is_sorted(), "so that none is there twice");
    }
}
