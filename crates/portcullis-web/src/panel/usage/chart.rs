//! Bars over time, drawn here.

/// How wide one point is, and its bar, in the units of the picture.
const STEP: usize = 10;
const BAR: usize = 8;
/// How high the picture is.
pub(super) const HEIGHT: u64 = 100;

/// A picture of numbers over time. Where there is nothing is no bar; what there is at all can be seen.
#[derive(Debug)]
pub(super) struct Chart {
    /// The width of the picture.
    pub(super) width: usize,
    pub(super) bars: Vec<Bar>,
    /// The largest number.
    pub(super) peak: u64,
}

/// A bar, from the bottom up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: u64,
    pub(super) height: u64,
    /// When, and how much.
    pub(super) title: String,
}

impl Bar {
    pub(super) const WIDTH: usize = BAR;
}

impl Chart {
    /// Of these numbers, one beside the other; `title` says what a bar stands for.
    pub(super) fn of(numbers: &[u64], title: impl Fn(usize, u64) -> String) -> Self {
        let peak = numbers.iter().copied().max().unwrap_or_default();
        let bar = |(at, number): (usize, &u64)| {
            let height = scaled(*number, peak);
            let title = title(at, *number);
            Bar { x: at * STEP + (STEP - BAR) / 2, y: HEIGHT - height, height, title }
        };
        let bars = numbers.iter().enumerate().filter(|(_, number)| **number > 0).map(bar);
        Self { width: numbers.len().max(1) * STEP, bars: bars.collect(), peak }
    }
}

fn scaled(number: u64, peak: u64) -> u64 {
    let height = u128::from(number) * u128::from(HEIGHT) / u128::from(peak.max(1));
    u64::try_from(height).unwrap_or(HEIGHT).clamp(1, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_as_high_as_the_picture() {
        let chart = Chart::of(&[0, 50, 1_000_000, 1], |at, number| format!("{at}: {number}"));
        assert_eq!((chart.width, chart.peak), (40, 1_000_000));
        let told: Vec<_> =
            chart.bars.iter().map(|bar| (bar.x, bar.y, bar.height, bar.title.as_str())).collect();
        assert_eq!(told, [(11, 99, 1, "1: 50"), (21, 0, 100, "2: 1000000"), (31, 99, 1, "3: 1")]);
        let most = Chart::of(&[u64::MAX, u64::MAX / 2], |_, _| String::new());
        assert_eq!(most.bars.iter().map(|bar| bar.height).collect::<Vec<_>>(), [100, 49]);
        let none = Chart::of(&[], |_, _| String::new());
        assert_eq!((none.width, none.bars.len(), none.peak), (10, 0, 0));
    }
}
