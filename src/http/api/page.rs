//! Lists in pages: `?limit=…&after=…`, where `after` is the `next` of the page before.

use serde::Serialize;

use crate::admin::AdminError;
use crate::http::act::Refused;

/// How many items a page has when nobody says.
const USUAL: i64 = 50;

/// The most items of a page.
const MOST: i64 = 200;

/// The most bytes of a parameter: those of the longest id, and of what stands beside it in a
/// cursor.
const MAX_VALUE: usize = 280;

/// What a query asks for.
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
    /// For `after` of the next page; `null` when this is the last.
    next: Option<String>,
}

impl PageQuery {
    /// Reads a query that may name `filters` beside limit and cursor.
    ///
    /// # Errors
    /// When it names something else, or something twice, or the limit is none.
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

    /// One more than a page has, to see whether there is another.
    pub const fn limit_and_one(&self) -> i64 {
        self.limit.saturating_add(1)
    }

    /// The value of a filter.
    pub fn filter(&self, name: &str) -> Option<&str> {
        self.filters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of a filter that is a number.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Refused> {
        let parse = |value: &str| {
            let number = value.parse().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| {
                Refused::Admin(AdminError::Invalid(format!("{name} must be a number")))
            })
        };
        self.filter(name).map(parse).transpose()
    }

    /// The value of a filter that is true or false.
    ///
    /// # Errors
    /// When it is neither.
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
    /// The page that `found` makes, which has one item more than asked for when there is another
    /// page.
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
