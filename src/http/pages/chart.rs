//! Charts as numbers, which templates draw as SVG. Style is left to the stylesheet.

use super::display::{ShownTime, count};
use crate::clock::Timestamp;
use crate::model::usage::Hour;

/// A bar. `x` and `y` are its upper left corner.
#[derive(Debug, Clone, Copy)]
pub struct Bar {
    /// The series: `a` or `b`.
    pub class: &'static str,
    pub x: usize,
    pub y: i64,
    pub width: usize,
    pub height: i64,
}

/// Days in the chart of one client or key.
pub const DAYS: i64 = 30;

/// Days in the small chart of a list's row.
pub const SPARK_DAYS: usize = 14;

/// The first of the last [`DAYS`] days, in days since the epoch.
pub fn first_day(now: Timestamp) -> i64 {
    Hour::of(now).get().div_euclid(24) - DAYS + 1
}

/// The counts of each of the last [`DAYS`] days: of the outcome named `first`, and of all others.
pub fn by_day(hours: &[(Hour, &[(String, i64)])], first: &str, now: Timestamp) -> Vec<Stretch> {
    let count_day = |day: i64| {
        let from = ShownTime::new(Hour::new(day * 24).begins(), now).day();
        let mut counted = Stretch { from, first: 0, second: 0 };
        let its_hours = hours.iter().filter(|(hour, _)| hour.get().div_euclid(24) == day);
        for (outcome, times) in its_hours.flat_map(|(_, outcomes)| *outcomes) {
            if outcome == first {
                counted.first += times;
            } else {
                counted.second += times;
            }
        }
        counted
    };
    (first_day(now)..).take(usize::try_from(DAYS).unwrap_or_default()).map(count_day).collect()
}

/// A small chart without axes.
#[derive(Debug)]
pub struct Spark {
    pub width: usize,
    /// The alternative text.
    pub label: String,
    pub bars: Vec<Bar>,
}

/// The distance between the left edges of two bars.
const STEP: usize = 10;
const BAR: usize = 7;

/// The height of a bar, visible for any value above 0.
fn share(value: i64, most: i64, height: i64) -> i64 {
    if value <= 0 { 0 } else { (value.saturating_mul(height) / most.max(1)).clamp(2, height) }
}

impl Spark {
    /// The counts of the last days, oldest first. `unit` is the name of the counted thing.
    pub fn from_days(unit: &str, days: &[i64]) -> Self {
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
            label: format!("{} {unit} in {} days", count(total), days.len()),
            bars: days.iter().enumerate().filter_map(bar).collect(),
        }
    }
}

/// The counts of one stretch of time.
#[derive(Debug, Clone)]
pub struct Stretch {
    /// The begin, for people.
    pub from: String,
    /// Granted.
    pub first: i64,
    /// Refused.
    pub second: i64,
}

/// A [`Stretch`] as a row of the table below a chart.
#[derive(Debug)]
pub struct ChartRow {
    pub from: String,
    pub first: String,
    pub second: String,
}

/// The bars of one stretch of time, from below.
#[derive(Debug)]
pub struct ChartColumn {
    pub x: usize,
    pub title: String,
    pub bars: Vec<Bar>,
}

/// The next round number from `most` up that has a round half: 10, 12, 16, 20, 40, 60…
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

/// Two numbers over time, stacked. It is 100 high.
#[derive(Debug)]
pub struct Chart {
    pub width: usize,
    /// The alternative text.
    pub label: String,
    /// The name of the first number.
    pub first: &'static str,
    /// The name of the second number.
    pub second: &'static str,
    pub first_total: String,
    pub second_total: String,
    /// The values of the upper and the middle line.
    pub marks: [String; 2],
    /// The begin of the first, the middle and the last stretch.
    pub dates: [String; 3],
    /// From left to right, without empty ones.
    pub columns: Vec<ChartColumn>,
    /// The newest first, without empty ones.
    pub rows: Vec<ChartRow>,
}

impl Chart {
    /// A chart of stretches, the oldest first.
    pub fn new(first: &'static str, second: &'static str, counted: &[Stretch]) -> Self {
        const HEIGHT: i64 = 100;
        let most =
            counted.iter().map(|counted| counted.first + counted.second).max().unwrap_or_default();
        let total = |value: fn(&Stretch) -> i64| counted.iter().map(value).sum::<i64>();
        let (firsts, seconds) = (total(|counted| counted.first), total(|counted| counted.second));
        let top = ceiling(most);
        let column = |(place, counted): (usize, &Stretch)| {
            let upper = share(counted.second, top, HEIGHT);
            let lower = share(counted.first, top, HEIGHT).min(HEIGHT - upper);
            let bar =
                |class, y, height| Bar { class, x: place * STEP + 1, y, width: BAR + 1, height };
            let bars = [bar("a", HEIGHT - lower, lower), bar("b", HEIGHT - lower - upper, upper)];
            ChartColumn {
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
        let begins = |counted: Option<&Stretch>| {
            counted.map_or_else(String::new, |counted| counted.from.clone())
        };
        let row = |counted: &Stretch| ChartRow {
            from: counted.from.clone(),
            first: count(counted.first),
            second: count(counted.second),
        };
        Self {
            width: counted.len() * STEP,
            label: format!(
                "{first}: {}. {second}: {}. See the table below.",
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

    /// `true` if every count is 0.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Chart, Spark, Stretch, ceiling};

    #[test]
    fn bars_stay_within_the_chart_and_show_every_count() {
        let spark = Spark::from_days("requests", &[0, 1, 1_000_000, i64::MAX / 1000]);
        assert_eq!(spark.bars.len(), 3);
        assert!(
            spark.bars.iter().all(|bar| bar.y >= 0 && bar.height >= 2 && bar.y + bar.height <= 24),
            "{spark:?}"
        );
        assert!(Spark::from_days("requests", &[0; 14]).bars.is_empty());

        let counted = |first, second| Stretch { from: "12:00".to_owned(), first, second };
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
    fn the_scale_ends_at_a_round_number() {
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
