//! A secret that somebody brings: from a prompt that shows nothing, or from standard input; never
//! from the command line, which other users of the machine can read and shells keep.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::{CliError, output};
use crate::secret::Secret;
use crate::secret::chosen::{ChosenSecret, MAX_LEN, UnacceptableSecret};
use crate::secret::password::{MAX_PASSWORD_BYTES, UnacceptablePassword};

/// The secret that `--secret VALUE` asks for.
pub fn read(value: Option<&str>) -> Result<Option<ChosenSecret>, CliError> {
    let secret = match value {
        None => return Ok(None),
        Some("-") if is_terminal() => ask("Secret: ")?,
        Some("-") => read_new(MAX_LEN, UnacceptableSecret::Length)?,
        Some(_) => return Err(refuse_value()),
    };
    ChosenSecret::parse(secret).map(Some).map_err(CliError::usage)
}

/// The password that `--password VALUE` asks for. Whether it is good enough is another question.
pub fn password(value: &str) -> Result<Secret, CliError> {
    match value {
        "-" if is_terminal() => ask("Password: "),
        "-" => read_new(MAX_PASSWORD_BYTES, UnacceptablePassword::TooLong),
        // What was given is not repeated: it may be the password.
        _ => Err(CliError::Usage(
            "--password takes nothing but `-`: the password comes from standard input, or from a prompt"
                .to_owned(),
        )),
    }
}

/// That `--secret` has a value. What was given is not repeated: it may be the secret.
pub fn refuse_value() -> CliError {
    let reason =
        "--secret takes nothing but `-`: the secret comes from standard input, or from a prompt";
    CliError::Usage(reason.to_owned())
}

/// The longest token, key or secret that is read.
pub const MAX_EXISTING_LEN: usize = 16 * 1024;

/// A token or a key that somebody has, without the white space around it. One on the command line
/// is taken, since other programs taught people to put it there, and what that means is told.
pub fn read_token(value: &str, prompt: &str) -> Result<Secret, CliError> {
    if value == "-" {
        let given = read_existing(prompt)?;
        return Ok(Secret::new(given.expose().trim().to_owned()));
    }
    output::note(
        "A token on the command line is shown to other users of this machine, and kept by shells: `-` reads it from standard input.",
    )?;
    Ok(Secret::new(value.trim().to_owned()))
}

/// A secret that there is already: typed once where there is a terminal.
pub fn read_existing(prompt: &str) -> Result<Secret, CliError> {
    if is_terminal() {
        let _hidden = Hidden::begin()?;
        return ask_once(prompt);
    }
    let bytes = read_all(MAX_EXISTING_LEN)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.len() <= MAX_EXISTING_LEN => Ok(Secret::new(text.to_owned())),
        _ => {
            let reason = "what comes from standard input is too long, or no text";
            Err(CliError::Usage(reason.to_owned()))
        }
    }
}

/// Whether somebody can be asked.
pub fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// A new secret from standard input, of at most `most` bytes.
fn read_new(most: usize, too_long: impl std::fmt::Display) -> Result<Secret, CliError> {
    let bytes = read_all(most)?;
    if bytes.len() > most {
        return Err(CliError::usage(too_long));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| CliError::usage(UnacceptableSecret::Characters))?;
    Ok(Secret::new(text.to_owned()))
}

/// All of standard input, but for the end of its line; of what is longer than `max_len` bytes the
/// beginning, longer than that too.
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
    if secret.expose() != ask_once("The same again: ")?.expose() {
        return Err(CliError::Usage("the two are not the same".to_owned()));
    }
    Ok(secret)
}

/// What Ctrl-C sends while nothing is shown: the signal would end the program and leave the
/// terminal like that.
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
