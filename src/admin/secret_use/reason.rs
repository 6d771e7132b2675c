//! Reasons for and against revoking a secret: a code for programs, a sentence for people.

use crate::clock::DateText as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::client::SecretId;
use crate::model::usage::{KNOWN_AFTER, LastUse};

/// A reason for or against revoking a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// For: it has expired.
    Expired {
        /// The time of expiry.
        at: Timestamp,
    },
    /// For: its last use is long ago.
    LastUsed {
        /// The last use.
        last: LastUse,
    },
    /// For: it was never used.
    NeverUsed,
    /// For: no use is known.
    NotSeen {
        /// The start of counting.
        counted_since: Timestamp,
    },
    /// For: other secrets are used instead.
    OnlyOthers {
        /// The time since which only others are used.
        since: Timestamp,
        /// The most recently used one.
        other: SecretId,
        /// Its last use.
        last: LastUse,
    },
    /// A caveat: the requested time is shorter than the lifetime of tokens.
    ShorterThanTokens {
        /// The longest lifetime.
        longest_ttl: Duration,
    },
    /// A caveat: addresses that used it although another secret existed, and no other since.
    ToBeChanged {
        /// The addresses, most recent use first.
        addresses: Vec<IpAddr>,
    },
    /// Against: the client is disabled, so the absence of uses proves nothing.
    ClientDisabled {
        /// The time of disabling.
        since: Timestamp,
    },
    /// Against: it was used too recently.
    UsedLately {
        /// The last use.
        last: LastUse,
        /// The required time without use.
        unused_for: Duration,
        /// The end of that time.
        until: Timestamp,
    },
    /// Against: no use is known, but uses have been counted for too short a time.
    UnusedTooShortly {
        /// The start of counting.
        counted_since: Timestamp,
        /// `true` if counting began with the creation of the secret.
        is_new: bool,
        /// The required time without use.
        unused_for: Duration,
        /// The end of that time.
        until: Timestamp,
    },
    /// Against: the client has no other valid secret.
    NoOther,
    /// Against: no other secret was ever used.
    OthersUnused,
    /// Against: no other secret was used after it.
    NotReplaced {
        /// The most recently used other secret.
        other: SecretId,
        /// Its last use.
        last: LastUse,
    },
}

impl Reason {
    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::LastUsed { .. } => "last_used",
            Self::NeverUsed => "never_used",
            Self::NotSeen { .. } => "not_seen",
            Self::OnlyOthers { .. } => "only_others_used",
            Self::ShorterThanTokens { .. } => "shorter_than_tokens",
            Self::ToBeChanged { .. } => "to_be_changed",
            Self::ClientDisabled { .. } => "client_disabled",
            Self::UsedLately { .. } => "used_lately",
            Self::UnusedTooShortly { .. } => "unused_too_shortly",
            Self::NoOther => "no_other_secret",
            Self::OthersUnused => "others_unused",
            Self::NotReplaced { .. } => "not_replaced",
        }
    }

    /// The sentence for people, at `now`.
    #[must_use]
    pub fn message(&self, now: Timestamp) -> String {
        match self {
            Self::Expired { at } => {
                format!("it expired on {}", at.date())
            }
            Self::LastUsed { last } => format!("it was last used {}", when(*last, now)),
            Self::NeverUsed => "it was never used".to_owned(),
            Self::NotSeen { counted_since } => format!(
                "it was not used since {}; earlier uses were not counted",
                counted_since.date()
            ),
            Self::OnlyOthers { since, other, last } => {
                format!(
                    "since {} only {} was used, most recently {}",
                    since.date(),
                    other.as_str(),
                    when(*last, now)
                )
            }
            Self::ShorterThanTokens { longest_ttl } => format!(
                "but tokens are valid for up to {}: a program that got one with this secret may still use the secret",
                exactly(*longest_ttl)
            ),
            Self::ToBeChanged { addresses } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let addresses = addresses.join(", ");
                format!(
                    "programs at {addresses} still use it and have used no other secret: update them"
                )
            }
            Self::ClientDisabled { since } => format!(
                "the client is disabled since {}: its programs may use the secret once it is enabled",
                since.date()
            ),
            Self::UsedLately { last, unused_for, until } => format!(
                "it was last used {}; it must be unused for {}: wait until {}",
                when(*last, now),
                exactly(*unused_for),
                until.date()
            ),
            Self::UnusedTooShortly { counted_since, is_new, unused_for, until } => {
                let known = if *is_new {
                    "it was never used, but may be deployed soon: it was created"
                } else {
                    "no use is known, but uses are counted only since"
                };
                let (since, unused_for) = (counted_since.date(), exactly(*unused_for));
                let ago = ago(now.since(*counted_since));
                format!(
                    "{known} {since} ({ago}); it must be unused for {unused_for}: wait until {}",
                    until.date()
                )
            }
            Self::NoOther => {
                "the client has no other valid secret: create one and deploy it".to_owned()
            }
            Self::OthersUnused => "no other valid secret has been used yet: deploy one".to_owned(),
            Self::NotReplaced { other, last } => {
                format!(
                    "no other secret was used after it: the last use of {} was {}",
                    other.as_str(),
                    when(*last, now)
                )
            }
        }
    }

    /// The time to wait for, if waiting is all that is missing.
    pub(super) const fn waits_until(&self) -> Option<Timestamp> {
        match self {
            Self::UsedLately { until, .. } | Self::UnusedTooShortly { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// The time and address of a use.
fn when(last: LastUse, now: Timestamp) -> String {
    let from = last
        .from
        .map_or_else(|| "from an unknown address".to_owned(), |from| format!("from {from}"));
    format!("{} ({}) {from}", ago(now.since(last.at)), last.at.date())
}

const UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)];

fn several(number: u64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// The approximate age of an event; "just now" below the delay of counting.
fn ago(span: Duration) -> String {
    let secs = span.as_secs();
    let unit = UNITS.into_iter().find(|(_, length)| secs >= *length);
    match unit {
        Some((name, length)) if span >= KNOWN_AFTER => {
            format!("{} ago", several(secs.checked_div(length).unwrap_or_default(), name))
        }
        _ => "just now".to_owned(),
    }
}

/// A duration in the largest unit that divides it.
#[must_use]
pub fn exactly(span: Duration) -> String {
    let secs = span.as_secs();
    let unit = UNITS.into_iter().find(|(_, length)| secs.is_multiple_of(*length));
    let (name, length) = unit.filter(|_| secs > 0).unwrap_or(("second", 1));
    several(secs.checked_div(length).unwrap_or_default(), name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ago, exactly};

    #[test]
    fn spans_are_told_in_words() {
        let secs = Duration::from_secs;
        for (span, in_words) in [
            (0, "just now"),
            (9, "just now"),
            (10, "10 seconds ago"),
            (59, "59 seconds ago"),
            (119, "1 minute ago"),
            (7199, "1 hour ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(ago(secs(span)), in_words);
        }
        for (span, in_words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (5400, "90 minutes"),
            (86_400, "1 day"),
        ] {
            assert_eq!(exactly(secs(span)), in_words);
        }
    }
}
