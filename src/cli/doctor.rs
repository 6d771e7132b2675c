//! `mintery doctor`

use std::sync::Arc;

use clap::Args;
use comfy_table::ContentArrangement;
use serde::Serialize;

use super::error::CliError;
use super::output::{self, Output};
use super::shared::{Shared, environment};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::doctor::{CheckResult, Finding, examine};
use crate::logging::escape;
use crate::random::SystemRandom;

#[derive(Debug, Args)]
#[command(
    after_help = "The exit code is 1 if a check finds a problem, and 0 otherwise, even with warnings."
)]
pub struct Doctor {
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    check: &'static str,
    result: &'static str,
    found: &'a str,
    /// Null if there is nothing to do.
    advice: Option<&'a str>,
}

impl Doctor {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let settings =
            Settings::load_and_tell(&shared.overrides(), environment(), shared.config.as_deref());
        let findings = examine(settings, Arc::new(SystemClock::default()), &SystemRandom).await;
        let values = findings.iter().map(FindingJson::from).collect::<Vec<_>>();
        self.output.show(&values, || table(&findings))?;
        match findings.iter().filter(|finding| finding.result == CheckResult::Problem).count() {
            0 => Ok(()),
            1 => Err(CliError::Failed("1 check failed".to_owned())),
            several => Err(CliError::Failed(format!("{several} checks failed"))),
        }
    }
}

fn table(findings: &[Finding]) -> String {
    let mut table = output::table(&["CHECK", "RESULT", "FOUND", "WHAT TO DO"]);
    // Sentences wrap at the width of the terminal, if there is one.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for finding in findings {
        table.add_row([
            finding.check,
            finding.result.name(),
            &escape(&finding.found),
            &escape(finding.advice.as_deref().unwrap_or_default()),
        ]);
    }
    table.to_string()
}

impl<'a> From<&'a Finding> for FindingJson<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            check: finding.check,
            result: finding.result.name(),
            found: &finding.found,
            advice: finding.advice.as_deref(),
        }
    }
}
