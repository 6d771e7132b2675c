//! Usage of clients.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::usage::{HourOfUse, Outcome};

/// The usage of a client in an hour.
#[derive(Debug, Serialize)]
pub struct UsageJson<'a> {
    client_id: &'a str,
    /// The start of the hour.
    hour: i64,
    tokens: i64,
    /// The number of refused requests, by reason.
    refusals: BTreeMap<&'a str, i64>,
}

impl<'a> From<&'a HourOfUse> for UsageJson<'a> {
    fn from(counted: &'a HourOfUse) -> Self {
        let is_token = |name: &str| name == Outcome::Token.name();
        let outcomes = || counted.outcomes.iter().map(|(name, times)| (name.as_str(), *times));
        Self {
            client_id: &counted.client,
            hour: counted.hour.begins().as_secs(),
            tokens: outcomes().filter(|(name, _)| is_token(name)).map(|(_, times)| times).sum(),
            refusals: outcomes().filter(|(name, _)| !is_token(name)).collect(),
        }
    }
}
