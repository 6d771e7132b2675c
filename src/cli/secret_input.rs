//! A secret that somebody brings: from a prompt that shows nothing, or from standard input; never from the command line,
//! which other users of the machine can read and shells keep.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::CliError;
use crate::secret::Secret;
use crate::secret::chosen::{ChosenSecret, MAX_LEN, UnacceptableSecret};
use crate::secret::password::{MAX_PASSWORD_BYTES, UnacceptablePassword};

/// The secret that `--secret VALUE` asks for.
pub fn read(value: Option<&str>) -> Result<Option<ChosenSecret>, CliError> {
    let secret = match value {
        None => return Ok(None),
        Some("-") if io::stdin().is_terminal() => ask("Secret: ")?,
        Some("-") => read_all(MAX_LEN, UnacceptableSecret::Length)?,
        Some(_) => {
            // What was given is not repeated: it may be the secret.
            let reason =
                "--secret takes nothing but `-`: the secret comes from standard input, or from a prompt";
            return Err(CliError::Usage(reason.to_owned()));
        }
    };
    ChosenSecret::parse(secret).map(Some).map_err(CliError::usage)
}

/// The password that `--password VALUE` asks for. Whether it is good enough is another question.
pub fn password(value: &str) -> Result<Secret, CliError> {
    match value {
        "-" if io::stdin().is_terminal() => ask("Password: "),
        "-" => read_all(MAX_PASSWORD_BYTES, UnacceptablePassword::TooLong),
        // What was given is not repeated: it may be the password.
        _ => Err(CliError::Usage(
            "--password takes nothing but `-`: the password comes from standard input, or from a prompt"
                .to_owned(),
        )),
    }
}

/// All of standard input, but for the end of its line, and no more than `most` bytes.
fn read_all(most: usize, too_long: impl std::fmt::Display) -> Result<Secret, CliError> {
    let most = most + "\r\n".len();
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    io::stdin().lock().take(u64::try_from(most).unwrap_or(u64::MAX) + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(CliError::usage(too_long));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| CliError::usage(UnacceptableSecret::Characters))?;
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret::new(text.to_owned()))
}

fn ask(prompt: &str) -> Result<Secret, CliError> {
    let _hidden = Hidden::begin()?;
    let secret = ask_once(prompt)?;
    if secret.expose() != ask_once("The same again: ")?.expose() {
        return Err(CliError::Usage("the two are not the same".to_owned()));
    }
    Ok(secret)
}

/// What Ctrl-C sends while nothing is shown: the signal would end the program and leave the terminal like that.
const INTERRUPT: char = '\u{3}';

fn ask_once(prompt: &str) -> Result<Secret, CliError> {
    let mut err = io::stderr().lock();
    write!(err, "{prompt}")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    writeln!(err)?;
    let secret = Secret::new(line.trim_end_matches(['\r', '\n']).to_owned());
    line.zeroize();
    if secret.expose().contains(INTERRUPT) {
        return Err(CliError::Failed("interrupted".to_owned()));
    }
    Ok(secret)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done when even that fails.
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0).ok();
    }
}
