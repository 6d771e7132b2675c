//! Registers series in a recorder that belongs to one application, not to the process: two
//! applications in one process (the tests) do not share counts.

use std::cell::RefCell;
use std::fmt::Write as _;

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::durations::Durations;

/// The labels of a series.
type Labels<'a> = &'a [(&'static str, &'static str)];

/// Registers the series of one application.
pub struct Registry {
    recorder: PrometheusRecorder,
    histograms: RefCell<Vec<Histogram>>,
}

/// The rendering of all registered series.
pub struct Rendering {
    handle: PrometheusHandle,
    histograms: Vec<Histogram>,
}

/// One series of a histogram.
struct Histogram {
    name: &'static str,
    help: &'static str,
    labels: String,
    durations: Durations,
}

impl Registry {
    const METADATA: Metadata<'static> =
        Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        Self { recorder, histograms: RefCell::default() }
    }

    /// Registers a counter.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Counter {
        self.recorder.describe_counter(name.into(), None, help.into());
        self.recorder.register_counter(&key(name, labels), &Self::METADATA)
    }

    /// Registers one counter for each value of `label`.
    pub fn counters<const N: usize>(
        &self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        values: [&'static str; N],
    ) -> [Counter; N] {
        values.map(|value| self.counter(name, help, &[(label, value)]))
    }

    /// Registers a gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Gauge {
        self.recorder.describe_gauge(name.into(), None, help.into());
        self.recorder.register_gauge(&key(name, labels), &Self::METADATA)
    }

    /// Registers a series of a histogram. Register all series of a name one after another.
    pub fn histogram(
        &self,
        name: &'static str,
        help: &'static str,
        labels: Labels<'_>,
    ) -> Durations {
        let durations = Durations::default();
        let labels = labels.iter().map(|(key, value)| format!("{key}=\"{value}\""));
        let labels = labels.collect::<Vec<_>>().join(",");
        let histogram = Histogram { name, help, labels, durations: durations.clone() };
        self.histograms.borrow_mut().push(histogram);
        durations
    }

    /// The rendering of the series registered so far.
    pub fn rendering(&self) -> Rendering {
        Rendering { handle: self.recorder.handle(), histograms: self.histograms.take() }
    }
}

impl Rendering {
    /// All series as Prometheus text.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        for series in self.histograms.chunk_by(|one, next| one.name == next.name) {
            for (position, Histogram { name, help, labels, durations }) in series.iter().enumerate()
            {
                if position == 0 {
                    // Writing to a string does not fail.
                    writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram").ok();
                }
                durations.render(name, labels, &mut text);
            }
            text.push('\n');
        }
        text
    }
}

fn key(name: &'static str, labels: Labels<'_>) -> Key {
    let labels: Vec<_> = labels.iter().map(|(key, value)| Label::new(*key, *value)).collect();
    Key::from_parts(name, labels)
}
