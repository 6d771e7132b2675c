//! How things look to people: moments, states, sizes.

use crate::clock::DateText as _;
use std::time::Duration;

use crate::clock::Timestamp;

/// A moment, seen from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    at: Timestamp,
    now: Timestamp,
}

impl Moment {
    /// The moment `at`, seen from `now`.
    pub const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// Whether it is before another one.
    pub fn is_before(self, other: Self) -> bool {
        self.at < other.at
    }

    /// Whether it was at least so long ago.
    pub fn is_past(self, duration: Duration) -> bool {
        self.at.plus(duration) <= self.now
    }

    /// For programs.
    pub fn iso(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// The date and the time of day.
    pub fn date(self) -> String {
        self.at.date()
    }

    /// How long ago, or how far ahead; a date where that is far.
    pub fn relative(self) -> String {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        let is_ahead = self.at > self.now;
        let secs =
            if is_ahead { self.at.since(self.now) } else { self.now.since(self.at) }.as_secs();
        let some = |number: u64, unit: &str| {
            let s = if number == 1 { "" } else { "s" };
            if is_ahead {
                format!("in {number} {unit}{s}")
            } else {
                format!("{number} {unit}{s} ago")
            }
        };
        // An hour after it began a week is still 7 days.
        let whole = |unit: u64| if is_ahead { (secs + unit / 2) / unit } else { secs / unit };
        match secs {
            0..10 if !is_ahead => "just now".to_owned(),
            0..MINUTE => some(secs, "second"),
            MINUTE..HOUR => some(whole(MINUTE), "minute"),
            HOUR..DAY => some(whole(HOUR), "hour"),
            _ if secs < 45 * DAY => some(whole(DAY), "day"),
            _ => self.day(),
        }
    }

    /// The day and the time of day, in few letters.
    pub fn hour(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%-d %b, %H:%M").to_string())
    }

    /// The date alone.
    pub fn day(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%-d %b %Y").to_string())
    }
}

/// How long something takes, in the largest unit that fits.
pub fn span(duration: Duration) -> String {
    let secs = duration.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| secs >= *size && secs.is_multiple_of(*size))
        .unwrap_or((1, "second"));
    let number = secs / size;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A number with thin spaces between thousands.
pub fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    if number < 0 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A state: its word, and the class that colours it. The word alone is enough.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    /// `ok`, `warn`, `bad` or nothing.
    pub class: &'static str,
    /// In a word or two.
    pub label: &'static str,
}

impl Status {
    /// All is well.
    pub const fn ok(label: &'static str) -> Self {
        Self { class: "ok", label }
    }

    /// Something will have to be done.
    pub const fn warn(label: &'static str) -> Self {
        Self { class: "warn", label }
    }

    /// It is no longer good.
    pub const fn bad(label: &'static str) -> Self {
        Self { class: "bad", label }
    }

    /// Neither.
    pub const fn plain(label: &'static str) -> Self {
        Self { class: "", label }
    }
}

/// How soon something expires that is said to expire soon.
pub const SOON: Duration = Duration::from_hours(24 * 14);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Moment, count, span};
    use crate::clock::Timestamp;

    #[test]
    fn moments_are_told_in_the_largest_unit() {
        let now = Timestamp::from_secs(1_795_305_600);
        let ago = |secs| Moment::new(now.minus(Duration::from_secs(secs)), now).relative();
        let ahead = |secs| Moment::new(now.plus(Duration::from_secs(secs)), now).relative();
        assert_eq!(
            [ago(0), ago(59), ago(60), ago(7200)],
            ["just now", "59 seconds ago", "1 minute ago", "2 hours ago"]
        );
        assert_eq!(
            [ahead(5), ahead(86_400), ahead(30 * 86_400)],
            ["in 5 seconds", "in 1 day", "in 30 days"]
        );
        assert_eq!([ahead(7 * 86_400 - 1), ahead(3599)], ["in 7 days", "in 60 minutes"]);
        assert_eq!(ahead(365 * 86_400), "22 Nov 2027");
        assert_eq!(Moment::new(now, now).iso(), "2026-11-22T00:00:00Z");
    }

    #[test]
    fn numbers_are_read_easily() {
        assert_eq!(
            [count(7), count(1234), count(-1_234_567)],
            ["7", "1\u{202f}234", "-1\u{202f}234\u{202f}567"]
        );
        assert_eq!(span(Duration::from_hours(1)), "1 hour");
        assert_eq!(span(Duration::from_secs(90)), "90 seconds");
    }
}
