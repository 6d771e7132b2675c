//! Names for people.

use std::sync::Arc;

/// A display name: 1 to 200 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(Arc<str>);

/// An invalid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must be 1 to 200 characters, without control characters and not only white space")]
pub struct InvalidName;

impl DisplayName {
    /// Parses a name.
    ///
    /// # Errors
    /// If it is blank, too long, or contains a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(InvalidName);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::DisplayName;

    #[test]
    fn a_name_has_no_control_characters() {
        for bad in ["", "  ", "a\u{1b}[31m", "a\nb", &"x".repeat(201)] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            DisplayName::parse(" Abrechnung für München ").unwrap().as_str(),
            "Abrechnung für München"
        );
    }
}
