//! Lists in pages: `?limit=…&after=…`, where `after` is the `next` of the previous page.

use serde::Serialize;

use crate::admin::AdminError;
use crate::http::act::Refused;

/// The default number of items per page.
const USUAL: i64 = 50;

/// The maximum number of items per page.
const MOST: i64 = 200;

/// The maximum length of a parameter: the longest id with the rest of a cursor.
const MAX_VALUE: usize = 280;

/// The parameters of a query.
#[derive(Debug)]
pub struct PageQuery {
    limit: i64,
    after: String,
    filters: Vec<(String, String)>,
}

/// A page.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    /// The `after` of the next page; `null` on the last page.
    next: Option<String>,
}

impl PageQuery {
    /// Parses a query with `filters`, limit and cursor.
    ///
    /// # Errors
    /// If a parameter is unknown or repeated, or the limit is invalid.
    pub fn parse(query: &str, filters: &[&str]) -> Result<Self, Refused> {
        let invalid = |reason: String| Refused::Admin(AdminError::Invalid(reason));
        let parameters = serde_urlencoded::from_str::<Vec<(String, String)>>(query)
            .map_err(|_| invalid("the query is malformed".to_owned()))?;
        let mut has_limit = false;
        let mut page = Self { limit: USUAL, after: String::new(), filters: Vec::new() };
        for (name, value) in parameters {
            let is_given = match name.as_str() {
                "limit" => std::mem::replace(&mut has_limit, true),
                "after" => !page.after.is_empty(),
                other => page.filter(other).is_some(),
            };
            if is_given {
                return Err(invalid("the query repeats a parameter".to_owned()));
            }
            if value.len() > MAX_VALUE || value.chars().any(char::is_control) {
                let reason = format!(
                    "a parameter must have at most {MAX_VALUE} bytes and no control characters"
                );
                return Err(invalid(reason));
            }
            match name.as_str() {
                "limit" => {
                    page.limit =
                        value.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(
                            || invalid(format!("limit must be a number from 1 to {MOST}")),
                        )?;
                }
                "after" => page.after = value,
                name if filters.contains(&name) => page.filters.push((name.to_owned(), value)),
                _ => {
                    let known = filters.join(", ");
                    return Err(invalid(format!(
                        "unknown parameter; supported: limit, after, {known}"
                    )));
                }
            }
        }
        Ok(page)
    }

    /// The cursor; empty for the first page.
    pub fn after(&self) -> &str {
        &self.after
    }

    /// One more than the page size, to detect a next page.
    pub const fn limit_and_one(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// The value of a filter.
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of a numeric filter.
    ///
    /// # Errors
    /// If it is not a number.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refused> {
        let parse = |value: &str| {
            let number = value.parse().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| {
                Refused::Admin(AdminError::Invalid(format!("{name} must be a number")))
            })
        };
        self.filter(name).map(parse).transpose()
    }

    /// The value of a boolean filter.
    ///
    /// # Errors
    /// If it is neither true nor false.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refused> {
        let parse = |value: &str| {
            value.parse().map_err(|_| {
                Refused::Admin(AdminError::Invalid(format!("{name} must be true or false")))
            })
        };
        self.filter(name).map(parse).transpose()
    }
}

impl<T> Page<T> {
    /// A page of `found`, which has one item more than the page size if there is a next page.
    pub fn new<'a, I>(
        query: &PageQuery,
        found: &'a [I],
        cursor: impl Fn(&'a I) -> String,
        show: impl Fn(&'a I) -> T,
    ) -> Self {
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let shown = found.get(..limit).unwrap_or(found);
        let next = (found.len() > limit).then(|| shown.last().map(cursor)).flatten();
        Self { items: shown.iter().map(show).collect(), next }
    }
}
