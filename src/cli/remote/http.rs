//! A server as commands reach it over HTTP. Whoever answers there may be anybody: what it says is
//! bounded, and escaped before it is shown, and no redirect is followed, since a credential would
//! go along.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Response};
use ureq::{Body, Error};
use zeroize::Zeroizing;

use crate::cli::CliError;
use crate::logging::escape;
use crate::model::issuer::Issuer;
use crate::secret::Secret;
use mintery_verifier::fetch::MAX_DOCUMENT_LEN;
use mintery_verifier::fetch::authorization::basic;
use mintery_verifier::fetch::http::agent;

/// How long an answer may take: a secret may stand in line to be hashed.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of what somebody else says is repeated.
const EXCERPT_LEN: usize = 300;

/// A server.
#[derive(Debug)]
pub struct Remote<'a> {
    url: &'a Issuer,
    agent: Agent,
}

/// What a server answered with a status of success.
#[derive(Debug)]
pub struct Answer {
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why there is no such answer. All of it may be shown.
#[derive(Debug)]
pub struct Refusal {
    kind: Kind,
    /// The `error` of an OAuth endpoint (RFC 6749 §5.2); empty otherwise.
    code: String,
    text: String,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Failed,
    NotAuthenticated,
    NoPermission,
}

/// An error of an OAuth endpoint, or a problem (RFC 9457).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    /// A problem has an object here.
    #[serde(deserialize_with = "text_if_any")]
    error: String,
    error_description: String,
    detail: String,
    title: String,
}

impl<'a> Remote<'a> {
    /// The server at `url`. Nothing is sent yet.
    pub fn new(url: &'a Issuer) -> Self {
        Self { url, agent: agent(0) }
    }

    /// Asks with GET at the endpoint `path`, with an access token or an API key.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        bearer: &Secret,
    ) -> Result<Answer, Refusal> {
        let url = self.url.endpoint(path);
        let authorization = Zeroizing::new(["Bearer ", bearer.expose()].concat());
        let asking = self.agent.get(&url).query_pairs(query.iter().copied());
        let asking = asking.header(AUTHORIZATION, authorization.as_str());
        let answer = asking.config().timeout_global(Some(TIMEOUT)).build().call();
        read(url, answer)
    }

    /// Asks for the well-known document `name`, which stands between host and path (RFC 8414 §3.1).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn well_known(&self, name: &str) -> Result<Answer, Refusal> {
        let url = self.url.well_known(name);
        let answer = self.agent.get(&url).config().timeout_global(Some(TIMEOUT)).build().call();
        read(url, answer)
    }

    /// Sends a form to the OAuth endpoint `path`, in the name of a client if there is one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        client: Option<(&str, &Secret)>,
    ) -> Result<Answer, Refusal> {
        let url = self.url.endpoint(path);
        let mut asking = self.agent.post(&url);
        if let Some((id, secret)) = client {
            asking = asking.header(AUTHORIZATION, basic(id, secret.expose()).as_str());
        }
        let answer =
            asking.config().timeout_global(Some(TIMEOUT)).build().send_form(form.iter().copied());
        read(url, answer)
    }
}

impl Answer {
    /// The body, as JSON of this shape.
    ///
    /// # Errors
    /// When it is something else: who answers is no Mintery.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|_| self.foreign())
    }

    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// That the answer is none of a Mintery.
    pub fn foreign(&self) -> Refusal {
        Refusal::failed(format!(
            "{} does not answer as a Mintery does: is the URL that of the server?",
            self.url
        ))
    }
}

impl Refusal {
    fn failed(text: String) -> Self {
        Self { kind: Kind::Failed, code: String::new(), text }
    }

    /// Whether the `error` of an OAuth endpoint is `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The same, as a refusal of the credential.
    #[must_use]
    pub fn into_unauthenticated(self) -> Self {
        Self { kind: Kind::NotAuthenticated, ..self }
    }

    /// Whether the credential was refused.
    pub const fn is_unauthenticated(&self) -> bool {
        matches!(self.kind, Kind::NotAuthenticated)
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        match refusal.kind {
            Kind::Failed => Self::Failed(refusal.text),
            Kind::NotAuthenticated => Self::NotAuthenticated(refusal.text),
            Kind::NoPermission => Self::NoPermission(refusal.text),
        }
    }
}

fn read(url: String, answer: Result<Response<Body>, Error>) -> Result<Answer, Refusal> {
    let unreachable = |error| {
        let reason = match error {
            Error::Timeout(_) => format!("no complete answer within {} seconds", TIMEOUT.as_secs()),
            Error::BodyExceedsLimit(_) => {
                format!("the answer is longer than {} KiB", MAX_DOCUMENT_LEN / 1024)
            }
            Error::Io(error) => excerpt(&error.to_string()),
            other => excerpt(&other.to_string()),
        };
        Refusal::failed(format!("{url}: {reason}"))
    };
    let mut answer = answer.map_err(unreachable)?;
    let longest = u64::try_from(MAX_DOCUMENT_LEN).unwrap_or(u64::MAX);
    let status = answer.status().as_u16();
    if (300..400).contains(&status) {
        let to =
            answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("elsewhere");
        return Err(Refusal::failed(format!(
            "{url} redirects to {}, which is not followed: name the URL that answers",
            excerpt(to)
        )));
    }
    let body = answer.body_mut().with_config().limit(longest).read_to_vec().map_err(unreachable)?;
    let headers = answer.headers().clone();
    if status == 200 {
        Ok(Answer { url, headers, body })
    } else {
        Err(refusal(&url, status, &headers, &body))
    }
}

/// What an answer that is none of success says.
fn refusal(url: &str, status: u16, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let said: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let kind = match (status, said.error.as_str()) {
        (401, _) | (400, "invalid_client" | "invalid_grant") => Kind::NotAuthenticated,
        (403, _) | (400, "invalid_scope" | "invalid_target" | "unauthorized_client") => {
            Kind::NoPermission
        }
        _ => Kind::Failed,
    };
    let texts = [&said.error_description, &said.detail, &said.title, &said.error];
    let reason = texts.into_iter().find(|text| !text.is_empty()).map(|text| excerpt(text));
    let header = |name: &str| headers.get(name)?.to_str().ok().map(excerpt);
    let mut text = match reason {
        Some(reason) if said.error.is_empty() => reason,
        Some(reason) => format!("{reason} ({})", excerpt(&said.error)),
        None => format!("{url} answers with status {status}: is the URL that of the server?"),
    };
    if let Some(after) = header(RETRY_AFTER.as_str()) {
        text = format!("{text}; try again after {after} s");
    }
    if let Some(id) = header("x-request-id") {
        text = format!("{text}; request {id}");
    }
    Refusal { kind, code: said.error, text }
}

fn text_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        _ => String::new(),
    })
}

/// The beginning of what somebody else says, as it may be shown.
fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_LEN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    escape(&shown)
}
