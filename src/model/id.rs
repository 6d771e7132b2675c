//! `id!` defines the type of an id that Mintery generates: a prefix and 22 base62 characters (128
//! random bits). An id is no secret. To add one: one line beside the type that has it.

/// Text that is not an id of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of {noun} must be {prefix} and 22 letters or digits")]
pub struct InvalidId {
    /// The kind of thing, with its article.
    pub(super) noun: &'static str,
    /// The first characters of its ids.
    pub(super) prefix: &'static str,
}

/// `id!(/// doc … Name, "prefix_", "a noun")`.
macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $prefix:literal, $noun:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// A random id.
            #[must_use]
            pub fn generate(random: &dyn $crate::random::Random) -> Self {
                Self::from_bytes(&$crate::random::bytes::<16>(random))
            }

            fn from_bytes(bytes: &[u8; 16]) -> Self {
                let digits = $crate::secret::base62::encode(bytes, 22);
                Self(format!("{}{digits}", $prefix).into())
            }

            /// Parses an id.
            ///
            /// # Errors
            /// If `text` lacks the prefix or the 22 base62 characters.
            pub fn parse(text: &str) -> Result<Self, $crate::model::id::InvalidId> {
                text.strip_prefix($prefix)
                    .filter(|digits| digits.len() == 22 && $crate::secret::base62::is_base62(digits))
                    .map(|_| Self(text.into()))
                    .ok_or($crate::model::id::InvalidId { noun: $noun, prefix: $prefix })
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(super) use id;

#[cfg(test)]
mod tests {
    use crate::random::SystemRandom;

    id!(
        /// An id of nothing.
        SampleId,
        "sa_",
        "a sample"
    );

    #[test]
    fn an_id_has_its_prefix_and_22_digits() {
        let id = SampleId::generate(&SystemRandom);
        assert_eq!(SampleId::parse(id.as_str()), Ok(id));
        for bad in [
            "",
            "sa_",
            "ak_0000000000000000000000",
            "sa_000000000000000000000",
            "sa_000000000000000000000é",
            "sa_00000000000000000000000",
        ] {
            let error = SampleId::parse(bad).unwrap_err().to_string();
            assert_eq!(error, "the id of a sample must be sa_ and 22 letters or digits", "{bad}");
        }
    }
}
