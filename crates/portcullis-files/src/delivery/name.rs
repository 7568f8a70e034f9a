//! Names for files: the first that is free of `name.ext`, `name (2).ext`, `name (3).ext`, …

use super::Work;
use crate::place::Spot;
use crate::{FileError, Result, name};

/// So many are tried one after the other; then in leaps.
const STEPS: u32 = 8;
/// The highest number that a name gets.
const HIGHEST: u32 = 1 << 20;
/// How often a name that was free is another's when it is reserved.
const RACES: u32 = 64;
/// The longest ending, in bytes with its dot.
const ENDING: usize = 16;

/// A name without its number.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    stem: String,
    ending: String,
}

impl Wish {
    /// What a file is to be called. What would be read as an escape is changed.
    ///
    /// # Errors
    /// [`FileError::Escaped`] for what is no name of a file.
    pub(super) fn parse(wished: &str) -> Result<Self> {
        let plain = if name::is_plain(wished) { wished.to_owned() } else { wished.replace('%', "_") };
        if !name::is_plain(&plain) || plain.contains('/') {
            return Err(FileError::Escaped);
        }
        let dot = plain.rfind('.').filter(|dot| *dot > 0 && plain.len() - dot <= ENDING);
        let (stem, ending) = plain.split_at(dot.unwrap_or(plain.len()));
        Ok(Self { stem: stem.to_owned(), ending: ending.to_owned() })
    }

    fn numbered(&self, number: u32) -> String {
        let Self { stem, ending } = self;
        let name = if number < 2 { format!("{stem}{ending}") } else { format!("{stem} ({number}){ending}") };
        // The number may make an escape of what was none.
        if name::is_plain(&name) { name } else { name.replace('%', "_") }
    }
}

impl Work {
    /// Finds a free name in a folder, from this number on, and reserves it. Gives the place and its number.
    pub(super) async fn place(&mut self, folder: &Spot, wish: &Wish, from: u32) -> Result<(Spot, u32)> {
        let within = folder.within(&self.batch);
        let mut from = from;
        for _ in 0..RACES {
            let number = free(&within, wish, from).await?;
            let spot = within.child(&wish.numbered(number));
            if self.reserve(&spot).await? {
                return Ok((spot, number));
            }
            from = number.saturating_add(1);
        }
        Err(FileError::Exists)
    }
}

/// A number with which the name is free: the first, where those that are taken have no gaps.
async fn free(folder: &Spot, wish: &Wish, from: u32) -> Result<u32> {
    let is_free = async |number: u32| {
        let spot = folder.child(&wish.numbered(number));
        Ok::<_, FileError>(spot.at.is_free(&spot.key()?).await?)
    };
    let near = from.saturating_add(STEPS);
    for number in from..near {
        if is_free(number).await? {
            return Ok(number);
        }
    }
    // All before `taken` and it are taken; `open` is free.
    let (mut taken, mut leap) = (near.saturating_sub(1), STEPS);
    let mut open = loop {
        let number = taken.saturating_add(leap);
        if number > HIGHEST {
            return Err(FileError::Exists);
        }
        if is_free(number).await? {
            break number;
        }
        (taken, leap) = (number, leap.saturating_mul(2));
    };
    while open - taken > 1 {
        let middle = taken + (open - taken) / 2;
        if is_free(middle).await? { open = middle } else { taken = middle }
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_before_the_ending() {
        for (wished, first, second) in [
            ("a.pdf", "a.pdf", "a (2).pdf"),
            ("a.tar.gz", "a.tar.gz", "a.tar (2).gz"),
            ("README", "README", "README (2)"),
            (".profile", ".profile", ".profile (2)"),
            ("v1. a long sentence here", "v1. a long sentence here", "v1. a long sentence here (2)"),
            ("請求書.pdf", "請求書.pdf", "請求書 (2).pdf"),
            ("a.", "a.", "a (2)."),
            ("%2E", "_2E", "_2E (2)"),
            ("a%0A.txt", "a_0A.txt", "a_0A (2).txt"),
            ("100%", "100%", "100% (2)"),
        ] {
            let wish = Wish::parse(wished).unwrap();
            assert_eq!((wish.numbered(1).as_str(), wish.numbered(2).as_str()), (first, second), "{wished}");
        }
        for wrong in ["", ".", "..", "a/b", "a\nb", "/"] {
            assert!(matches!(Wish::parse(wrong), Err(FileError::Escaped)), "{wrong:?}");
        }
    }
}
