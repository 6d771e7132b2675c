//! Charts, as numbers that templates put into SVG: nothing is styled here.

use super::show::{Moment, count};
use crate::clock::Timestamp;
use crate::model::usage::Hour;

/// A bar.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// Which of the two series it is of: `a` or `b`.
    pub class: &'static str,
    /// Left edge.
    pub x: usize,
    /// Upper edge, from above.
    pub y: i64,
    /// How wide.
    pub width: usize,
    /// How high.
    pub height: i64,
}

/// Days in the chart of one thing.
pub const DAYS: i64 = 30;

/// The first of the last [`DAYS`] days, in days since the epoch.
pub fn first_day(now: Timestamp) -> i64 {
    Hour::of(now).get().div_euclid(24) - DAYS + 1
}

/// What was counted on each of the last [`DAYS`] days: how often it was the outcome `first`, and
/// any other. `hours` has each outcome by its name.
pub fn by_day(hours: &[(Hour, &[(String, i64)])], first: &str, now: Timestamp) -> Vec<Counted> {
    let of_day = |day: i64| {
        let from = Moment::new(Hour::new(day * 24).begins(), now).day();
        let mut counted = Counted { from, first: 0, second: 0 };
        let of_it = hours.iter().filter(|(hour, _)| hour.get().div_euclid(24) == day);
        for (outcome, times) in of_it.flat_map(|(_, outcomes)| *outcomes) {
            if outcome == first {
                counted.first += times;
            } else {
                counted.second += times;
            }
        }
        counted
    };
    (first_day(now)..).take(usize::try_from(DAYS).unwrap_or_default()).map(of_day).collect()
}

/// A small picture of how often something was used, without axes.
#[derive(Debug)]
pub struct Spark {
    /// In the units of the bars.
    pub width: usize,
    /// What it shows, in words.
    pub label: String,
    /// From left to right.
    pub bars: Vec<Bar>,
}

/// From the left edge of a bar to that of the next.
const STEP: usize = 10;
const BAR: usize = 7;

/// A share of `height`, at least one where there is something to see.
fn share(value: i64, most: i64, height: i64) -> i64 {
    if value <= 0 { 0 } else { (value.saturating_mul(height) / most.max(1)).clamp(2, height) }
}

impl Spark {
    /// How often there was something, which is called `what`, on each of the last days, the oldest
    /// first.
    pub fn of_days(what: &str, days: &[i64]) -> Self {
        const HEIGHT: i64 = 22;
        let most = days.iter().copied().max().unwrap_or_default();
        let total: i64 = days.iter().sum();
        let bar = |(place, value): (usize, &i64)| {
            let height = share(*value, most, HEIGHT);
            (height > 0).then_some(Bar {
                class: "a",
                x: place * STEP,
                y: HEIGHT + 1 - height,
                width: BAR,
                height,
            })
        };
        Self {
            width: days.len() * STEP,
            label: format!("{} {what} in {} days", count(total), days.len()),
            bars: days.iter().enumerate().filter_map(bar).collect(),
        }
    }
}

/// What was counted from one moment to the next.
#[derive(Debug, Clone)]
pub struct Counted {
    /// When the counting began, for people.
    pub from: String,
    /// What was granted.
    pub first: i64,
    /// What was refused.
    pub second: i64,
}

/// A row of the table behind a chart.
#[derive(Debug)]
pub struct Row {
    /// See [`Counted::from`].
    pub from: String,
    /// See [`Counted::first`].
    pub first: String,
    /// See [`Counted::second`].
    pub second: String,
}

/// The bars of one stretch of time.
#[derive(Debug)]
pub struct Column {
    /// Left edge.
    pub x: usize,
    /// What it shows, in words.
    pub title: String,
    /// From below.
    pub bars: Vec<Bar>,
}

/// The least number that is not below `most`, is easily read, and has a half: 10, 12, 16, 20, 40,
/// 60…
fn ceiling(most: i64) -> i64 {
    let mut unit: i64 = 1;
    loop {
        let fitting = [2, 4, 6, 8, 10, 12, 16].into_iter().map(|step| unit.saturating_mul(step));
        if let Some(found) = fitting.into_iter().find(|number| *number >= most) {
            return found;
        }
        unit = unit.saturating_mul(10);
    }
}

/// Two numbers over time, one upon the other.
#[derive(Debug)]
pub struct Chart {
    /// In the units of the bars; it is 100 high.
    pub width: usize,
    /// What it shows, in words.
    pub label: String,
    /// What the first number is.
    pub first: &'static str,
    /// What the second is.
    pub second: &'static str,
    /// The sum of the first.
    pub first_total: String,
    /// The sum of the second.
    pub second_total: String,
    /// What stands at the lines across: at the top, and half way up.
    pub marks: [String; 2],
    /// When it begins, when half of it is over, and when the last stretch began.
    pub dates: [String; 3],
    /// From left to right, those in which there was something.
    pub columns: Vec<Column>,
    /// The newest first, without those in which there was nothing.
    pub rows: Vec<Row>,
}

impl Chart {
    /// The chart of what was counted, the oldest first.
    pub fn new(first: &'static str, second: &'static str, counted: &[Counted]) -> Self {
        const HEIGHT: i64 = 100;
        let most =
            counted.iter().map(|counted| counted.first + counted.second).max().unwrap_or_default();
        let total = |of: fn(&Counted) -> i64| counted.iter().map(of).sum::<i64>();
        let (firsts, seconds) = (total(|counted| counted.first), total(|counted| counted.second));
        let top = ceiling(most);
        let column = |(place, counted): (usize, &Counted)| {
            let upper = share(counted.second, top, HEIGHT);
            let lower = share(counted.first, top, HEIGHT).min(HEIGHT - upper);
            let bar =
                |class, y, height| Bar { class, x: place * STEP + 1, y, width: BAR + 1, height };
            let bars = [bar("a", HEIGHT - lower, lower), bar("b", HEIGHT - lower - upper, upper)];
            Column {
                x: place * STEP,
                title: format!(
                    "{}: {first} {}, {second} {}",
                    counted.from,
                    count(counted.first),
                    count(counted.second)
                ),
                bars: bars.into_iter().filter(|bar| bar.height > 0).collect(),
            }
        };
        let begins = |counted: Option<&Counted>| {
            counted.map_or_else(String::new, |counted| counted.from.clone())
        };
        let row = |counted: &Counted| Row {
            from: counted.from.clone(),
            first: count(counted.first),
            second: count(counted.second),
        };
        Self {
            width: counted.len() * STEP,
            label: format!(
                "{first}: {}. {second}: {}. The table below has the numbers.",
                count(firsts),
                count(seconds)
            ),
            first,
            second,
            first_total: count(firsts),
            second_total: count(seconds),
            marks: [count(top), count(top / 2)],
            dates: [counted.first(), counted.get(counted.len() / 2), counted.last()].map(begins),
            columns: counted
                .iter()
                .enumerate()
                .map(column)
                .filter(|column| !column.bars.is_empty())
                .collect(),
            rows: counted
                .iter()
                .rev()
                .filter(|counted| counted.first + counted.second > 0)
                .map(row)
                .collect(),
        }
    }

    /// Whether there is anything to see.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Chart, Counted, Spark, ceiling};

    #[test]
    fn bars_stay_within_the_picture_and_show_what_there_is() {
        let spark = Spark::of_days("requests", &[0, 1, 1_000_000, i64::MAX / 1000]);
        assert_eq!(spark.bars.len(), 3);
        assert!(
            spark.bars.iter().all(|bar| bar.y >= 0 && bar.height >= 2 && bar.y + bar.height <= 24),
            "{spark:?}"
        );
        assert!(Spark::of_days("requests", &[0; 14]).bars.is_empty());

        let counted = |first, second| Counted { from: "12:00".to_owned(), first, second };
        let chart = Chart::new(
            "Tokens",
            "Refusals",
            &[counted(0, 0), counted(1, 1_000_000), counted(5, 0)],
        );
        assert_eq!(chart.columns.len(), 2, "{chart:?}");
        let mut bars = chart.columns.iter().flat_map(|column| &column.bars);
        assert!(bars.all(|bar| bar.y >= 0 && bar.y + bar.height <= 100), "{chart:?}");
        assert!(
            chart.columns[0].title.ends_with("Tokens 1, Refusals 1\u{202f}000\u{202f}000"),
            "{chart:?}"
        );
        assert_eq!(chart.rows.len(), 2);
        assert!(Chart::new("Tokens", "Refusals", &[counted(0, 0)]).is_empty());
    }

    #[test]
    fn the_lines_across_are_at_numbers_that_are_read_easily() {
        for (most, top) in [
            (0, 2),
            (3, 4),
            (10, 10),
            (11, 12),
            (17, 20),
            (124, 160),
            (560, 600),
            (999, 1000),
            (i64::MAX, i64::MAX),
        ] {
            assert_eq!(ceiling(most), top, "{most}");
        }
    }
}
