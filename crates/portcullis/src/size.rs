//! Sizes as people write them.

/// `500G`, `2T`, `1048576`: powers of 1,024; none if it is no size.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let shift = "KMGTP".find(unit.to_ascii_uppercase())?;
            (text.get(..at).unwrap_or_default(), 10 * (u32::try_from(shift).unwrap_or(0) + 1))
        }
        _ => (text, 0),
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("1048576"), Some(1 << 20));
        assert_eq!(size("500G"), Some(500 << 30));
        assert_eq!(size("2t"), Some(2 << 40));
        for wrong in ["", "G", "1.5G", "-1", "12X", "99999999P"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
