//! A QR code as the data of one SVG path: no file, no script, no style.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// Modules of quiet zone around it (ISO/IEC 18004).
const QUIET: usize = 4;

/// A picture for a camera.
pub(super) struct Picture {
    /// Width and height in modules, the quiet zone included.
    pub(super) size: usize,
    /// What is dark: a `d` attribute.
    pub(super) path: String,
}

impl Picture {
    /// The picture of a text; none if it is too long for one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
        let mut path = String::new();
        let rows = code.data.chunks(code.size).take(code.size);
        for (y, row) in rows.enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, other| one.value() == other.value()) {
                if run.first().is_some_and(|module| module.value()) {
                    let _infallible =
                        write!(path, "M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, run.len(), run.len());
                }
                x += run.len();
            }
        }
        Some(Self { size: code.size + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_three_eyes() {
        let picture = Picture::of("otpauth://totp/Portcullis:ann?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let far = picture.size - QUIET - 7;
        for (x, y) in [(QUIET, QUIET), (far, QUIET), (QUIET, far)] {
            assert!(picture.path.contains(&format!("M{x} {y}h7v1h-7z")), "{x} {y}");
        }
        assert!(Picture::of(&"x".repeat(10_000)).is_none());
    }
}
