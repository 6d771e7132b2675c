//! The type of an access token (RFC 9068 §2.1), and its id.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The `typ` of an access token (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The id of a token: the number of the last event that the issuing node knew, a digest of the id
/// of the requesting credential, and 16 random bytes. The number lets a cut-off work without a
/// trusted clock: a token with a number below its client's cut-off is revoked, whatever time of
/// issue it claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenId {
    /// The number of the last event that the issuing node had applied.
    pub event: u64,
    /// The first 8 bytes of SHA-256 of the id of the requesting credential.
    pub credential: [u8; 8],
    /// Random bytes that make it unique.
    pub nonce: [u8; 16],
}

impl TokenId {
    /// The value of `jti`: 43 characters of base64url.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = [0; 32];
        let parts = self.event.to_be_bytes().into_iter().chain(self.credential).chain(self.nonce);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The digest of a credential's id.
    #[must_use]
    pub fn credential_digest(credential_id: &str) -> [u8; 8] {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, credential_id.as_bytes());
        digest.as_ref().first_chunk().copied().unwrap_or_default()
    }

    /// Parses a `jti`; nothing if it has another form.
    #[must_use]
    pub fn decode(jti: &str) -> Option<Self> {
        let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(jti).ok()?.try_into().ok()?;
        let (event, rest) = bytes.split_first_chunk::<8>()?;
        let (credential, nonce) = rest.split_first_chunk::<8>()?;
        Some(Self {
            event: u64::from_be_bytes(*event),
            credential: *credential,
            nonce: *nonce.first_chunk()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::TokenId;

    #[test]
    fn an_id_survives_its_encoding() {
        let id = TokenId { event: 0x0102_0304_0506_0708, credential: [9; 8], nonce: [7; 16] };
        let jti = id.encode();
        assert_eq!(jti.len(), 43);
        assert_eq!(TokenId::decode(&jti), Some(id));
        assert_eq!(TokenId::decode("short"), None);
        assert_eq!(TokenId::decode(&format!("{jti}A")), None);
    }
}
