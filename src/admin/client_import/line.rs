//! A line of an import: a client with its secrets, in the format of the command line and the JSON
//! API.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::admin::AdminError;
use crate::admin::client::{check_id, check_life, parse_label};
use crate::admin::json::client_terms::client_input;
use crate::admin::json::input::invalid;
use crate::admin::json::object;
use crate::admin::json::object::Object;
use crate::clock::Timestamp;
use crate::model::client::{
    AuthMethod, Client, ClientId, ClientTerms, MAX_CHOSEN_SECRETS, MAX_SECRETS, SecretId,
};
use crate::model::event::EventNumber;
use crate::model::name::DisplayName;
use crate::model::resource::ResourceUri;
use crate::secret::Secret;
use crate::secret::base62::is_base62;
use crate::secret::chosen::ChosenSecret;
use crate::secret::generated::{CLIENT_SECRET_PREFIX, HINT_LEN, looks_generated};
use crate::secret::hash::SecretHash;

client_input! {
    /// A client in the format of a line.
    struct ClientLine {
        token_endpoint_auth_method: Option<String>,
        client_id_issued_at: Option<i64>,
        enabled: Option<bool>,
        client_secret: Option<Secret>,
        client_secret_hash: Option<String>,
        /// 0 if it does not expire (RFC 7591 §3.2.1).
        client_secret_expires_at: Option<i64>,
        secret_expires_in: Option<u64>,
        secrets: Option<Vec<Object<SecretLine>>>,
    }
}

/// One of several secrets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretLine {
    id: Option<String>,
    hint: Option<String>,
    label: Option<String>,
    created_at: Option<i64>,
    expires_at: Option<i64>,
    /// The last use, which an export adds for people. Ignored: the secret is unused here.
    #[serde(rename = "last_used_at")]
    _last_used_at: Option<IgnoredAny>,
    #[serde(rename = "last_used_address")]
    _last_used_address: Option<IgnoredAny>,
    client_secret: Option<Secret>,
    client_secret_hash: Option<String>,
}

/// A client that a line describes.
#[derive(Debug)]
pub struct Wanted {
    /// The line number.
    pub line: u64,
    /// The client.
    pub client: Client,
    /// Its secrets.
    pub secrets: Vec<WantedSecret>,
    /// The number of secrets that the line names without their text or hash, as `client show` does.
    pub left_out: u64,
}

/// A secret that a line describes.
#[derive(Debug)]
pub struct WantedSecret {
    /// The previous id; generated if absent.
    pub id: Option<SecretId>,
    /// The last characters, if the line has them.
    pub hint: String,
    /// The label.
    pub label: Option<String>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of expiry.
    pub expires_at: Option<Timestamp>,
    /// The text or hash.
    pub text: SecretText,
}

impl WantedSecret {
    /// The text of the secret, if the line has it.
    #[must_use]
    pub const fn plain(&self) -> Option<&Secret> {
        match &self.text {
            SecretText::Plain(plain) => Some(plain),
            SecretText::Hash(_) => None,
        }
    }

    /// The text of the secret, if Mintery generated it, here or elsewhere.
    #[must_use]
    pub fn generated(&self) -> Option<&Secret> {
        self.plain().filter(|plain| looks_generated(CLIENT_SECRET_PREFIX, plain.expose()))
    }

    /// `true` if the secret may be chosen by a person. A generated one comes with its last
    /// characters.
    fn is_chosen(&self) -> bool {
        self.generated().is_none() && self.hint.is_empty()
    }
}

/// The text or the hash of a secret.
#[derive(Debug)]
pub enum SecretText {
    /// The secret.
    Plain(Secret),
    /// A hash of it.
    Hash(SecretHash),
}

/// The context for parsing lines.
#[derive(Debug)]
pub struct LineParser {
    /// The existing APIs.
    pub apis: HashSet<ResourceUri>,
    /// The time of the import.
    pub now: Timestamp,
}

impl LineParser {
    /// Parses a line; `None` if it is blank.
    ///
    /// # Errors
    /// The reason of the rejection, without secrets.
    pub fn parse(&self, number: u64, line: &[u8]) -> Result<Option<Wanted>, AdminError> {
        let text = std::str::from_utf8(line).map_err(|_| invalid("the line is not UTF-8"))?;
        if text.trim_ascii().is_empty() {
            return Ok(None);
        }
        self.client(number, object::parse(text)?).map(Some)
    }

    fn client(&self, line: u64, mut json: ClientLine) -> Result<Wanted, AdminError> {
        let id = json.client_id.as_deref().ok_or_else(|| invalid("client_id is missing"))?;
        let id = ClientId::parse(id).map_err(invalid)?;
        check_id(&id)?;
        let name = json.client_name.take().ok_or_else(|| invalid("client_name is missing"))?;
        let name = DisplayName::parse(&name).map_err(invalid)?;
        let auth_method = match json.token_endpoint_auth_method.as_deref() {
            // A client with a secret may send it in either way.
            None | Some("client_secret_post") => AuthMethod::ClientSecret,
            Some(name) => {
                name.parse().map_err(|_| invalid("token_endpoint_auth_method is not supported"))?
            }
        };
        let terms = json.terms()?.apply(ClientTerms::new(name));
        terms.validate()?;
        let mut named = terms.resources.iter().chain(&terms.stands_for);
        if let Some(unknown) = named.find(|resource| !self.apis.contains(resource)) {
            return Err(AdminError::Unknown(format!("API {unknown}")));
        }
        let client = Client {
            id,
            terms,
            auth_method,
            // The store sets both.
            cut_off: EventNumber::default(),
            granted_as_of: EventNumber::default(),
            created_at: self
                .date("client_id_issued_at", json.client_id_issued_at)?
                .unwrap_or(self.now),
            disabled_at: (json.enabled == Some(false)).then_some(self.now),
        };

        let mut secrets = Vec::new();
        let expires_at = match (json.client_secret_expires_at, json.secret_expires_in) {
            (Some(_), Some(_)) => {
                return Err(invalid("use either client_secret_expires_at or secret_expires_in"));
            }
            (at, None) => self.date("client_secret_expires_at", at.filter(|at| *at != 0))?,
            (None, Some(seconds)) => {
                let after = Duration::from_secs(seconds);
                check_life(Some(after))?;
                Some(self.now.plus(after))
            }
        };
        if let Some(text) = secret_text(json.client_secret, json.client_secret_hash)? {
            let (id, hint, label) = (None, String::new(), None);
            secrets.push(WantedSecret { id, hint, label, created_at: self.now, expires_at, text });
        }
        let mut left_out = 0;
        for (Object(secret), place) in json.secrets.unwrap_or_default().into_iter().zip(0..) {
            match self.secret(secret)? {
                Some(mut secret) => {
                    // Secrets of the same second keep their order.
                    secret.created_at = secret.created_at.plus(Duration::from_millis(place));
                    secrets.push(secret);
                }
                None => left_out += 1,
            }
        }
        if secrets.len() > MAX_SECRETS {
            return Err(invalid(format!("a client can have at most {MAX_SECRETS} secrets")));
        }
        if secrets.iter().filter(|secret| secret.is_chosen()).count() > MAX_CHOSEN_SECRETS {
            return Err(AdminError::TooManyChosen);
        }
        Ok(Wanted { line, client, secrets, left_out })
    }

    /// A secret; `None` if the line has neither its text nor its hash.
    fn secret(&self, json: SecretLine) -> Result<Option<WantedSecret>, AdminError> {
        let hint = json.hint.unwrap_or_default();
        if !(hint.is_empty() || hint.len() == HINT_LEN && is_base62(&hint)) {
            return Err(invalid(format!(
                "the hint must be the last {HINT_LEN} letters or digits of the secret"
            )));
        }
        let Some(text) = secret_text(json.client_secret, json.client_secret_hash)? else {
            return Ok(None);
        };
        // The text of the secret takes precedence.
        let hint = if matches!(text, SecretText::Plain(_)) { String::new() } else { hint };
        Ok(Some(WantedSecret {
            id: json.id.as_deref().map(SecretId::parse).transpose().map_err(invalid)?,
            hint,
            label: parse_label(json.label)?,
            created_at: self.date("created_at", json.created_at)?.unwrap_or(self.now),
            expires_at: self.date("expires_at", json.expires_at.filter(|at| *at != 0))?,
            text,
        }))
    }

    /// Parses a date in seconds; rejects one in milliseconds.
    #[expect(clippy::unused_self, reason = "reads like the others")]
    fn date(&self, member: &str, seconds: Option<i64>) -> Result<Option<Timestamp>, AdminError> {
        /// The end of the year 9999.
        const LAST: i64 = 253_402_300_799;
        match seconds {
            Some(seconds) if !(0..=LAST).contains(&seconds) => {
                Err(invalid(format!("{member} must be in seconds since the epoch")))
            }
            seconds => Ok(seconds.map(Timestamp::from_secs)),
        }
    }
}

fn secret_text(
    plain: Option<Secret>,
    hash: Option<String>,
) -> Result<Option<SecretText>, AdminError> {
    match (plain, hash) {
        (Some(_), Some(_)) => Err(invalid("use either client_secret or client_secret_hash")),
        (Some(plain), None) if looks_generated(CLIENT_SECRET_PREFIX, plain.expose()) => {
            Ok(Some(SecretText::Plain(plain)))
        }
        (Some(plain), None) => {
            let chosen = ChosenSecret::parse(plain).map_err(invalid)?;
            Ok(Some(SecretText::Plain(chosen.secret().clone())))
        }
        (None, Some(hash)) => {
            SecretHash::parse(&hash).map(SecretText::Hash).map(Some).map_err(invalid)
        }
        (None, None) => Ok(None),
    }
}
