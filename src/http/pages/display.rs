//! Text for people: dates, states, sizes.

use std::time::Duration;

use crate::clock::{DateText as _, Timestamp};

/// Keys and secrets that expire within this time are marked.
pub const SOON: Duration = Duration::from_hours(24 * 14);

/// Keys and secrets without use for this long count as unused.
pub const UNUSED: Duration = Duration::from_hours(24 * 90);

/// A time, with the time of the request that it is shown at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownTime {
    at: Timestamp,
    now: Timestamp,
}

impl ShownTime {
    /// The time `at`, shown at `now`.
    pub const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    pub fn is_before(self, other: Self) -> bool {
        self.at < other.at
    }

    /// `true` if it is at least `duration` ago.
    pub fn is_past(self, duration: Duration) -> bool {
        self.at.plus(duration) <= self.now
    }

    /// RFC 3339, for programs.
    pub fn iso(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Date and time of day.
    pub fn date(self) -> String {
        self.at.date()
    }

    /// The distance from now; the day if that is far.
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
        // Ahead, round: a new lifetime of a week is still 7 days an hour later.
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

    /// Day and time of day, short.
    pub fn hour(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%-d %b, %H:%M").to_string())
    }

    /// The day.
    pub fn day(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.at.as_millis());
        date.map_or_else(String::new, |date| date.format("%-d %b %Y").to_string())
    }
}

/// A duration in the largest unit that divides it.
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

/// A state as a colored badge. The label alone says it.
#[derive(Debug, Clone, Copy)]
pub struct Badge {
    /// The CSS class: `ok`, `warn`, `bad` or empty.
    pub class: &'static str,
    pub label: &'static str,
}

impl Badge {
    pub const fn ok(label: &'static str) -> Self {
        Self { class: "ok", label }
    }

    /// Needs action soon.
    pub const fn warn(label: &'static str) -> Self {
        Self { class: "warn", label }
    }

    /// No longer usable.
    pub const fn bad(label: &'static str) -> Self {
        Self { class: "bad", label }
    }

    /// Neutral.
    pub const fn plain(label: &'static str) -> Self {
        Self { class: "", label }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ShownTime, count, span};
    use crate::clock::Timestamp;

    #[test]
    fn times_are_shown_in_the_largest_unit() {
        let now = Timestamp::from_secs(1_795_305_600);
        let ago = |secs| ShownTime::new(now.minus(Duration::from_secs(secs)), now).relative();
        let ahead = |secs| ShownTime::new(now.plus(Duration::from_secs(secs)), now).relative();
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
        assert_eq!(ShownTime::new(now, now).iso(), "2026-11-22T00:00:00Z");
    }

    #[test]
    fn numbers_are_grouped_in_thousands() {
        assert_eq!(
            [count(7), count(1234), count(-1_234_567)],
            ["7", "1\u{202f}234", "-1\u{202f}234\u{202f}567"]
        );
        assert_eq!(span(Duration::from_hours(1)), "1 hour");
        assert_eq!(span(Duration::from_secs(90)), "90 seconds");
    }
}
