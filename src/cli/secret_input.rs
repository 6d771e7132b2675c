//! Reads a secret from a hidden prompt or from standard input, never from the command line, which
//! other users can read and shells store.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::CliError;
use super::output;
use crate::secret::Secret;
use crate::secret::chosen::{ChosenSecret, MAX_LEN, UnacceptableSecret};
use crate::secret::password::{MAX_PASSWORD_BYTES, UnacceptablePassword};

/// Reads the chosen secret of `--secret VALUE`.
pub fn read(value: Option<&str>) -> Result<Option<ChosenSecret>, CliError> {
    let secret = match value {
        None => return Ok(None),
        Some("-") if is_terminal() => ask("Secret: ")?,
        Some("-") => read_new(MAX_LEN, UnacceptableSecret::Length)?,
        Some(_) => return Err(reject_value()),
    };
    ChosenSecret::parse(secret).map(Some).map_err(CliError::usage)
}

/// Reads the password of `--password VALUE`. Its strength is checked elsewhere.
pub fn read_password(value: &str) -> Result<Secret, CliError> {
    match value {
        "-" if is_terminal() => ask("Password: "),
        "-" => match read_new(MAX_PASSWORD_BYTES, UnacceptablePassword::TooLong)? {
            password if password.expose().is_empty() => Err(CliError::Usage(
                "no password on standard input; pipe one in, or run in a terminal".to_owned(),
            )),
            password => Ok(password),
        },
        // The value is not repeated: it may be the password.
        _ => Err(CliError::Usage(
            "--password takes only `-`; enter the password at the prompt or on standard input"
                .to_owned(),
        )),
    }
}

/// Rejects a value of `--secret`. The value is not repeated: it may be the secret.
pub fn reject_value() -> CliError {
    let reason = "--secret takes only `-`; enter the secret at the prompt or on standard input";
    CliError::Usage(reason.to_owned())
}

/// The maximum length of a token, key or secret.
pub const MAX_EXISTING_LEN: usize = 16 * 1024;

/// Reads an existing token or key and trims it. One on the command line is accepted with a warning,
/// because other programs taught users to put it there.
pub fn read_token(value: &str, prompt: &str) -> Result<Secret, CliError> {
    if value == "-" {
        let given = read_existing(prompt)?;
        return Ok(Secret::new(given.expose().trim().to_owned()));
    }
    output::note(
        "Other users of this machine can read a token on the command line, and shells store it; use `-` for standard input.",
    )?;
    Ok(Secret::new(value.trim().to_owned()))
}

/// Reads an existing secret, typed once at a terminal.
pub fn read_existing(prompt: &str) -> Result<Secret, CliError> {
    if is_terminal() {
        let _hidden = Hidden::begin()?;
        return ask_once(prompt);
    }
    let bytes = read_all(MAX_EXISTING_LEN)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.len() <= MAX_EXISTING_LEN => Ok(Secret::new(text.to_owned())),
        _ => {
            let reason = "standard input is too long or not valid UTF-8";
            Err(CliError::Usage(reason.to_owned()))
        }
    }
}

/// True if a prompt can be shown.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Reads a new secret of at most `most` bytes from standard input.
fn read_new(most: usize, too_long: impl std::fmt::Display) -> Result<Secret, CliError> {
    let bytes = read_all(most)?;
    if bytes.len() > most {
        return Err(CliError::usage(too_long));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| CliError::usage(UnacceptableSecret::Characters))?;
    Ok(Secret::new(text.to_owned()))
}

/// Reads standard input without its final line end. Of an input longer than `max_len` bytes it
/// returns a beginning that is also longer.
fn read_all(max_len: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = max_len + "\r\n".len() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    io::stdin().lock().take(u64::try_from(most).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    if bytes.len() < most && bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    Ok(bytes)
}

fn ask(prompt: &str) -> Result<Secret, CliError> {
    let _hidden = Hidden::begin()?;
    let secret = ask_once(prompt)?;
    if secret.expose() != ask_once("Repeat: ")?.expose() {
        return Err(CliError::Usage("the two entries differ".to_owned()));
    }
    Ok(secret)
}

/// The character of Ctrl-C while echo is off. A signal would end the program and leave the terminal
/// without echo.
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

/// A terminal without echo, until this is dropped.
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
        // There is no recovery from a failure here.
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &self.0).ok();
    }
}
