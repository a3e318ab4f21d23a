//! What the agent holds must not grow.

use super::super::record::Sample;
use super::Check;
use crate::stats::summarise;

/// The last quarter may hold so much more than the second, as a part of it or in KiB.
const PART: f64 = 0.1;
const KIB: f64 = 4.0 * 1024.0;
/// The same of descriptors, one of which is the connection that asks for them.
const DESCRIPTORS: f64 = 4.0;

pub(super) fn checks(samples: &[Sample]) -> Vec<Check> {
    vec![
        flat(
            "resident memory is flat",
            "MiB",
            1024.0,
            samples,
            KIB,
            |sample| sample.resident_kib,
        ),
        flat(
            "memory of its own is flat",
            "MiB",
            1024.0,
            samples,
            KIB,
            |sample| sample.anonymous_kib,
        ),
        flat(
            "open descriptors are as many",
            "",
            1.0,
            samples,
            DESCRIPTORS,
            |sample| sample.descriptors,
        ),
    ]
}

/// Compares the medians of the second and of the last quarter: the first fills tables, and peaks are those of stalls.
fn flat(
    what: &'static str,
    unit: &str,
    divisor: f64,
    samples: &[Sample],
    floor: f64,
    of: impl Fn(&Sample) -> u64,
) -> Check {
    #[expect(clippy::cast_precision_loss, reason = "far less than 2^52 KiB")]
    let values: Vec<f64> = samples.iter().map(|sample| of(sample) as f64).collect();
    let quarter = values.len() / 4;
    if quarter == 0 {
        return Check::new(what, false, format!("{} samples are too few", values.len()));
    }
    let median =
        |from: usize, to: usize| summarise(values.get(from..to).unwrap_or_default()).median;
    let second = median(quarter, 2 * quarter);
    let last = median(values.len() - quarter, values.len());
    let bound = second + (second * PART).max(floor);
    Check::new(
        what,
        last <= bound,
        format!(
            "second quarter {:.1}, last {:.1} {unit}, bound {:.1}",
            second / divisor,
            last / divisor,
            bound / divisor
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(memory: impl Fn(u64) -> u64) -> bool {
        let samples = (0..40).map(|number| Sample {
            resident_kib: memory(number),
            ..Sample::default()
        });
        checks(&samples.collect::<Vec<_>>())[0].holds
    }

    #[test]
    fn growth_fails_and_peaks_do_not() {
        const MIB: u64 = 1024;
        assert!(judged(|_| 50 * MIB));
        assert!(judged(|number| if number < 10 {
            30 * MIB
        } else {
            50 * MIB
        }));
        assert!(judged(|number| if number % 6 == 0 {
            90 * MIB
        } else {
            50 * MIB
        }));
        assert!(
            judged(|number| 50 * MIB + 100 * number),
            "less than 4 MiB in all"
        );
        assert!(!judged(|number| 50 * MIB + 300 * number), "9 MiB");
        assert!(!judged(|number| if number < 32 {
            50 * MIB
        } else {
            60 * MIB
        }));
        assert!(!checks(&[Sample::default(); 3])[0].holds, "too few to tell");
    }

    #[test]
    fn descriptors_that_leak_fail() {
        let samples = (0..40).map(|number| Sample {
            descriptors: 40 + number / 4,
            ..Sample::default()
        });
        let checks = checks(&samples.collect::<Vec<_>>());
        let holds: Vec<bool> = checks.iter().map(|check| check.holds).collect();
        assert_eq!(holds, [true, true, false]);
    }
}
