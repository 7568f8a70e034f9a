//! Sizes as people type them.

use super::super::words;

/// Units by their name in lower case, and their bytes. One letter is the decimal unit, as disks are sold.
const UNITS: [(&str, u64); 15] = [
    ("mb", 1_000_000),
    ("m", 1_000_000),
    ("gb", 1_000_000_000),
    ("g", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("t", 1_000_000_000_000),
    ("pb", 1_000_000_000_000_000),
    ("p", 1_000_000_000_000_000),
    ("kb", 1_000),
    ("k", 1_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("pib", 1 << 50),
];

/// The most bytes that can be a quota.
const MOST: u64 = i64::MAX.unsigned_abs();

/// Reads `10 GB`, `1.5 TB`, `500GiB` as bytes.
///
/// # Errors
/// What to type instead.
pub(in crate::panel) fn parse(text: &str) -> Result<u64, &'static str> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | ' ' | '_')));
    let (number, unit) = split.map_or((text, ""), |at| text.split_at(at));
    let number = number.trim();
    if number.is_empty() || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(words::text("new.quota.form"));
    }
    if number.contains([',', '\'', ' ', '_']) || number.matches('.').count() > 1 {
        return Err(words::text("new.quota.comma"));
    }
    if unit.is_empty() {
        return Err(words::text("new.quota.unit"));
    }
    let unit = unit.trim().to_ascii_lowercase();
    let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(words::text("new.quota.form"));
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let bytes = scaled(whole, decimals, u128::from(*unit));
    let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes <= MOST);
    let bytes = bytes.ok_or(words::text("new.quota.large"))?;
    if bytes == 0 { Err(words::text("new.quota.zero")) } else { Ok(bytes) }
}

/// A decimal number of units in bytes, rounded down; none if it is past all bounds.
fn scaled(whole: &str, decimals: &str, unit: u128) -> Option<u128> {
    // More decimals than these are less than a byte of any unit.
    let decimals: String = decimals.chars().take(15).collect();
    let scale = 10_u128.pow(u32::try_from(decimals.len()).ok()?);
    let part = if decimals.is_empty() { 0 } else { decimals.parse::<u128>().ok()? };
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(unit)?;
    whole.checked_add(part.checked_mul(unit)? / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("10 GB", 10_000_000_000),
            ("1.5 TB", 1_500_000_000_000),
            ("500GiB", 500 << 30),
            (" 1.5tib ", 3 << 39),
            ("2 t", 2_000_000_000_000),
            ("1 kB", 1_000),
            ("0.000000000000001 pb", 1),
            ("1. GB", 1_000_000_000),
            ("9223 PB", 9_223_000_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_to_type() {
        for (text, fault) in [
            ("1,5 TB", "new.quota.comma"),
            ("1,500 GB", "new.quota.comma"),
            ("1 500 GB", "new.quota.comma"),
            ("1.500.000 kB", "new.quota.comma"),
            ("500", "new.quota.unit"),
            ("10 GBit", "new.quota.form"),
            ("ten GB", "new.quota.form"),
            ("-10 GB", "new.quota.form"),
            (".5 GB", "new.quota.form"),
            ("GB", "new.quota.form"),
            ("1e3 GB", "new.quota.form"),
            ("１０ GB", "new.quota.form"),
            ("0 GB", "new.quota.zero"),
            ("0.1 B", "new.quota.form"),
            ("0.0001 kB", "new.quota.zero"),
            ("9300 PB", "new.quota.large"),
            ("99999999999999999999999999 TB", "new.quota.large"),
        ] {
            assert_eq!(parse(text), Err(words::text(fault)), "{text}");
        }
    }
}
