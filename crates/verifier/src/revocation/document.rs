//! A document of the revocation feed (`docs/reference/revocation-feed.md`), read as strictly as a token: one
//! fault rejects the whole document.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::keys::key_set::KeySet;
use crate::model::revocation::{FEED_TYPE, Kind, Mark, Revocation};
use crate::model::signing_key::SigningAlgorithm;
use crate::token::jws;
use crate::token::strict_json::{Object, Value};

/// The longest accepted document, in bytes.
pub const MAX_LEN: usize = 4 * 1024 * 1024;

/// The longest `next`.
const MAX_NEXT_LEN: usize = 256;

/// The reason why a document is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedDocumentError {
    /// Not a compact JWS, not strict base64url, not a JSON object, or a repeated member.
    #[error("it is malformed")]
    Malformed,
    /// `crit`, or a member that contains or names a key.
    #[error("its header has an unsupported member")]
    Header,
    /// `typ` is not `revocations+jwt`.
    #[error("it has another type")]
    Type,
    /// `alg` is not the algorithm of the key, or is that of a shared secret, with which every
    /// verifier could sign.
    #[error("its algorithm is not the key's, or not asymmetric")]
    Algorithm,
    /// The issuer has no key with this `kid`.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// The signature does not verify.
    #[error("its signature is invalid")]
    Signature,
    /// A claim is missing or malformed.
    #[error("its claim {0} is missing or malformed")]
    Claim(&'static str),
    /// `iss` is another issuer.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud` is another address.
    #[error("its aud is not the URL of the feed")]
    Audience,
    /// `nonce` belongs to another question: the document is a replay.
    #[error("its nonce differs from the request's")]
    Nonce,
    /// `exp` has come, or `iat` is in the future.
    #[error("it is expired or not yet valid: check the clocks")]
    Time,
}

/// The required claims of a document.
pub struct Expected<'a> {
    pub issuer: &'a str,
    /// The accepted values of `aud`.
    pub audience: [&'a str; 2],
    pub nonce: &'a str,
    /// The present moment, and the accepted difference of clocks.
    pub now: Timestamp,
    pub skew: std::time::Duration,
}

/// The contents of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedDocument {
    pub contents: Contents,
    /// The age of the contents when the document was made; absent in all parts but the first.
    pub age: Option<std::time::Duration>,
    /// The number of the event up to which it is complete.
    pub to: u64,
    /// The value of `after` for the next question.
    pub next: String,
    pub entries: Vec<Revocation>,
}

/// The relation of a document to the known revocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// It adds to those up to event `from`.
    Changes { from: u64 },
    /// It is a part of a list that replaces them all.
    Part { number: u64, is_last: bool },
}

/// Verifies a document and reads it.
///
/// # Errors
/// The first fault.
pub fn read(
    document: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<FeedDocument, FeedDocumentError> {
    use signature::Verifier as _;

    let jws = jws::parse_up_to(document, MAX_LEN).map_err(|_| FeedDocumentError::Malformed)?;
    let header = Object::parse(&jws.header).map_err(|_| FeedDocumentError::Malformed)?;
    let (kid, algorithm) = check_header(&header)?;
    let key = keys.get(kid).ok_or(FeedDocumentError::UnknownKey)?;
    if algorithm != key.algorithm() || algorithm.is_symmetric() {
        return Err(FeedDocumentError::Algorithm);
    }
    key.verify(jws.signed, &jws.signature).map_err(|_| FeedDocumentError::Signature)?;
    let claims = jws::decode(jws.payload).map_err(|_| FeedDocumentError::Malformed)?;
    let claims = Claims(&Object::parse(&claims).map_err(|_| FeedDocumentError::Malformed)?);
    claims.check(expected)?;
    claims.read()
}

fn check_header<'a>(
    header: &'a Object<'_>,
) -> Result<(&'a str, SigningAlgorithm), FeedDocumentError> {
    if !jws::brings_no_key(header) {
        return Err(FeedDocumentError::Header);
    }
    if header.text("typ") != Some(FEED_TYPE) {
        return Err(FeedDocumentError::Type);
    }
    let algorithm = header.text("alg").and_then(|name| name.parse().ok());
    Ok((
        header.text("kid").ok_or(FeedDocumentError::UnknownKey)?,
        algorithm.ok_or(FeedDocumentError::Algorithm)?,
    ))
}

struct Claims<'a>(&'a Object<'a>);

impl Claims<'_> {
    fn check(&self, expected: &Expected<'_>) -> Result<(), FeedDocumentError> {
        let text = |name| self.0.text(name).ok_or(FeedDocumentError::Claim(name));
        if text("iss")? != expected.issuer {
            return Err(FeedDocumentError::Issuer);
        }
        if !expected.audience.contains(&text("aud")?) {
            return Err(FeedDocumentError::Audience);
        }
        if text("nonce")? != expected.nonce {
            return Err(FeedDocumentError::Nonce);
        }
        let (issued, expires) = (self.required_moment("iat")?, self.required_moment("exp")?);
        if issued > expected.now.plus(expected.skew) || expires.plus(expected.skew) <= expected.now
        {
            return Err(FeedDocumentError::Time);
        }
        Ok(())
    }

    fn read(&self) -> Result<FeedDocument, FeedDocumentError> {
        let to = self.number("to")?.ok_or(FeedDocumentError::Claim("to"))?;
        let contents = self.contents(to)?;
        let next = self
            .0
            .text("next")
            .filter(|next| is_next(next))
            .ok_or(FeedDocumentError::Claim("next"))?;
        let age = match (contents, self.moment("as_of")?) {
            (Contents::Part { number: 2.., .. }, _) => None,
            (_, Some(as_of)) => Some(self.required_moment("iat")?.since(as_of)),
            (_, None) => return Err(FeedDocumentError::Claim("as_of")),
        };
        let mut entries = Vec::new();
        for (kind, name) in
            Kind::ALL.into_iter().zip(["tokens", "clients", "credentials", "apis", "keys"])
        {
            self.read_entries(kind, name, contents, &mut entries)?;
        }
        Ok(FeedDocument { contents, age, to, next: next.to_owned(), entries })
    }

    fn contents(&self, to: u64) -> Result<Contents, FeedDocumentError> {
        let flag = |name: &'static str| match self.0.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(FeedDocumentError::Claim(name)),
        };
        let (is_snapshot, has_more) = (flag("snapshot")?, flag("more")?);
        match (is_snapshot, self.number("from")?, self.number("part")?) {
            (true, None, Some(number @ 1..)) => Ok(Contents::Part { number, is_last: !has_more }),
            (true, None, _) => Err(FeedDocumentError::Claim("part")),
            (false, Some(from), None) if !has_more && from <= to => Ok(Contents::Changes { from }),
            _ => Err(FeedDocumentError::Claim("from")),
        }
    }

    fn read_entries(
        &self,
        kind: Kind,
        name: &'static str,
        contents: Contents,
        entries: &mut Vec<Revocation>,
    ) -> Result<(), FeedDocumentError> {
        let malformed = FeedDocumentError::Claim(name);
        let list = match self.0.get(name) {
            None => return Ok(()),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(malformed),
        };
        for entry in list {
            let Value::Array(entry) = entry else { return Err(malformed) };
            let (digest, number, expires) = match (kind, entry.as_slice()) {
                (Kind::Token, [Value::Text(digest), Value::Number(expires)]) => {
                    (digest, 0, *expires)
                }
                (Kind::Token, _) => return Err(malformed),
                (_, [Value::Text(digest), Value::Number(number), Value::Number(expires)]) => {
                    (digest, whole(*number).ok_or(malformed)?, *expires)
                }
                _ => return Err(malformed),
            };
            if let Contents::Changes { from } = contents
                && kind != Kind::Token
                && number <= from
            {
                // It repeats an earlier document, or belongs to another one.
                return Err(malformed);
            }
            let mark = Mark::from_text(kind, digest).ok_or(malformed)?;
            let until = moment(expires).ok_or(malformed)?;
            entries.push(Revocation { mark, number, until });
        }
        Ok(())
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, FeedDocumentError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                whole(*number).map(Some).ok_or(FeedDocumentError::Claim(name))
            }
            Some(_) => Err(FeedDocumentError::Claim(name)),
        }
    }

    fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, FeedDocumentError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Number(secs)) => {
                moment(*secs).map(Some).ok_or(FeedDocumentError::Claim(name))
            }
            Some(_) => Err(FeedDocumentError::Claim(name)),
        }
    }

    fn required_moment(&self, name: &'static str) -> Result<Timestamp, FeedDocumentError> {
        self.moment(name)?.ok_or(FeedDocumentError::Claim(name))
    }
}

/// Returns true for text that needs no encoding in a URL.
fn is_next(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NEXT_LEN && text.bytes().all(is_unreserved)
}

/// A whole number that `f64` holds exactly.
fn whole(number: f64) -> Option<u64> {
    /// 2^53 − 1.
    const GREATEST: f64 = 9_007_199_254_740_991.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, and whole"
    )]
    let whole = number as u64;
    ((0.0..=GREATEST).contains(&number) && number.fract() == 0.0).then_some(whole)
}

/// Seconds, perhaps with a fraction.
fn moment(secs: f64) -> Option<Timestamp> {
    /// The year 9999.
    const LATEST: f64 = 253_402_300_799.0;
    #[expect(clippy::cast_possible_truncation, reason = "in range")]
    let millis = (secs * 1000.0).round() as i64;
    (0.0..=LATEST).contains(&secs).then_some(Timestamp::from_millis(millis))
}

/// A random value that ties an answer to its question.
///
/// # Errors
/// Fails if the machine has no randomness.
pub fn nonce() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Claims, Contents, moment, whole};
    use crate::token::strict_json::Object;

    #[test]
    fn numbers_are_not_rounded() {
        assert_eq!([0.0, 7.0, 9_007_199_254_740_991.0].map(whole), [0, 7, (1 << 53) - 1].map(Some));
        for bad in [-1.0, -0.5, 0.5, 9_007_199_254_740_992.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(bad), None, "{bad}");
        }
        assert_eq!(moment(1.25).map(crate::clock::Timestamp::as_millis), Some(1250));
        assert_eq!([-1.0, 1e12, f64::NAN].map(moment), [None; 3]);
    }

    proptest! {
        #[test]
        fn signed_documents_are_read_or_rejected(
            members in proptest::collection::btree_map(
                "iat|exp|as_of|from|to|part|more|snapshot|tokens|clients|credentials|apis|keys",
                "[0-9]{1,17}|-1|1e300|0.5|true|null|\\[\\]|\\[\\[\\]\\]|\\{\\}|\\[\\[\"ungWv48Bz-pBQUDeXa4i\",[0-9]{1,11}(,[0-9]{1,11})?\\]\\]",
                0..9,
            )
        ) {
            let others = members.iter().filter(|(name, _)| *name != "to");
            let members: Vec<String> = others.map(|(name, value)| format!("\"{name}\":{value},")).collect();
            let json = format!("{{{}\"next\":\"1.x\",\"to\":5}}", members.concat());
            if let Ok(claims) = Object::parse(json.as_bytes())
                && let Ok(document) = Claims(&claims).read()
            {
                prop_assert!(document.to == 5 && document.next == "1.x");
                if let Contents::Changes { from } = document.contents {
                    prop_assert!(from <= 5);
                }
            }
        }
    }
}
