//! The time. The types belong to the library for APIs; what shows a moment to people stands here.

pub use mintery_verifier::clock::{Clock, ManualClock, SystemClock, Timestamp};

/// A moment as text.
pub trait DateText {
    /// The date and the time of day, for people.
    #[must_use]
    fn date(self) -> String;
}

impl DateText for Timestamp {
    fn date(self) -> String {
        let date = chrono::DateTime::from_timestamp_millis(self.as_millis());
        date.map_or_else(
            || self.as_secs().to_string(),
            |date| date.format("%Y-%m-%d %H:%M UTC").to_string(),
        )
    }
}
