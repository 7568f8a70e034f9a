//! How a secret may stand in a file.

use portcullis_domain::{CredentialId, Secret};
use zeroize::Zeroizing;

/// Bytes with which a form of a secret begins, and which form that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needle {
    pub(super) bytes: &'static [u8],
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// One character in so many bytes, of which the others are zero.
    Plain(usize),
    /// Base64, where the secret begins so many bytes into a group of three. The needle is what is the secret's alone: its group
    /// began so many characters before.
    Base64 { into: usize, before: usize },
}

/// `pcs` in each form. In Base64 it depends on where in its group a text begins which characters are its own alone.
pub(super) const NEEDLES: [Needle; 6] = [
    Needle { bytes: b"pcs", form: Form::Plain(1) },
    Needle { bytes: b"p\0c\0s", form: Form::Plain(2) },
    Needle { bytes: b"p\0\0\0c\0\0\0s", form: Form::Plain(4) },
    Needle { bytes: b"cGNz", form: Form::Base64 { into: 0, before: 0 } },
    Needle { bytes: b"Bjc", form: Form::Base64 { into: 1, before: 2 } },
    Needle { bytes: b"wY3", form: Form::Base64 { into: 2, before: 3 } },
];

/// A secret in a window.
pub(super) struct Found {
    pub(super) secret: Secret,
    /// Where it begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
    form: Form,
}

/// The secret that begins where a needle was found, if it is one.
pub(super) fn read(window: &[u8], at: usize, needle: &Needle) -> Option<Found> {
    match needle.form {
        Form::Plain(step) => {
            let text = spaced(window, at, step, Secret::LEN)?;
            let end = at.saturating_add(Secret::LEN.saturating_mul(step));
            Some(Found { secret: Secret::parse(&text).ok()?, start: at, end, form: needle.form })
        }
        Form::Base64 { into, before } => {
            let (bytes, end) = decoded(window, at.checked_sub(before)?, into.saturating_add(Secret::LEN))?;
            let text = str::from_utf8(bytes.get(into..)?).ok()?;
            Some(Found { secret: Secret::parse(text).ok()?, start: at, end, form: needle.form })
        }
    }
}

/// So many characters of text that has zeroes between them.
fn spaced(window: &[u8], at: usize, step: usize, length: usize) -> Option<Zeroizing<String>> {
    let last = at.checked_add(length.checked_sub(1)?.checked_mul(step)?)?;
    let part = window.get(at..=last)?;
    let mut text = Zeroizing::new(String::with_capacity(length));
    for (place, byte) in part.iter().enumerate() {
        match (place % step, byte) {
            (0, byte) if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            (0, _) => return None,
            (_, 0) => {}
            (_, _) => return None,
        }
    }
    Some(text)
}

/// So many bytes out of Base64, in either of its alphabets and over the ends of lines, and where they end.
fn decoded(window: &[u8], start: usize, length: usize) -> Option<(Zeroizing<Vec<u8>>, usize)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(3)));
    let (mut held, mut bits) = (0u32, 0u32);
    for (place, byte) in window.get(start..)?.iter().enumerate() {
        if matches!(byte, b'\r' | b'\n') && place > 0 {
            continue;
        }
        held = (held << 6) | sextet(*byte)?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
            held &= (1 << bits) - 1;
        }
        if bytes.len() == length {
            return Some((bytes, start.saturating_add(place).saturating_add(1)));
        }
    }
    None
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// The access key id nearest to a secret, in the same form, at most so many bytes away.
pub(super) fn id_beside(window: &[u8], found: &Found, around: usize) -> Option<CredentialId> {
    let step = match found.form {
        Form::Plain(step) => step,
        Form::Base64 { into: 0, .. } => {
            // `id:secret` and `id.secret`, as HTTP has them: the id and the sign are 21 bytes, which is 28 characters.
            let within = found.start.checked_sub(28).and_then(|start| decoded(window, start, 21));
            let id = within
                .and_then(|(bytes, _)| str::from_utf8(bytes.get(..CredentialId::LEN)?).ok()?.parse().ok());
            if id.is_some() {
                return id;
            }
            1
        }
        Form::Base64 { .. } => 1,
    };
    let before = window.get(found.start.saturating_sub(around)..found.start).unwrap_or_default();
    let after = window.get(found.end..found.end.saturating_add(around).min(window.len())).unwrap_or_default();
    let length = CredentialId::LEN.saturating_mul(step);
    let distance_before = |at: usize| before.len().saturating_sub(at.saturating_add(length));
    let ahead = ids(before, step).last().map(|(at, id)| (distance_before(at), id));
    let behind = ids(after, step).next();
    match (ahead, behind) {
        (Some((near, id)), Some((far, _))) if near <= far => Some(id),
        (_, Some((_, id))) | (Some((_, id)), None) => Some(id),
        (None, None) => None,
    }
}

/// Every access key id in a part, with where it begins: not those in the middle of a longer word.
fn ids(part: &[u8], step: usize) -> impl Iterator<Item = (usize, CredentialId)> {
    let word = move |at: Option<usize>| {
        at.and_then(|at| part.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric())
    };
    memchr::memchr_iter(b'P', part).filter_map(move |at| {
        let text = spaced(part, at, step, CredentialId::LEN)?;
        let end = at.saturating_add(CredentialId::LEN.saturating_mul(step));
        // The digits before it may be of a sign that an address cannot hold, as in `Bearer%20`.
        let escaped = at.checked_sub(3).and_then(|sign| part.get(sign)) == Some(&b'%');
        if (word(at.checked_sub(step)) && !escaped) || word(Some(end)) {
            return None;
        }
        Some((at, text.parse().ok()?))
    })
}
