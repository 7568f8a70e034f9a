//! What people have besides their password: an authenticator app, and codes on paper for the day it is gone.

use std::time::Duration;

use portcullis_access::{AccessError, Change, Oneself, Principal, Proof as _};
use portcullis_domain::{Secret, UserId};
use portcullis_metadata::Passkey;
use portcullis_signin::{recovery, totp};
use zeroize::Zeroizing;

use crate::audit::Deed;
use crate::{Control, ControlError, Result};

/// For how long somebody may look for their app.
const SET_UP: Duration = Duration::from_secs(15 * 60);
const STATE: &str = "totp set-up";
const USER_BYTES: usize = 16;

/// The second factors of the person who asks.
#[derive(Clone, Debug)]
pub struct SecondFactors {
    /// Whether an authenticator app is set up.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
    /// The passkeys, oldest first.
    pub passkeys: Vec<Passkey>,
    /// Whether the site asks this person for a second factor.
    pub asked: bool,
}

impl SecondFactors {
    /// Whether there is any.
    #[must_use]
    pub const fn any(&self) -> bool {
        self.totp || !self.passkeys.is_empty()
    }
}

/// An authenticator app that is being set up; shown once, kept nowhere.
pub struct TotpSetUp {
    /// The seed as people type it.
    pub seed: Secret,
    /// The address behind the picture that apps scan. It holds the seed.
    pub uri: Secret,
    /// What [`Control::confirm_totp`] wants back, sealed, within a quarter of an hour.
    pub state: Secret,
}

impl std::fmt::Debug for TotpSetUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSetUp")
    }
}

impl Control {
    /// The second factors of the person who asks.
    ///
    /// # Errors
    /// [`AccessError::Denied`] for a key; [`ControlError::Metadata`].
    pub async fn second_factors(&self, who: &Principal) -> Result<SecondFactors> {
        let me = self.in_person(who)?;
        self.factors_of(&me).await
    }

    pub(crate) async fn factors_of(&self, me: &Oneself) -> Result<SecondFactors> {
        let login = self.metadata.login_of(me.user()).await?.ok_or(ControlError::NotFound)?;
        let rules = self.effective_rules(me.site()).await?;
        Ok(SecondFactors {
            totp: login.totp_sealed.is_some(),
            recovery_codes: self.metadata.recovery_codes_left(me.user()).await?,
            passkeys: self.metadata.passkeys_of(me.user()).await?,
            asked: rules.second_factor.asks(login.user.role),
        })
    }

    /// Begins to set an authenticator app up; nothing is kept before [`Control::confirm_totp`]. `issuer` is what the app calls this
    /// installation.
    ///
    /// # Errors
    /// [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn begin_totp(&self, who: &Principal, issuer: &str) -> Result<TotpSetUp> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let user = self.person(who).await?;
        let mut seed = Zeroizing::new([0u8; totp::SEED_LEN]);
        getrandom::fill(seed.as_mut()).map_err(|_| AccessError::Unavailable)?;
        let plain = Zeroizing::new([me.user().as_bytes().as_slice(), seed.as_slice()].concat());
        let state = self.access.seal_state(STATE, &plain, SET_UP)?;
        Ok(set_up(seed.as_slice(), issuer, user.username.as_str(), state))
    }

    /// A set-up that has begun, to be shown once more after a wrong code; none if its time is over.
    ///
    /// # Errors
    /// As [`Control::begin_totp`].
    pub async fn resume_totp(&self, who: &Principal, issuer: &str, state: &str) -> Result<Option<TotpSetUp>> {
        let me = self.in_person(who)?;
        let user = self.person(who).await?;
        let seed = self.seed_in(state, me.user());
        Ok(seed.map(|seed| set_up(&seed, issuer, user.username.as_str(), state.to_owned())))
    }

    /// Sets the app up, in place of another if there is one, once it shows the right code. Gives new recovery codes, shown once; the
    /// present sign-in counts as one with a second factor from now on.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `state` and for `code`; [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn confirm_totp(&self, who: &Principal, state: &str, code: &str) -> Result<Vec<Secret>> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let seed = self.seed_in(state, me.user()).ok_or_else(|| {
            ControlError::invalid("state", "this set-up is over after 15 minutes; begin again")
        })?;
        let step = totp::matching_step(&seed, code, self.access.now()).ok_or_else(|| {
            ControlError::invalid(
                "code",
                "not the code that the app shows now; if it goes on, look at the clock of the device",
            )
        })?;
        let sealed = self.access.seal_totp(&me, &seed)?;
        let set_up = async {
            let codes = self.replace_recovery_codes(&me).await?;
            self.metadata.set_totp(me.user(), Some(sealed)).await?;
            Ok::<_, ControlError>(codes)
        };
        let codes = self.carry_out(&me, Deed { action: "set_up_totp", ..Deed::default() }, set_up).await?;
        self.metadata.take_totp_step(me.user(), step).await?;
        self.shown_now(&me).await?;
        Ok(codes)
    }

    fn seed_in(&self, state: &str, user: UserId) -> Option<Zeroizing<Vec<u8>>> {
        let plain = self.access.open_state(STATE, state)?;
        let (whose, seed) = plain.split_at_checked(USER_BYTES)?;
        (whose == user.as_bytes() && seed.len() == totp::SEED_LEN).then(|| Zeroizing::new(seed.to_vec()))
    }

    /// Forgets the authenticator app, and the recovery codes if they stood in for nothing else.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if there is none; [`ControlError::Invalid`] for `second_factor` if it is the last one and the site asks
    /// for one; [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn remove_totp(&self, who: &Principal) -> Result<()> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        let factors = self.factors_of(&me).await?;
        if !factors.totp {
            return Err(ControlError::NotFound);
        }
        let last = factors.passkeys.is_empty();
        may_go(&factors, last)?;
        let deed = Deed { action: "remove_totp", ..Deed::default() };
        self.carry_out(&me, deed, self.metadata.set_totp(me.user(), None)).await?;
        self.forget_codes_if(&me, last).await
    }

    /// New recovery codes in place of all others, shown once.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `second_factor` if there is none that they could stand in for;
    /// [`ControlError::ConfirmationNeeded`]; [`AccessError::Denied`] for a key.
    pub async fn new_recovery_codes(&self, who: &Principal) -> Result<Vec<Secret>> {
        let me = self.in_person(who)?;
        self.require_confirmed(who)?;
        if !self.factors_of(&me).await?.any() {
            return Err(ControlError::invalid(
                "second_factor",
                "there is none that codes could stand in for; set one up first",
            ));
        }
        let deed = Deed { action: "new_recovery_codes", ..Deed::default() };
        self.carry_out(&me, deed, self.replace_recovery_codes(&me)).await
    }

    pub(crate) async fn replace_recovery_codes(&self, me: &Oneself) -> Result<Vec<Secret>> {
        let mut entropy = Zeroizing::new([0u8; recovery::ENTROPY]);
        getrandom::fill(entropy.as_mut()).map_err(|_| AccessError::Unavailable)?;
        let codes = recovery::codes(&entropy);
        let hashes: Vec<_> = codes.iter().filter_map(|code| recovery::hash(code.reveal())).collect();
        self.metadata.set_recovery_codes(me.user(), &hashes).await?;
        Ok(codes)
    }

    pub(crate) async fn forget_codes_if(&self, me: &Oneself, last: bool) -> Result<()> {
        if last {
            self.metadata.set_recovery_codes(me.user(), &[]).await?;
        }
        Ok(())
    }

    /// Whoever has just set a factor up has shown it.
    pub(crate) async fn shown_now(&self, me: &Oneself) -> Result<()> {
        let Some(session) = me.principal().session_id() else { return Ok(()) };
        self.metadata.confirm_session(session, self.access.now(), true).await?;
        self.access.applied(Change::Session(session)).await?;
        Ok(())
    }
}

fn set_up(seed: &[u8], issuer: &str, account: &str, state: String) -> TotpSetUp {
    TotpSetUp {
        seed: Secret::foreign(totp::seed_text(seed).to_string()),
        uri: Secret::foreign(totp::uri(seed, issuer, account).to_string()),
        state: Secret::foreign(state),
    }
}

/// Refuses to let the last factor of somebody go who is asked for one.
pub(crate) fn may_go(factors: &SecondFactors, last: bool) -> Result<()> {
    if last && factors.asked {
        return Err(ControlError::invalid(
            "second_factor",
            "your site asks you for one, and this is your last; set another up first",
        ));
    }
    Ok(())
}
