//! `docs/reference/errors.md`, from [`Problem`], [`Refusal`] and [`OauthError`].

use std::time::Duration;

use mintery::authn::error::KeyFailure;
use mintery::oauth::error::{ClientFailure, OauthError};
use mintery_verifier::adapter::problem::Problem;
use mintery_verifier::adapter::refusal::Refusal;

use super::{check, code, table};

/// One error of each kind, with its meaning.
fn oauth_errors() -> Vec<(OauthError, &'static str)> {
    vec![
        (
            OauthError::InvalidRequest(""),
            "A parameter is missing, repeated or malformed, or the request has two credentials; `error_description` names it.",
        ),
        (OauthError::TooLarge, "The body is larger than 64 KiB."),
        (
            OauthError::InvalidSubjectToken(KeyFailure::Unknown),
            "Token exchange: the API key is malformed, expired, revoked or may not be exchanged.",
        ),
        (
            OauthError::InvalidClient(ClientFailure::WrongSecret),
            "Client authentication failed. The log has the reason under the request id: no credentials, an unknown or disabled client, a wrong or expired secret.",
        ),
        (
            OauthError::InvalidScope(""),
            "The scope is malformed, unknown to a requested API, or more than the client may have.",
        ),
        (
            OauthError::InvalidTarget,
            "The `resource` is malformed, unknown, or not allowed for the client.",
        ),
        (OauthError::UnauthorizedClient, "The client may not use this grant type."),
        (OauthError::UnsupportedGrantType, "Mintery does not support the grant type."),
        (OauthError::AnotherClientsToken, "Revocation: the token was issued to another client."),
        (
            OauthError::UnsupportedTokenType,
            "Revocation: the token is an API key; `DELETE /api/v1/keys/{id}` revokes it.",
        ),
        (
            OauthError::OverLimit { retry_after: 1 },
            "The client has reached its `max_tokens_per_hour`.",
        ),
        (
            OauthError::KeyOverLimit { retry_after: 1 },
            "Token exchange: the API key has reached its rate limit.",
        ),
        (
            OauthError::TooManyRevocations,
            "The client has reached `revocations.max_per_client`: wait until tokens expire, or revoke all of its tokens.",
        ),
        (
            OauthError::TooManyGuesses(Duration::ZERO),
            "Too many secrets were wrong for this client, from this network or in total.",
        ),
        (OauthError::Busy, "The queue for checks of chosen secrets is full."),
        (
            OauthError::Unavailable(String::new()),
            "The database is unreachable and this node cannot answer from its cache.",
        ),
        (OauthError::Server(String::new()), "The server failed; the log has the reason."),
    ]
}

/// Does not compile with a kind that [`oauth_errors`] does not know.
const fn is_listed(error: &OauthError) {
    match error {
        OauthError::InvalidRequest(_)
        | OauthError::TooLarge
        | OauthError::InvalidSubjectToken(_)
        | OauthError::InvalidClient(_)
        | OauthError::InvalidScope(_)
        | OauthError::InvalidTarget
        | OauthError::UnauthorizedClient
        | OauthError::UnsupportedGrantType
        | OauthError::AnotherClientsToken
        | OauthError::UnsupportedTokenType
        | OauthError::OverLimit { .. }
        | OauthError::KeyOverLimit { .. }
        | OauthError::TooManyRevocations
        | OauthError::TooManyGuesses(_)
        | OauthError::Busy
        | OauthError::Unavailable(_)
        | OauthError::Server(_) => {}
    }
}

fn problems() -> String {
    let mut problems = Problem::ALL.to_vec();
    problems.sort_by_key(|(problem, _)| problem.status);
    table(
        ["status", "code", "title", "meaning"],
        problems.into_iter().map(|(problem, meaning)| {
            [
                problem.status.to_string(),
                code(problem.code),
                problem.title.to_owned(),
                meaning.to_owned(),
            ]
        }),
    )
}

fn challenges() -> String {
    let refusals = [
        Refusal::Missing,
        Refusal::InvalidRequest(""),
        Refusal::InvalidToken,
        Refusal::InsufficientScope("orders:read".to_owned()),
    ];
    table(
        ["status", "code", "`WWW-Authenticate`"],
        refusals.map(|refusal| {
            let problem = refusal.problem();
            let challenge = refusal.challenge("mintery", Some("…")).unwrap();
            [problem.status.to_string(), code(problem.code), code(&challenge)]
        }),
    )
}

fn oauth() -> String {
    let mut errors = oauth_errors();
    errors.sort_by_key(|(error, _)| error.status());
    table(
        ["status", "error", "meaning"],
        errors.iter().map(|(error, meaning)| {
            is_listed(error);
            [error.status().to_string(), code(error.code()), (*meaning).to_owned()]
        }),
    )
}

fn page() -> String {
    format!(
        "# Error codes\n\n\
         Every response has an `X-Request-Id`. The log line with that id has the reason, which a response\n\
         never gives away. [Troubleshooting](../operate/troubleshooting.md) begins with the symptom.\n\n\
         ## OAuth endpoints\n\n\
         Errors of `/oauth/…` have the shape of RFC 6749 §5.2, `{{\"error\", \"error_description\"}}`. A 401\n\
         has `WWW-Authenticate: Basic`. A 429 and a 503 have `Retry-After`. An unknown address is 404 and a\n\
         wrong method 405, both `invalid_request`.\n\n\
         {}\n\
         ## All other endpoints\n\n\
         Errors are `application/problem+json` (RFC 9457) with `type` (`urn:mintery:error:CODE`), `title`,\n\
         `status`, `detail`, `code` and `message`, and `error` (`message`, `type`, `code`) for OpenAI\n\
         clients. A 429 and a 503 have `Retry-After`.\n\n\
         {}\n\
         Protected routes add a challenge (RFC 6750 §3, RFC 9728 §5.1). `resource_metadata` is the URL of\n\
         the metadata of the API.\n\n\
         {}",
        oauth(),
        problems(),
        challenges()
    )
}

#[test]
fn the_page_of_errors_is_current() {
    check("errors.md", &page());
}
