//! Revocations. A single token is revoked by its `jti`. A cut-off revokes all tokens of a client, of
//! a credential, for an API, or of a signing key that were issued before an event: each token names
//! in its `jti` the last event that its issuer knew, so that a cut-off needs no trusted clock and
//! also covers tokens from a node that has not heard of it yet.
//!
//! A revocation contains a digest, so that it reveals no names.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::model::claims::TokenId;

/// The `typ` of a document of the revocation feed.
pub const FEED_TYPE: &str = "revocations+jwt";

/// A kind of revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// One token, by its `jti`.
    Token = 1,
    /// The tokens of a client, by its id: those that it requested, and those whose subject it is.
    Client,
    /// The tokens requested with a secret, an API key or a certificate, by its id.
    Credential,
    /// The tokens for an API, by its identifier.
    Api,
    /// The tokens that a key signed, by its `kid`.
    Key,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Token, Self::Client, Self::Credential, Self::Api, Self::Key];

    /// The name, for the store and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Client => "client",
            Self::Credential => "credential",
            Self::Api => "api",
            Self::Key => "key",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The number of bytes of SHA-256 in a mark: eight for a credential, as in a `jti`.
    #[must_use]
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Credential => 8,
            _ => 15,
        }
    }
}

/// The subject of a revocation: its kind, and the first bytes of SHA-256 of its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark([u8; 16]);

impl Mark {
    /// The mark of `name`.
    #[must_use]
    pub fn of(kind: Kind, name: &str) -> Self {
        Self::from_digest(kind, digest(&SHA256, name.as_bytes()).as_ref())
    }

    /// The mark of a credential, from the digest in a token's id.
    #[must_use]
    pub fn of_credential(credential: [u8; 8]) -> Self {
        Self::from_digest(Kind::Credential, &credential)
    }

    fn from_digest(kind: Kind, digest: &[u8]) -> Self {
        let mut mark = [0; 16];
        let bytes = [kind as u8].into_iter().chain(digest.iter().copied().take(kind.digest_len()));
        mark.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Self(mark)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let [kind, ..] = self.0;
        Kind::ALL.into_iter().find(|known| *known as u8 == kind).unwrap_or(Kind::Token)
    }

    /// The digest as text: base64url.
    #[must_use]
    pub fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.get(1..=self.kind().digest_len()).unwrap_or_default())
    }

    /// Parses the digest; nothing if it has the wrong length.
    #[must_use]
    pub fn from_text(kind: Kind, digest: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(digest).ok()?;
        (bytes.len() == kind.digest_len()).then(|| Self::from_digest(kind, &bytes))
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind().name(), self.digest())
    }
}

/// A revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Its subject.
    pub mark: Mark,
    /// The number of its event: all but single tokens are revoked if their issuer knew a smaller one.
    pub number: u64,
    /// The moment from which it has no effect, since all tokens that it revokes are expired.
    pub until: Timestamp,
}

/// The names by which a token may be revoked.
#[derive(Debug, Clone, Copy)]
pub struct TokenNames<'a> {
    /// Its `jti`.
    pub jti: &'a str,
    /// The parts of a `jti` by Mintery; `None` for other issuers, which know no events.
    pub id: Option<TokenId>,
    /// The client that requested it, or the owner of the API key that was exchanged for it.
    pub subject: &'a str,
    /// The client that requested it, or the id of the API key.
    pub client_id: &'a str,
    /// The id of the key that signed it.
    pub kid: &'a str,
    /// The APIs that accept it.
    pub audience: &'a [String],
}

/// A lookup of revocations.
pub trait CutOffs {
    /// Returns true if there is any of this kind, so that names of other kinds need no digest.
    fn has(&self, kind: Kind) -> bool;

    /// The number of the event that revoked `mark`.
    fn number(&self, mark: Mark) -> Option<u64>;
}

impl TokenNames<'_> {
    /// Returns true if the token is revoked, by itself or by a cut-off.
    pub fn are_void(&self, known: &impl CutOffs) -> bool {
        let number_of =
            |kind, name| known.has(kind).then(|| known.number(Mark::of(kind, name))).flatten();
        if number_of(Kind::Token, self.jti).is_some() {
            return true;
        }
        let knew = self.id.map_or(0, |id| id.event);
        let is_before = |number: Option<u64>| number.is_some_and(|number| knew < number);
        let of_credential = || {
            let id = self.id.filter(|_| known.has(Kind::Credential))?;
            known.number(Mark::of_credential(id.credential))
        };
        is_before(number_of(Kind::Client, self.client_id))
            || (self.subject != self.client_id && is_before(number_of(Kind::Client, self.subject)))
            || is_before(of_credential())
            || is_before(number_of(Kind::Key, self.kid))
            || self.audience.iter().any(|api| is_before(number_of(Kind::Api, api)))
    }
}

#[cfg(test)]
mod tests {
    use super::{CutOffs, Kind, Mark, TokenNames};
    use crate::model::claims::TokenId;

    /// The digests that verifiers in other languages compute.
    #[test]
    fn marks_are_the_beginnings_of_sha_256() {
        // printf mc_1 | sha256sum
        let client = Mark::of(Kind::Client, "mc_1");
        assert_eq!(client.digest().len(), 20);
        assert_eq!(client.kind(), Kind::Client);
        for kind in Kind::ALL {
            let mark = Mark::of(kind, "abc");
            // ba7816bf 8f01cfea 414140de 5dae2223…
            let expected =
                if kind == Kind::Credential { "ungWv48Bz-o" } else { "ungWv48Bz-pBQUDeXa4i" };
            assert_eq!(mark.digest(), expected);
            assert_eq!(Mark::from_text(kind, expected), Some(mark));
            assert_eq!(Mark::from_text(kind, "ungWv48B"), None);
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_ne!(Mark::of(Kind::Client, "abc"), Mark::of(Kind::Api, "abc"));
        let credential = TokenId::credential_digest("abc");
        assert_eq!(Mark::of_credential(credential), Mark::of(Kind::Credential, "abc"));
    }

    /// A lookup that knows one revocation, by the event with this number.
    struct One(Mark, u64);

    impl CutOffs for One {
        fn has(&self, kind: Kind) -> bool {
            self.0.kind() == kind
        }

        fn number(&self, mark: Mark) -> Option<u64> {
            assert_eq!(mark.kind(), self.0.kind(), "what is not there is not looked up");
            (mark == self.0).then_some(self.1)
        }
    }

    #[test]
    fn a_cut_off_voids_what_was_issued_before_it() {
        let id =
            TokenId { event: 7, credential: TokenId::credential_digest("cs_1"), nonce: [0; 16] };
        let (jti, audience) = (id.encode(), ["https://a".to_owned(), "https://b".to_owned()]);
        let names = TokenNames {
            jti: &jti,
            id: Some(id),
            subject: "mc_1",
            client_id: "mc_1",
            kid: "kid",
            audience: &audience,
        };
        let of = |kind, name| Mark::of(kind, name);
        for mark in [
            of(Kind::Client, "mc_1"),
            of(Kind::Credential, "cs_1"),
            of(Kind::Api, "https://b"),
            of(Kind::Key, "kid"),
        ] {
            for (number, is_void) in [(6, false), (7, false), (8, true)] {
                assert_eq!(names.are_void(&One(mark, number)), is_void, "{mark:?} {number}");
            }
        }
        assert!(names.are_void(&One(of(Kind::Token, &jti), 0)));
        assert!(!names.are_void(&One(of(Kind::Client, "mc_2"), 8)));
        // A token exchanged for an API key is revoked with the key's owner.
        let of_key = TokenNames { client_id: "ak_1", ..names };
        assert!(of_key.are_void(&One(of(Kind::Client, "mc_1"), 8)));
        assert!(!of_key.are_void(&One(of(Kind::Client, "mc_1"), 7)));
        // A token of another issuer knows no events.
        let foreign = TokenNames { id: None, ..names };
        assert!(foreign.are_void(&One(of(Kind::Client, "mc_1"), 1)));
        assert!(!foreign.are_void(&One(of(Kind::Credential, "cs_1"), 8)));
    }
}
