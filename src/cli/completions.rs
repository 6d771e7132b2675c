//! `mintery completions`

use clap::Args;
use clap_complete::{Shell, generate};

use super::error::CliError;
use super::{command, output};

#[derive(Debug, Args)]
#[command(after_help = "For one session of bash: source <(mintery completions bash)")]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<(), CliError> {
        // Not straight to standard output: the generator panics if that is closed.
        let mut script = Vec::new();
        generate(self.shell, &mut command(), "mintery", &mut script);
        output::text(&String::from_utf8_lossy(&script))
    }
}
