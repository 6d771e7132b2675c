//! Logging in with a name and a password. As with the secrets of clients only a slow hash tells,
//! and it is rationed: first the limits on guessing, then a place in the line of those who hash,
//! whether or not there is such a user. A refusal says neither which of the two was wrong nor, by
//! the time that it takes, whether there is anybody of that name.

use std::fmt;
use std::time::Duration;

use crate::admin::AdminError;
use crate::admin::session::{self, NewSession, Place};
use crate::directory::Unavailable;
use crate::directory::guesses::TooMany;
use crate::model::user::{User, UserId, Username};
use crate::network::Network;
use crate::oauth::AuthorizationServer;
use crate::oauth::client_auth::guessable::make_wait;
use crate::secret::Secret;
use crate::secret::check::Question;
use crate::secret::hash::SecretHash;
use crate::secret::pool::{Busy, Lane};

/// What somebody logs in with.
#[derive(Debug)]
pub struct Credentials {
    /// What was presented as the name.
    pub username: String,
    /// What was presented as the password.
    pub password: Secret,
    /// What was presented as a code of the second factor, or as a recovery code.
    pub code: Option<Secret>,
}

/// Why nobody is logged in.
#[derive(Debug)]
pub enum LogInError {
    /// Name and password do not belong together. Why is for the log alone.
    Wrong(LogInFailure),
    /// The password is right, and a code is needed besides.
    CodeNeeded,
    /// The password is right, and the code is not, or was used before.
    WrongCode,
    /// Too many passwords were wrong that came from there, for this name or for all; how long until
    /// another may be tried.
    TooManyGuesses(Duration),
    /// It could not be done, or it is not known whether it was.
    Admin(AdminError),
    /// It cannot be told now.
    Unavailable(String),
}

/// Why name and password do not let anybody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogInFailure {
    /// Nobody has this name.
    UnknownUser,
    /// It is not their password.
    WrongPassword,
    /// They are disabled.
    Disabled,
}

impl fmt::Display for LogInFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownUser => "an unknown user",
            Self::WrongPassword => "a wrong password",
            Self::Disabled => "a disabled user",
        })
    }
}

impl From<TooMany> for LogInError {
    fn from(TooMany(wait): TooMany) -> Self {
        Self::TooManyGuesses(wait)
    }
}

impl From<Busy> for LogInError {
    fn from(busy: Busy) -> Self {
        Self::Unavailable(busy.to_string())
    }
}

impl From<Unavailable> for LogInError {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<LogInFailure> for LogInError {
    fn from(failure: LogInFailure) -> Self {
        Self::Wrong(failure)
    }
}

/// Logs somebody in, and counts what becomes of it. The session is always a new one: what a request
/// brought along is not taken over.
///
/// # Errors
/// See [`LogInError`].
pub async fn log_in(
    server: &AuthorizationServer,
    credentials: Credentials,
    network: Network,
    place: Place,
) -> Result<NewSession, LogInError> {
    let outcome = begin_session(server, credentials, network, place).await;
    let log_ins = &server.metrics.log_ins;
    let counter = match &outcome {
        Ok(_) => &log_ins.logged_in,
        Err(LogInError::Wrong(_)) => &log_ins.wrong,
        Err(LogInError::CodeNeeded) => &log_ins.code_needed,
        Err(LogInError::WrongCode) => &log_ins.wrong_code,
        Err(LogInError::TooManyGuesses(_)) => &log_ins.too_many_guesses,
        Err(LogInError::Unavailable(_)) => &log_ins.unavailable,
        Err(LogInError::Admin(_)) => &log_ins.failed,
    };
    counter.increment(1);
    outcome
}

async fn begin_session(
    server: &AuthorizationServer,
    credentials: Credentials,
    network: Network,
    place: Place,
) -> Result<NewSession, LogInError> {
    let found = match Username::parse(&credentials.username) {
        Ok(username) => server.directory.look_up_username(&username).await?,
        // Nobody has a name like that.
        Err(_) => None,
    };
    let checked = check_password(server, &credentials, found.as_ref(), network).await;
    if let Err(LogInError::TooManyGuesses(_)) = checked {
        make_wait().await;
    }
    let (user, hash) = checked?;
    let code = credentials.code;
    let begun = with_code(server, &user.id, code, async |code| {
        session::log_in(&server.admin, &user.id, hash.clone(), code, place).await
    });
    // They were disabled, deleted, or got another password while this one was hashed.
    begun.await?.ok_or_else(|| LogInFailure::Disabled.into())
}

/// Does what takes a code of somebody, if they were not wrong too often.
///
/// # Errors
/// [`LogInError::TooManyGuesses`], and those of `act`.
pub async fn with_code<T>(
    server: &AuthorizationServer,
    user: &UserId,
    code: Option<Secret>,
    act: impl AsyncFnOnce(Option<Secret>) -> Result<T, AdminError>,
) -> Result<T, LogInError> {
    // Counted before it is known whether it is wrong: a hundred at once must not all find that
    // there is still room. And for good where whoever asks hangs up, since what they asked for
    // is done, or not, all the same.
    let open = match &code {
        Some(_) => Some(server.directory.guesses().count_code(user.as_str())?),
        None => None,
    };
    let done = act(code).await;
    if let Err(AdminError::WrongCode) = done {
        return Err(LogInError::WrongCode);
    }
    if let Some(open) = open {
        open.take_back();
    }
    done.map_err(|error| match error {
        AdminError::CodeNeeded => LogInError::CodeNeeded,
        error => LogInError::Admin(error),
    })
}

/// Checks that whoever is logged in knows their password.
///
/// # Errors
/// See [`LogInError`].
pub async fn check_own_password(
    server: &AuthorizationServer,
    username: &Username,
    password: Secret,
    network: Network,
) -> Result<(), LogInError> {
    let found = server.directory.look_up_username(username).await?;
    let credentials = Credentials { username: username.as_str().to_owned(), password, code: None };
    check_password(server, &credentials, found.as_ref(), network).await.map(drop)
}

/// Checks a password, and gives whose it is.
async fn check_password<'a>(
    server: &AuthorizationServer,
    credentials: &Credentials,
    found: Option<&'a (User, SecretHash)>,
    network: Network,
) -> Result<&'a (User, SecretHash), LogInError> {
    let guesses = server.directory.guesses();
    // No id of a client has a line break in it.
    let whom = format!("user\n{}", credentials.username.to_lowercase());
    let question = Question {
        client: whom,
        digest: server.secret_digests.digest(&credentials.password),
        secret: credentials.password.clone(),
        // Of somebody who is disabled none is looked at: that theirs is right shows in nothing.
        hashes: found
            .iter()
            .filter(|(user, _)| user.is_enabled())
            .map(|(_, hash)| hash.clone())
            .collect(),
    };
    let refusal = match found {
        Some((user, _)) if user.is_enabled() => LogInFailure::WrongPassword,
        Some(_) => LogInFailure::Disabled,
        None => LogInFailure::UnknownUser,
    };
    if server.checks.is_wrong(&question) {
        // Whoever says the same again has guessed nothing.
        if guesses.is_flooded_by(network) {
            make_wait().await;
        }
        return Err(refusal.into());
    }
    let answer = if let Some(answer) = server.checks.under_way(&question) {
        answer
    } else {
        // Whoever hangs up before it is looked at has not guessed; whoever does so later has.
        let open = guesses.count(&question.client, network, question.work())?;
        server.checks.ask(Lane::Network(network), question, move || open.was_wrong())?
    };
    // Others may have taken its place.
    let is_right = answer.await.map_err(|_| Busy)?.is_some();
    found.filter(|_| is_right).ok_or_else(|| refusal.into())
}
