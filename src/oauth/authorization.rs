//! The `Authorization` header, before any parsing of its value.

/// The `Authorization` header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization<'a> {
    /// The request has none.
    Absent,
    /// The value of the one header.
    Once(&'a [u8]),
    /// The request has several.
    Repeated,
}

impl<'a> Authorization<'a> {
    /// The header of a request with these values.
    pub fn of(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(one), None) => Self::Once(one),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }
}
