//! Numbers for people.

/// Nanoseconds with three significant digits and a unit.
pub(super) fn nanoseconds(value: f64) -> String {
    match value {
        value if value < 1e3 => format!("{value:.0} ns"),
        value if value < 1e4 => format!("{:.2} µs", value / 1e3),
        value if value < 1e6 => format!("{:.0} µs", value / 1e3),
        value => format!("{:.2} ms", value / 1e6),
    }
}

/// Three significant digits, without zeros at the end; thousands in groups.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => return count(value),
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A whole number, thousands in groups.
pub(super) fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        let times = [87.0, 1540.0, 15_400.0, 2_500_000.0].map(nanoseconds);
        assert_eq!(times, ["87 ns", "1.54 µs", "15 µs", "2.50 ms"]);
        let numbers = [0.0, 0.05, 1.25, 12.0, 99.96, 123.4, 300_000.0].map(number);
        assert_eq!(
            numbers,
            ["0", "0.05", "1.25", "12", "100", "123", "300,000"]
        );
        assert_eq!(count(1_234_567.0), "1,234,567");
    }
}
