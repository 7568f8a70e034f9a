//! What ties an import to the dry run that told its secrets.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_access::{Access, AccessError, SiteAdmin};
use portcullis_domain::{Channel, CredentialId, Secret};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::Result;

/// How long a ticket is good for.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// What a ticket is sealed for.
const PURPOSE: &str = "import";
/// How much of a name of an import there is, in bytes.
const NAME: usize = 8;

/// A seed, of which every generated credential of an import is derived, and what accounts it is for.
pub(super) struct Ticket {
    seed: Zeroizing<[u8; 32]>,
    accounts: [u8; 32],
}

impl Ticket {
    /// A new one for these accounts.
    pub(super) fn fresh<'a>(admin: &SiteAdmin, accounts: impl Iterator<Item = &'a str>) -> Result<Self> {
        let mut seed = Zeroizing::new([0u8; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| AccessError::Unavailable)?;
        Ok(Self { seed, accounts: digest(admin, accounts) })
    }

    /// One that was handed out, unless its time is over; none for anything else.
    pub(super) fn read(access: &Access, text: &str) -> Option<Self> {
        let plain = access.open_state(PURPOSE, text)?;
        let (seed, accounts) = plain.split_first_chunk::<32>()?;
        Some(Self { seed: Zeroizing::new(*seed), accounts: accounts.try_into().ok()? })
    }

    /// The text of it.
    pub(super) fn sealed(&self, access: &Access) -> Result<String> {
        let plain = Zeroizing::new([self.seed.as_slice(), self.accounts.as_slice()].concat());
        Ok(access.seal_state(PURPOSE, &plain, LIFETIME)?)
    }

    /// Whether it was handed out to this admin for exactly these accounts.
    pub(super) fn is_for<'a>(&self, admin: &SiteAdmin, accounts: impl Iterator<Item = &'a str>) -> bool {
        self.accounts == digest(admin, accounts)
    }

    /// Names the import, to everybody.
    pub(super) fn import(&self) -> String {
        hex::encode(self.derive(&["import"]).get(..NAME).unwrap_or_default())
    }

    /// The generated user name of a key.
    pub(super) fn credential(&self, account: &str, channel: Channel) -> CredentialId {
        let derived = self.derive(&["credential", account, channel.as_str()]);
        CredentialId::from_entropy(derived.first_chunk().copied().unwrap_or_default())
    }

    /// The generated secret of a key.
    pub(super) fn secret(&self, account: &str, channel: Channel) -> Secret {
        Secret::from_entropy(&self.derive(&["secret", account, channel.as_str()]))
    }

    fn derive(&self, parts: &[&str]) -> Zeroizing<[u8; 32]> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.seed.as_slice()).expect("a key of any length");
        for part in parts {
            mac.update(part.as_bytes());
            // In no part: ids have no control characters.
            mac.update(&[0]);
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// Of what site, who asks, and which accounts, in whatever order.
fn digest<'a>(admin: &SiteAdmin, accounts: impl Iterator<Item = &'a str>) -> [u8; 32] {
    let mut accounts: Vec<_> = accounts.collect();
    accounts.sort_unstable();
    let site = admin.site().to_string();
    let mut hash = Sha256::new();
    for part in ["portcullis import", &site, admin.actor()].into_iter().chain(accounts) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}
