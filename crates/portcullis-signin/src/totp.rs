//! One-time codes of an authenticator app: TOTP (RFC 6238) over HOTP (RFC 4226) with SHA-1, six digits, steps of 30 seconds.
//!
//! These are the settings that every app understands; several apps ignore any others without a word.

use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_domain::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes of a seed: as long as what SHA-1 gives (RFC 4226, section 4, R6).
pub const SEED_LEN: usize = 20;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Seconds for which a code is shown.
const STEP: i64 = 30;
/// How many steps a code may be early or late: clocks of telephones differ, and typing takes time.
const SKEW: i64 = 1;

/// The step whose code this is, among the present one and its neighbours; none if it is not.
///
/// The caller remembers the step and refuses it and all before it from then on, so that a code that was overheard opens nothing
/// (RFC 6238, section 5.2). Blanks in the code do not matter; all three comparisons are made whatever the first gives.
#[must_use]
pub fn matching_step(seed: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let typed: Zeroizing<String> =
        Zeroizing::new(code.chars().filter(|c| !c.is_whitespace()).take(16).collect());
    if typed.len() != DIGITS || !typed.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let present = step_of(now);
    let mut found = None;
    for step in (present - SKEW)..=(present + SKEW) {
        let right: bool = code_at(seed, step)?.as_bytes().ct_eq(typed.as_bytes()).into();
        if right {
            found = Some(step);
        }
    }
    found
}

/// The code that an app shows at this moment, six digits; none before 1970.
#[must_use]
pub fn code_now(seed: &[u8], now: Timestamp) -> Option<Zeroizing<String>> {
    code_at(seed, step_of(now))
}

/// The step in which this moment lies.
#[must_use]
pub const fn step_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP)
}

/// The dynamic truncation of RFC 4226, section 5.3.
fn code_at(seed: &[u8], step: i64) -> Option<Zeroizing<String>> {
    let counter = u64::try_from(step).ok()?;
    let mut mac = Hmac::<Sha1>::new_from_slice(seed).ok()?;
    mac.update(&counter.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 0x0f);
    let four: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(Zeroizing::new(format!("{:06}", number % 1_000_000)))
}

/// The seed as people type it into an app: base32 (RFC 4648) without padding, 32 letters for [`SEED_LEN`] bytes.
#[must_use]
pub fn seed_text(seed: &[u8]) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = Zeroizing::new(String::with_capacity(seed.len().div_ceil(5) * 8));
    for group in seed.chunks(5) {
        let bits = group.iter().fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        let count = group.len() * 8;
        let padded = bits << (40 - count);
        for at in 0..count.div_ceil(5) {
            let index = usize::try_from((padded >> (35 - at * 5)) & 31).unwrap_or_default();
            text.push(char::from(LETTERS.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

/// The address behind the picture that apps scan: `otpauth://totp/…`. It holds the seed.
///
/// `issuer` and `account` are shown in the app; a colon in them becomes a blank, since it divides the two.
#[must_use]
pub fn uri(seed: &[u8], issuer: &str, account: &str) -> Zeroizing<String> {
    let (issuer, account) = (escaped(issuer), escaped(account));
    let secret = seed_text(seed);
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP}",
        secret.as_str()
    ))
}

/// Percent-encoded but for the unreserved characters of RFC 3986.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.trim().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            b':' => escaped.push_str("%20"),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the tables in RFC 4226 (appendix D) and RFC 6238 (appendix B).
    const SEED: &[u8] = b"12345678901234567890";

    #[test]
    fn the_vectors_of_both_rfcs() {
        let hotp = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (step, code) in (0..).zip(hotp) {
            assert_eq!(code_at(SEED, step).unwrap().as_str(), code, "step {step}");
        }
        // RFC 6238 prints eight digits; six are the last of them.
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_seconds(second);
            assert_eq!(code_now(SEED, now).unwrap().as_str(), code);
            assert_eq!(matching_step(SEED, code, now), Some(second / 30));
        }
    }

    #[test]
    fn one_step_early_or_late_is_taken_and_two_are_not() {
        let now = Timestamp::from_seconds(1_000_000_000);
        let step = step_of(now);
        for (away, taken) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = code_at(SEED, step + away).unwrap();
            assert_eq!(matching_step(SEED, &code, now), taken.then_some(step + away), "{away}");
        }
    }

    #[test]
    fn what_people_type() {
        let now = Timestamp::from_seconds(1_111_111_109);
        assert!(matching_step(SEED, " 081 804\n", now).is_some());
        for wrong in ["", "81804", "0818040", "08180x", "081805", "٠٨١٨٠٤", "081804081804081804"] {
            assert_eq!(matching_step(SEED, wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_step_of_time_has_no_neighbour_before_it() {
        assert_eq!(matching_step(SEED, "755224", Timestamp::from_seconds(-31)), None);
        assert_eq!(matching_step(SEED, "287082", Timestamp::from_seconds(59)), Some(1));
    }

    #[test]
    fn base32_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(seed_text(bytes.as_bytes()).as_str(), text);
        }
        assert_eq!(seed_text(&[0xff; SEED_LEN]).len(), 32);
    }

    #[test]
    fn the_address_keeps_names_apart() {
        assert_eq!(
            uri(SEED, "Portcullis: gate.example.org", "ann&secret=x").as_str(),
            "otpauth://totp/Portcullis%20%20gate.example.org:ann%26secret%3Dx?\
             secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Portcullis%20%20gate.example.org\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
