//! The terms on which a verifier accepts tokens.

use std::time::Duration;

use crate::model::environment::{Environment, Environments};

/// The default of [`VerifierBuilder::skew`](crate::VerifierBuilder::skew).
pub const DEFAULT_SKEW: Duration = Duration::from_secs(10);

/// The default of [`VerifierBuilder::environments`](crate::VerifierBuilder::environments).
pub const DEFAULT_ENVIRONMENTS: Environments = Environments::Only(Environment::Live);

/// The configured values that each token is compared with.
#[derive(Debug, Clone)]
pub struct Terms {
    pub issuer: Box<str>,
    /// This API, as it stands in `aud`.
    pub audience: Box<str>,
    /// The accepted difference of clocks.
    pub skew: Duration,
    /// The accepted environments of API keys.
    pub environments: Environments,
}
