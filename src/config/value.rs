//! A setting's raw value and its source.

use std::collections::BTreeMap;
use std::fmt;

use crate::secret::Secret;

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(String),
    /// The settings file.
    File(String),
    /// No source sets the value.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Values from flags: setting, flag, text.
pub type Overrides = Vec<(&'static str, &'static str, String)>;

/// An unparsed value. It may be a secret.
#[derive(Debug)]
pub struct Value {
    pub text: Secret,
    pub source: Source,
}

/// The effective values, by setting.
pub type Values = BTreeMap<&'static str, Value>;
