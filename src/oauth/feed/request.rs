//! Requests of feed readers: the reader's position, the time that it waits for news, and a nonce.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::directory::Position;
use crate::model::event::EventNumber;
use crate::model::revocation::{Kind, Mark};
use crate::oauth::error::OauthError;
use crate::oauth::form::Form;

/// The longest `wait` that a reader may request, in seconds.
const LONGEST_WAIT: u64 = 30;

/// The longest wait in fact: this server and proxies close idle connections.
const WAIT: Duration = Duration::from_secs(25);

/// The longest `nonce`, in bytes.
const MAX_NONCE_LEN: usize = 64;

/// A request of a reader.
#[derive(Debug, PartialEq, Eq)]
pub struct FeedRequest {
    /// The reader's position; absent if it knows nothing yet.
    pub after: Option<ReaderPosition>,
    /// The time that it waits for a revocation.
    pub wait: Duration,
    /// The nonce of the response, so that an older one cannot pass for it.
    pub nonce: Option<String>,
}

/// A reader's position: the `next` of its last document.
#[derive(Debug, PartialEq, Eq)]
pub enum ReaderPosition {
    /// It knows all revocations up to here.
    Changes(Position),
    /// It knows the parts of a snapshot before this one.
    Part(SnapshotPart),
}

/// A part of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub struct SnapshotPart {
    /// The position that all parts together reach.
    pub at: Position,
    /// The number of the part, from 1.
    pub number: u32,
    /// The kind of its first revocation.
    pub kind: Kind,
    /// The digest before its first one.
    pub after: String,
}

impl SnapshotPart {
    /// The first part.
    pub fn first(at: Position) -> Self {
        let [kind, ..] = Kind::ALL;
        Self { at, number: 1, kind, after: String::new() }
    }

    /// The part after this one, which ends with `last`.
    pub fn next(&self, last: Mark) -> Self {
        let number = self.number.saturating_add(1);
        Self { at: self.at, number, kind: last.kind(), after: last.digest() }
    }
}

impl FeedRequest {
    /// Parses the parameters.
    ///
    /// # Errors
    /// [`OauthError::InvalidRequest`] if one is malformed.
    pub fn parse(parameters: &Form<'_>) -> Result<Self, OauthError> {
        let after = parameters.get("after").map(|text| {
            parse_after(text)
                .ok_or(OauthError::InvalidRequest("after must be the next value of a document"))
        });
        let wait = parameters.get("wait").map(|text| {
            let secs =
                text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
            let secs = secs.filter(|secs| *secs <= LONGEST_WAIT);
            secs.ok_or(OauthError::InvalidRequest("wait must be a number of seconds, at most 30"))
        });
        let nonce = parameters.get("nonce").map(|text| {
            let is_good = text.len() <= MAX_NONCE_LEN && text.bytes().all(is_base64url);
            is_good.then(|| text.to_owned()).ok_or(OauthError::InvalidRequest(
                "nonce must be at most 64 letters, digits, hyphens and underscores",
            ))
        });
        Ok(Self {
            after: after.transpose()?,
            wait: Duration::from_secs(wait.transpose()?.unwrap_or(0)).min(WAIT),
            nonce: nonce.transpose()?,
        })
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Parses `N.x`, or `N.x.part.kind.digest`.
fn parse_after(text: &str) -> Option<ReaderPosition> {
    let mut fields = text.split('.');
    let number = parse_number(fields.next()?)?;
    let fingerprint = URL_SAFE_NO_PAD.decode(fields.next()?).ok()?.try_into().ok()?;
    let at = Position { number: EventNumber::new(number), fingerprint };
    let Some(part) = fields.next() else { return Some(ReaderPosition::Changes(at)) };
    let (kind, digest) = (Kind::from_name(fields.next()?)?, fields.next()?);
    let after = Mark::from_text(kind, digest)?.digest();
    let number = u32::try_from(parse_number(part)?).ok().filter(|number| *number > 1)?;
    fields.next().is_none().then_some(ReaderPosition::Part(SnapshotPart {
        at,
        number,
        kind,
        after,
    }))
}

/// Parses digits in their one canonical form.
fn parse_number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text && number >= 0).then_some(number)
}

/// A position, as [`FeedRequest::parse`] accepts it.
pub struct NextPosition<'a>(pub &'a Position);

impl fmt::Display for NextPosition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.number, URL_SAFE_NO_PAD.encode(self.0.fingerprint))
    }
}

impl fmt::Display for SnapshotPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}.{}", NextPosition(&self.at), self.number, self.kind.name(), self.after)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{FeedRequest, NextPosition, ReaderPosition, SnapshotPart, parse_after};
    use crate::directory::Position;
    use crate::model::event::EventNumber;
    use crate::model::revocation::{Kind, Mark};
    use crate::oauth::form::Form;

    fn read(query: &str) -> Option<FeedRequest> {
        FeedRequest::parse(&Form::parse(query.as_bytes()).unwrap()).ok()
    }

    #[test]
    fn parameters_are_read_strictly() {
        let nothing = read("x=y").unwrap();
        assert_eq!(nothing, FeedRequest { after: None, wait: Duration::ZERO, nonce: None });
        assert_eq!(read("wait=2&nonce=aZ0-_").unwrap().wait.as_secs(), 2);
        assert_eq!(read("wait=30").unwrap().wait.as_secs(), 25);
        for bad in
            ["wait=31", "wait=-1", "wait=%2b1", "wait=1.5", "wait=x", "wait=99999999999999999999"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(read(&format!("nonce={}", "a".repeat(64))).is_some());
        for bad in ["a".repeat(65), "a.b".to_owned(), "a%20b".to_owned(), "%c3%a9".to_owned()] {
            assert_eq!(read(&format!("nonce={bad}")), None, "{bad}");
        }
    }

    #[test]
    fn a_position_is_read_back_and_nothing_else() {
        let at = Position { number: EventNumber::new(7), fingerprint: *b"12345678" };
        let part = SnapshotPart::first(at).next(Mark::of(Kind::Client, "mc_1"));
        assert_eq!(parse_after(&part.to_string()), Some(ReaderPosition::Part(part)));
        let text = NextPosition(&at).to_string();
        assert_eq!(
            (text.as_str(), parse_after(&text)),
            ("7.MTIzNDU2Nzg", Some(ReaderPosition::Changes(at)))
        );
        for bad in [
            "7",
            "7.",
            "07.MTIzNDU2Nzg",
            "+7.MTIzNDU2Nzg",
            "-7.MTIzNDU2Nzg",
            "7.MTIzNDU2Nzg.",
            "7.MTIzNDU2Nzg=",
            "7.MTIzNDU2",
            "9223372036854775808.MTIzNDU2Nzg",
            "7.MTIzNDU2Nzg.2.client",
            "7.MTIzNDU2Nzg.1.client.ungWv48Bz-pBQUDeXa4i",
            "7.MTIzNDU2Nzg.2.user.ungWv48Bz-pBQUDeXa4i",
            "7.MTIzNDU2Nzg.2.client.ungWv48Bz-o",
            "7.MTIzNDU2Nzg.2.client.ungWv48Bz-pBQUDeXa4i.x",
        ] {
            assert_eq!(parse_after(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9a-zA-Z_.-]{0,40}") {
            let _ = parse_after(&text);
        }
    }
}
