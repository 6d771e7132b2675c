//! The key of the event chain: authentication codes, seals and fingerprints of events.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::event::{Fingerprint, RecordedEvent};

/// The data key of the event chain.
#[derive(Clone)]
pub struct ChainKey(hmac::Key);

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey(…)")
    }
}

impl ChainKey {
    /// A key from the bytes of a data key.
    #[must_use]
    pub fn new(data_key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, data_key))
    }

    /// The authentication code of an event: over itself and the seal of the one before, so that a
    /// log that was cut, edited or recomputed shows.
    #[must_use]
    pub fn mac(&self, previous: &str, event: &RecordedEvent) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        let (number, at) = (event.number.get().to_string(), event.at.as_millis().to_string());
        for field in [
            previous,
            &number,
            &at,
            &event.actor,
            event.kind.name(),
            &event.subject,
            &event.details,
        ] {
            // The length before each field: no two events have the same bytes.
            context.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(field.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(context.sign().as_ref())
    }

    /// The seal of the last event, stored in the head beside its number. It is derived from the
    /// event's code and is not the code itself, which is readable to a writer of the database who
    /// cuts the log after an earlier event.
    #[must_use]
    pub fn seal(&self, mac: &str) -> String {
        let tag = hmac::sign(&self.0, format!("head|{mac}").as_bytes());
        URL_SAFE_NO_PAD.encode(tag.as_ref())
    }

    /// The fingerprint of the event with this code: other events have the same number in other
    /// histories, such as one that goes on from a restored backup.
    #[must_use]
    pub fn fingerprint(&self, mac: &str) -> Fingerprint {
        let tag = hmac::sign(&self.0, format!("feed|{mac}").as_bytes());
        tag.as_ref().first_chunk().copied().unwrap_or_default()
    }
}
