//! A histogram of durations in Prometheus buckets. Counting one takes two additions, and nothing
//! needs to be drained.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The upper ends of the buckets in microseconds, and in seconds as Prometheus writes them. One
/// more bucket has no end.
const BOUNDS: [(u64, &str); 16] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
];

/// The durations of one operation. Clones count into the same buckets.
#[derive(Debug, Clone, Default)]
pub struct Durations(Arc<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Durations {
    /// Counts an operation that began at `began` and ends now.
    pub fn since(&self, began: Instant) {
        self.count(began.elapsed());
    }

    fn count(&self, took: Duration) {
        let bucket =
            BOUNDS.iter().take_while(|(end, _)| took > Duration::from_micros(*end)).count();
        if let Some(bucket) = self.0.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Writes the series of a histogram; `label` holds its labels with their values, or nothing.
    pub fn render(&self, name: &str, label: &str, text: &mut String) {
        let separator = if label.is_empty() { "" } else { "," };
        let mut count = 0;
        let ends = BOUNDS.iter().map(|(_, end)| *end).chain(["+Inf"]);
        for (bucket, end) in self.0.buckets.iter().zip(ends) {
            count += bucket.load(Ordering::Relaxed);
            // Writing to a string does not fail.
            writeln!(text, "{name}_bucket{{{label}{separator}le=\"{end}\"}} {count}").ok();
        }
        let labels = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let secs = Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(text, "{name}_sum{labels} {secs}\n{name}_count{labels} {count}").ok();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BOUNDS, Durations};

    #[test]
    fn a_bucket_includes_its_upper_limit() {
        let durations = Durations::default();
        for micros in [0, 50, 51, 1_000, 10_000_000, 10_000_001] {
            durations.count(Duration::from_micros(micros));
        }
        let mut text = String::new();
        durations.render("x", "a=\"b\"", &mut text);
        let line = |end: &str| format!("x_bucket{{a=\"b\",le=\"{end}\"}} ");
        for (end, count) in
            [("0.00005", 2), ("0.0001", 3), ("0.001", 4), ("2.5", 4), ("10", 5), ("+Inf", 6)]
        {
            assert!(text.contains(&format!("{}{count}\n", line(end))), "{end}: {text}");
        }
        assert!(text.ends_with("x_sum{a=\"b\"} 20.001102\nx_count{a=\"b\"} 6\n"), "{text}");
        text.clear();
        durations.render("x", "", &mut text);
        assert!(
            text.contains("x_bucket{le=\"+Inf\"} 6\n") && text.contains("\nx_count 6\n"),
            "{text}"
        );
    }

    #[test]
    fn the_ends_are_what_they_say() {
        for (micros, text) in BOUNDS {
            let secs: f64 = text.parse().unwrap();
            assert!(
                (secs * 1e6 - Duration::from_micros(micros).as_secs_f64() * 1e6).abs() < 1e-6,
                "{text}"
            );
        }
        assert!(BOUNDS.is_sorted());
    }
}
