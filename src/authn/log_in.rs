//! Log-in with a name and a password. Only a slow hash checks a password, and it is rationed: the
//! limits on guessing come first, then a place in the queue for hashing, for unknown users too. A
//! refusal reveals neither which of the two was wrong nor, by its duration, that a user exists.

use super::context::Context;
use super::delay::make_wait;
use super::error::{LogInError, LogInFailure};
use crate::admin::AdminError;
use crate::admin::session::{self, NewSession, Place};
use crate::model::user::{User, UserId, Username};
use crate::network::Network;
use crate::secret::Secret;
use crate::secret::check::Question;
use crate::secret::hash::SecretHash;
use crate::secret::pool::{Busy, Lane};

/// The credentials of a log-in, as sent.
#[derive(Debug)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The code of the second factor, or a recovery code.
    pub code: Option<Secret>,
}

/// Logs a user in, and counts the outcome. The session is always new: a session id in the request is
/// never reused.
///
/// # Errors
/// See [`LogInError`].
pub async fn log_in(
    context: &Context,
    credentials: Credentials,
    network: Network,
    place: Place,
) -> Result<NewSession, LogInError> {
    let outcome = begin_session(context, credentials, network, place).await;
    let log_ins = &context.metrics.log_ins;
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
    context: &Context,
    credentials: Credentials,
    network: Network,
    place: Place,
) -> Result<NewSession, LogInError> {
    let found = match Username::parse(&credentials.username) {
        Ok(username) => context.directory.look_up_username(&username).await?,
        // No user has an invalid name.
        Err(_) => None,
    };
    let checked = check_password(context, &credentials, found.as_ref(), network).await;
    if let Err(LogInError::TooManyGuesses(_)) = checked {
        make_wait().await;
    }
    let (user, hash) = checked?;
    let code = credentials.code;
    let begun = with_code(context, &user.id, code, async |code| {
        session::log_in(&context.admin, &user.id, hash.clone(), code, place).await
    });
    // `None`: the user was disabled or deleted, or the password changed, during the hash.
    begun.await?.ok_or_else(|| LogInFailure::Disabled.into())
}

/// Performs an act that takes a code of the user, unless too many codes were wrong.
///
/// # Errors
/// [`LogInError::TooManyGuesses`], and those of `act`.
pub async fn with_code<T>(
    context: &Context,
    user: &UserId,
    code: Option<Secret>,
    act: impl AsyncFnOnce(Option<Secret>) -> Result<T, AdminError>,
) -> Result<T, LogInError> {
    // Counted before the check: a hundred at once must not all pass the limit. A caller that hangs
    // up stays counted, since the act goes on.
    let open = match &code {
        Some(_) => Some(context.directory.guesses().count_code(user.as_str())?),
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

/// Checks the password of a user who is logged in.
///
/// # Errors
/// See [`LogInError`].
pub async fn check_own_password(
    context: &Context,
    username: &Username,
    password: Secret,
    network: Network,
) -> Result<(), LogInError> {
    let found = context.directory.look_up_username(username).await?;
    let credentials = Credentials { username: username.as_str().to_owned(), password, code: None };
    check_password(context, &credentials, found.as_ref(), network).await.map(drop)
}

/// The user whose name and password these are.
async fn check_password<'a>(
    context: &Context,
    credentials: &Credentials,
    found: Option<&'a (User, SecretHash)>,
    network: Network,
) -> Result<&'a (User, SecretHash), LogInError> {
    let guesses = context.directory.guesses();
    // No id of a client has a line break in it.
    let whom = format!("user\n{}", credentials.username.to_lowercase());
    let question = Question {
        client: whom,
        digest: context.secret_digests.digest(&credentials.password),
        secret: credentials.password.clone(),
        // The hash of a disabled user is not compared: nothing shows that a password is right.
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
    if context.checks.is_wrong(&question) {
        // The same wrong password again is no further guess.
        if guesses.is_flooded_by(network) {
            make_wait().await;
        }
        return Err(refusal.into());
    }
    let answer = if let Some(answer) = context.checks.under_way(&question) {
        answer
    } else {
        // A caller that hangs up before the hash has not guessed; one that does so later has.
        let open = guesses.count(&question.client, network, question.work())?;
        context.checks.ask(Lane::Network(network), question, move || open.was_wrong())?
    };
    // The queue may have dropped the question in favor of others.
    let is_right = answer.await.map_err(|_| Busy)?.is_some();
    found.filter(|_| is_right).ok_or_else(|| refusal.into())
}
