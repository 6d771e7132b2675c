//! `mintery completions`

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{Cli, CliError, output};

#[derive(Debug, Args)]
#[command(after_help = "For one session of bash: source <(mintery completions bash)")]
pub struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<(), CliError> {
        // Not at once to standard output: what generates it panics when that is closed.
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "mintery", &mut script);
        Ok(output::text(&String::from_utf8_lossy(&script))?)
    }
}
