//! `named!` defines an enum whose values have names: in settings, in JSON and in the store. To
//! add a value: one line in its list.

use std::fmt;

/// Text that names no value of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownName {
    /// The sentence that the list of names completes.
    #[doc(hidden)]
    pub expected: &'static str,
    /// All names.
    #[doc(hidden)]
    pub names: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.expected)?;
        for (place, name) in self.names.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place + 1 == self.names.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{name}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownName {}

/// `named! { pub enum Role: "a role is" { Admin = "admin", … } }` gives the enum `ALL`, `name()`,
/// `Display` and a `FromStr` whose error continues the sentence with the list of names.
macro_rules! named {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $enum:ident: $expected:literal {
            $($(#[$value_meta:meta])* $value:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $enum {
            $($(#[$value_meta])* $value,)+
        }

        impl $enum {
            /// All values, in the order of their declaration.
            $visibility const ALL: [Self; [$($name),+].len()] = [$(Self::$value),+];

            /// The name.
            #[must_use]
            $visibility const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::model::named::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL.into_iter().find(|value| value.name() == name).ok_or(
                    $crate::model::named::UnknownName { expected: $expected, names: &[$($name),+] },
                )
            }
        }
    };
}

/// `named!` with a meaning for each value, which gives the enum `meaning()`.
macro_rules! described {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $enum:ident: $expected:literal {
            $($value:ident = $name:literal: $meaning:literal,)+
        }
    ) => {
        $crate::model::named::named! {
            $(#[$meta])*
            $visibility enum $enum: $expected {
                $(#[doc = $meaning] $value = $name,)+
            }
        }

        impl $enum {
            /// The meaning, in a sentence.
            #[must_use]
            $visibility const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$value => $meaning,)+
                }
            }
        }
    };
}

pub(crate) use {described, named};

#[cfg(test)]
mod tests {
    named! {
        /// A color.
        #[derive(Default)]
        enum Color: "a color is" {
            /// The first.
            #[default]
            Red = "red",
            Green = "green",
            Blue = "blue",
        }
    }

    #[test]
    fn names_are_read_back_and_others_are_answered_with_the_list() {
        for color in Color::ALL {
            assert_eq!(color.to_string().parse(), Ok(color));
        }
        assert_eq!(Color::default(), Color::Red);
        let error = "Red".parse::<Color>().unwrap_err().to_string();
        assert_eq!(error, "a color is red, green or blue");
    }
}
