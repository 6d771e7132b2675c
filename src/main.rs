//! The `mintery` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    mintery::cli::main()
}
