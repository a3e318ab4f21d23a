//! Medians with their spread.

use serde::Serialize;

/// A median and the middle half of the samples around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    /// First and third quartile.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Summary {
    /// In another unit.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self {
            median: self.median * factor,
            low: self.low * factor,
            high: self.high * factor,
        }
    }
}

/// Summary of `samples`; zeros where there are none.
pub(crate) fn summarise(samples: &[f64]) -> Summary {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    Summary {
        median: quantile(&sorted, 2),
        low: quantile(&sorted, 1),
        high: quantile(&sorted, 3),
    }
}

/// The quantile `quarters`/4, between neighbours by linear interpolation.
fn quantile(sorted: &[f64], quarters: usize) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let (index, rest) = (last * quarters / 4, last * quarters % 4);
    let below = sorted.get(index).copied().unwrap_or_default();
    let above = sorted.get(index + 1).copied().unwrap_or(below);
    let weight = [0.0, 0.25, 0.5, 0.75]
        .get(rest)
        .copied()
        .unwrap_or_default();
    below + (above - below) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_between_the_samples() {
        let summary = summarise(&[4.0, 1.0, 3.0, 2.0, 5.0]);
        assert_eq!(
            summary,
            Summary {
                median: 3.0,
                low: 2.0,
                high: 4.0
            }
        );
        assert_eq!(summarise(&[1.0, 2.0]).median.to_string(), "1.5");
        assert_eq!(summarise(&[]).median.to_string(), "0");
        assert_eq!(summary.scaled(2.0).high.to_string(), "8");
    }
}
