//! Documents of the feed: JWTs of a type of their own.

use serde::Serialize;

use super::PATH;
use super::request::{NextPosition, SnapshotPart};
use crate::clock::Timestamp;
use crate::directory::Position;
use crate::model::event::EventNumber;
use crate::model::revocation::{FEED_TYPE, Kind, Revocation};
use crate::model::signing_key::SigningAlgorithm;
use crate::oauth::AuthorizationServer;
use crate::oauth::error::OauthError;

/// The lifetime of a document, in seconds: the time that it may be in transit.
const GOOD_FOR_SECS: i64 = 10;

/// A document before it is signed.
pub struct FeedDocument {
    pub contents: Contents,
    pub entries: Vec<Revocation>,
}

/// The range of a document.
pub enum Contents {
    /// The revocations after one event, up to another.
    Changes {
        from: EventNumber,
        to: Position,
        /// The time at which this range was complete for certain.
        as_of: Timestamp,
    },
    /// A part of a snapshot.
    Part {
        number: u32,
        at: Position,
        /// The same, in the first part only.
        as_of: Option<Timestamp>,
        /// The next part.
        next: Option<SnapshotPart>,
    },
}

/// The claims, in the order in which they are written.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: String,
    iat: f64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<i64>,
    to: i64,
    next: String,
    #[serde(skip_serializing_if = "is_false")]
    snapshot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    more: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<(String, i64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clients: Vec<CutOff>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    credentials: Vec<CutOff>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    apis: Vec<CutOff>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<CutOff>,
}

/// Digest, number of the event, and the time at which all its tokens have expired.
type CutOff = (String, u64, i64);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl FeedDocument {
    /// True if it replaces the knowledge of its reader.
    pub const fn is_snapshot(&self) -> bool {
        matches!(self.contents, Contents::Part { .. })
    }

    /// True if it changes the knowledge of its reader.
    pub const fn has_news(&self) -> bool {
        self.is_snapshot() || !self.entries.is_empty()
    }

    /// Signs the document with the default key of tokens, or with that of ES256 if the default is
    /// symmetric: readers must not know that secret. Returns it in compact form.
    pub fn sign(
        &self,
        server: &AuthorizationServer,
        nonce: Option<&str>,
    ) -> Result<Vec<u8>, OauthError> {
        let now = server.context.clock.now();
        let claims = self.claims(server, nonce, now);
        let claims =
            serde_json::to_vec(&claims).map_err(|error| OauthError::Server(error.to_string()))?;
        let default = server.tokens.algorithm;
        let algorithm = if default.is_symmetric() { SigningAlgorithm::Es256 } else { default };
        let ring = server.context.ring.current();
        let signer = ring
            .signer(algorithm, now)
            .ok_or_else(|| OauthError::Server(format!("no signing key for {algorithm}")))?;
        let mut document = Vec::new();
        signer.sign(FEED_TYPE, &claims, &mut document)?;
        Ok(document)
    }

    fn claims<'a>(
        &self,
        server: &'a AuthorizationServer,
        nonce: Option<&'a str>,
        now: Timestamp,
    ) -> Claims<'a> {
        let cut_offs = |kind| {
            let of_kind = self.entries.iter().filter(move |entry| entry.mark.kind() == kind);
            of_kind.map(|entry| (entry.mark.digest(), entry.number, end(entry.until))).collect()
        };
        let tokens = self.entries.iter().filter(|entry| entry.mark.kind() == Kind::Token);
        let (from, to, as_of, part, next) = match &self.contents {
            Contents::Changes { from, to, as_of } => {
                (Some(from.get()), to.number, Some(*as_of), None, NextPosition(to).to_string())
            }
            Contents::Part { number, at, as_of, next } => {
                let next =
                    next.as_ref().map_or_else(|| NextPosition(at).to_string(), ToString::to_string);
                (None, at.number, *as_of, Some(*number), next)
            }
        };
        Claims {
            iss: server.context.issuer.as_str(),
            aud: server.context.issuer.endpoint(PATH),
            iat: seconds(now),
            exp: now.as_secs().saturating_add(GOOD_FOR_SECS),
            nonce,
            as_of: as_of.map(seconds),
            from,
            to: to.get(),
            next,
            snapshot: self.is_snapshot(),
            part,
            more: matches!(self.contents, Contents::Part { next: Some(_), .. }),
            tokens: tokens.map(|entry| (entry.mark.digest(), end(entry.until))).collect(),
            clients: cut_offs(Kind::Client),
            credentials: cut_offs(Kind::Credential),
            apis: cut_offs(Kind::Api),
            keys: cut_offs(Kind::Key),
        }
    }
}

/// A `NumericDate` with a fraction (RFC 7519 §2).
#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn seconds(moment: Timestamp) -> f64 {
    moment.as_millis() as f64 / 1000.0
}

/// The time, rounded up to whole seconds.
fn end(until: Timestamp) -> i64 {
    Timestamp::from_millis(until.as_millis().saturating_add(999)).as_secs()
}
