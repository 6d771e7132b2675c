//! `docs/reference/metrics.md`, from the text of `/metrics`.

use std::collections::{BTreeMap, BTreeSet};

use mintery::metrics::Metrics;

use super::{check, code, table};

/// The labels of a series, with their values.
type Labels = BTreeMap<String, String>;

/// The type, the help and the series of a metric.
#[derive(Default)]
struct Metric {
    kind: String,
    help: String,
    series: BTreeSet<Labels>,
}

fn metrics(text: &str) -> BTreeMap<String, Metric> {
    let mut found = BTreeMap::<String, Metric>::new();
    for line in text.lines() {
        let comment = |word: &str| line.strip_prefix(word)?.split_once(' ');
        if let Some((name, help)) = comment("# HELP ") {
            help.clone_into(&mut found.entry(name.to_owned()).or_default().help);
        } else if let Some((name, kind)) = comment("# TYPE ") {
            kind.clone_into(&mut found.entry(name.to_owned()).or_default().kind);
        } else if let Some((series, _)) = line.split_once("} ") {
            let (name, labels) = series.split_once('{').unwrap();
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            let Some(metric) = found.get_mut(name) else { continue };
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            let labels = labels
                .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
                .filter(|(name, _)| name != "le");
            metric.series.insert(labels.collect());
        }
    }
    found
}

impl Metric {
    fn labels(&self) -> String {
        let mut values = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (name, value) in self.series.iter().flatten() {
            values.entry(name).or_default().insert(value);
        }
        let labels = values.iter().map(|(name, values)| match *name {
            "version" => "`version`".to_owned(),
            // The last table has them.
            "error" | "reason" => code(name),
            _ => {
                let values: Vec<String> = values.iter().map(|value| code(value)).collect();
                format!("{}: {}", code(name), values.join(", "))
            }
        });
        labels.collect::<Vec<_>>().join("; ")
    }
}

fn page() -> String {
    let metrics = metrics(&Metrics::default().render());
    let rows = metrics.iter().map(|(name, metric)| {
        [code(name), metric.kind.clone(), metric.help.clone(), metric.labels()]
    });
    let reasons = metrics["mintery_token_refusals_total"].series.iter();
    let reasons = reasons.map(|labels| [code(&labels["error"]), code(&labels["reason"])]);
    format!(
        "# Metrics\n\n\
         `GET /metrics` answers in the text format of Prometheus, for this node alone. Labels have a fixed\n\
         list of values, so no request creates a series. A histogram has the series `_bucket`, `_sum` and\n\
         `_count`. [Monitoring](../operate/monitoring.md) names first alerts.\n\n{}\n\
         Refused requests of the OAuth endpoints have these labels:\n\n{}",
        table(["metric", "type", "meaning", "labels"], rows),
        table(["`error`", "`reason`"], reasons)
    )
}

#[test]
fn the_page_of_metrics_is_current() {
    check("metrics.md", &page());
}
