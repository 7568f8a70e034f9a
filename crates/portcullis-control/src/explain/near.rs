//! Which bucket somebody probably meant.

/// The name nearest to the one that was asked for, if one is near enough to be a slip: fewer than half of its characters differ.
pub(super) fn nearest<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        // What is no better than the best so far is not looked at to its end.
        let most = best.map_or(name.len().max(asked.len()) / 2, |(distance, _)| distance);
        if let Some(distance) = distance_within(asked, name, most)
            && best.is_none_or(|(known, of)| (distance, name) < (known, of))
        {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many characters have to be changed, added or taken away to make one text of the other (Levenshtein); none if more than `most`.
/// Names of buckets are ASCII: bytes are characters.
fn distance_within(one: &str, other: &str, most: usize) -> Option<usize> {
    if one.len().abs_diff(other.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.bytes().enumerate() {
        // What stood left above, and what stands left.
        let (mut corner, mut left) = (at, at + 1);
        let mut least = left;
        let mut cells = row.iter_mut();
        if let Some(first) = cells.next() {
            *first = left;
        }
        for (cell, b) in cells.zip(other.bytes()) {
            let changed = corner + usize::from(a != b);
            corner = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
            least = least.min(left);
        }
        if least > most {
            return None;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slip_is_found_and_something_else_is_not() {
        let names = ["usr-00001-itm-00002-photos", "usr-00001-itm-00003-backup", "usr-00001-itm-00004-music"];
        let near = |asked| nearest(asked, names.iter().copied());
        assert_eq!(near("usr-00001-itm-00003-backups"), Some("usr-00001-itm-00003-backup"));
        assert_eq!(near("usr-1-itm-3-backup"), Some("usr-00001-itm-00003-backup"));
        assert_eq!(near("usr-00001-itm-00002-photos"), Some("usr-00001-itm-00002-photos"));
        assert_eq!(near("warehouse"), None);
        assert_eq!(nearest("backup", ["backup-1", "backup-2"].into_iter()), Some("backup-1"));
        assert_eq!(nearest("backup", std::iter::empty()), None);
    }

    /// As the definition has it.
    fn plain(a: &[u8], b: &[u8]) -> usize {
        match (a, b) {
            ([], rest) | (rest, []) => rest.len(),
            ([x, a_rest @ ..], [y, b_rest @ ..]) => {
                let changed = plain(a_rest, b_rest) + usize::from(x != y);
                changed.min(plain(a_rest, b) + 1).min(plain(a, b_rest) + 1)
            }
        }
    }

    proptest! {
        #[test]
        fn the_distance_is_the_one_of_the_definition(a in "[ab]{0,6}", b in "[ab]{0,6}", most in 0usize..8) {
            let distance = plain(a.as_bytes(), b.as_bytes());
            prop_assert_eq!(distance_within(&a, &b, most), Some(distance).filter(|found| *found <= most));
        }
    }
}
