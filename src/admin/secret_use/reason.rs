//! Why a secret may be revoked, or may not: for programs a code, for people a sentence.

use crate::clock::DateText as _;
use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::model::client::SecretId;
use crate::model::usage::{KNOWN_AFTER, LastUse};

/// Why a secret may be revoked, or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// For: it is no longer good.
    Expired {
        /// Since when.
        at: Timestamp,
    },
    /// For: when it was last used.
    LastUsed {
        /// When, and from where.
        last: LastUse,
    },
    /// For: it was never used.
    NeverUsed,
    /// For: it was not used as far as that is known.
    NotSeen {
        /// Since when it is.
        counted_since: Timestamp,
    },
    /// For: others are used instead.
    OnlyOthers {
        /// Since when.
        since: Timestamp,
        /// The one that was used last.
        other: SecretId,
        /// When, and from where.
        last: LastUse,
    },
    /// A doubt that does not count: the time that was asked for is shorter than tokens live.
    ShorterThanTokens {
        /// How long they live.
        longest_ttl: Duration,
    },
    /// A doubt that does not count: from here it was used when there was another already, and no
    /// other was used since.
    ToBeChanged {
        /// The addresses, the one that used it last first.
        addresses: Vec<IpAddr>,
    },
    /// Against: the client is disabled, so that nothing uses the secret says nothing.
    ClientDisabled {
        /// Since when.
        since: Timestamp,
    },
    /// Against: it was used not long enough ago.
    UsedLately {
        /// When, and from where.
        last: LastUse,
        /// How long ago that must be.
        unused_for: Duration,
        /// When it is.
        until: Timestamp,
    },
    /// Against: it was not used, but that is known for too short a time.
    UnusedTooShortly {
        /// Since when it is known.
        counted_since: Timestamp,
        /// Whether that is when it was made.
        is_new: bool,
        /// How long ago that must be.
        unused_for: Duration,
        /// When it is.
        until: Timestamp,
    },
    /// Against: no other secret of the client is good.
    NoOther,
    /// Against: no other secret was ever used.
    OthersUnused,
    /// Against: no other secret was used after it.
    NotReplaced {
        /// The other that was used last.
        other: SecretId,
        /// When, and from where.
        last: LastUse,
    },
}

impl Reason {
    /// For programs.
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

    /// For people, at `now`.
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

    /// Until when there is nothing to do but wait.
    pub(super) const fn waits_until(&self) -> Option<Timestamp> {
        match self {
            Self::UsedLately { until, .. } | Self::UnusedTooShortly { until, .. } => Some(*until),
            _ => None,
        }
    }
}

/// When and from where.
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

/// About how long ago something was. What is younger than what is surely known has no number.
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

/// How long something is, in the longest unit that says it in whole numbers.
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
