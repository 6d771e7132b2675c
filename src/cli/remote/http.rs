//! The HTTP client of the commands. The server is not trusted: its answers are bounded and escaped
//! before they are shown, and redirects are not followed, because they would carry the credential.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use ureq::Agent;
use ureq::http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Response};
use ureq::{Body, Error};
use zeroize::Zeroizing;

use crate::cli::error::CliError;
use crate::logging::escape;
use crate::model::issuer::Issuer;
use crate::secret::Secret;
use mintery_verifier::fetch::MAX_DOCUMENT_LEN;
use mintery_verifier::fetch::authorization::basic;
use mintery_verifier::fetch::http::agent;

/// The timeout of a request: a secret may wait to be hashed.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The number of characters of a foreign text that a message repeats.
const EXCERPT_LEN: usize = 300;

/// A server.
#[derive(Debug)]
pub struct Remote<'a> {
    url: &'a Issuer,
    agent: Agent,
}

/// A successful answer.
#[derive(Debug)]
pub struct Answer {
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A failed request. The text is safe to show.
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
    /// The server at `url`. Sends nothing yet.
    pub fn new(url: &'a Issuer) -> Self {
        Self { url, agent: agent(0) }
    }

    /// Sends GET to the endpoint `path` with an access token or an API key.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
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

    /// Fetches the well-known document `name`, whose path stands between host and path (RFC 8414
    /// §3.1).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn well_known(&self, name: &str) -> Result<Answer, Refusal> {
        let url = self.url.well_known(name);
        let answer = self.agent.get(&url).config().timeout_global(Some(TIMEOUT)).build().call();
        read(url, answer)
    }

    /// Sends a form to the OAuth endpoint `path`, authenticated as `client` if given.
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
    /// Parses the body as JSON.
    ///
    /// # Errors
    /// When it has another shape: the server is not Mintery.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|_| self.foreign())
    }

    /// A header, if it is present and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error of an answer that Mintery would not give.
    pub fn foreign(&self) -> Refusal {
        Refusal::failed(format!("{} is not a Mintery server; check the URL", self.url))
    }
}

impl Refusal {
    fn failed(text: String) -> Self {
        Self { kind: Kind::Failed, code: String::new(), text }
    }

    /// True if the `error` of an OAuth endpoint is `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// Turns this into a refusal of the credential.
    #[must_use]
    pub fn into_unauthenticated(self) -> Self {
        Self { kind: Kind::NotAuthenticated, ..self }
    }

    /// True if the credential was refused.
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
            Error::Timeout(_) => {
                format!("no complete response within {} seconds", TIMEOUT.as_secs())
            }
            Error::BodyExceedsLimit(_) => {
                format!("the response is longer than {} KiB", MAX_DOCUMENT_LEN / 1024)
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
            "{url} redirects to {}, and redirects are not followed; use the final URL",
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

/// Parses an error answer.
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
        None => format!("{url} returned status {status}; check the URL"),
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

/// The beginning of a foreign text, escaped.
fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_LEN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    escape(&shown)
}
