//! Environments of API keys, and of the tokens exchanged for them.

use std::str::FromStr;

/// The error for text that is not an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment must be live or test")]
pub struct InvalidEnvironment;

/// The environment of an API key. It is visible in the key, and in the tokens exchanged for it
/// (`environment`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Environment {
    /// Production.
    #[default]
    Live,
    /// Tests: rejected in production.
    Test,
}

impl Environment {
    /// The name, for programs and the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl FromStr for Environment {
    type Err = InvalidEnvironment;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(InvalidEnvironment),
        }
    }
}

/// The error for text that is not a choice of environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be live, test or any")]
pub struct InvalidEnvironments;

/// The environments that a place accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environments {
    /// One environment.
    Only(Environment),
    /// All environments.
    Any,
}

impl Environments {
    /// Returns true if `environment` is accepted.
    #[must_use]
    pub fn accept(self, environment: Environment) -> bool {
        match self {
            Self::Only(own) => own == environment,
            Self::Any => true,
        }
    }

    /// The name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Only(environment) => environment.name(),
            Self::Any => "any",
        }
    }
}

impl FromStr for Environments {
    type Err = InvalidEnvironments;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "any" => Ok(Self::Any),
            name => name.parse().map(Self::Only).map_err(|_| InvalidEnvironments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Environments};

    #[test]
    fn environments_accept_their_own() {
        let accepted = |name: &str| {
            let environments: Environments = name.parse().unwrap();
            assert_eq!(environments.name(), name);
            [Environment::Live, Environment::Test]
                .map(|environment| environments.accept(environment))
        };
        assert_eq!(accepted("live"), [true, false]);
        assert_eq!(accepted("test"), [false, true]);
        assert_eq!(accepted("any"), [true, true]);
        assert!("LIVE".parse::<Environments>().is_err() && "any".parse::<Environment>().is_err());
    }
}
