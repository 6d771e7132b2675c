//! The names of clients, users and API keys, for places where only an id is known.

use sqlx::Row as _;

use super::{Database, StoreError};

/// The maximum number of ids per statement.
const AT_ONCE: usize = 25;

/// The places of [`AT_ONCE`] ids in a statement.
macro_rules! ids {
    () => {
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)"
    };
}

/// An object with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    /// A client.
    Client,
    /// A user.
    User,
    /// An API key.
    ApiKey,
}

/// The names of the objects with these ids, each with its id. The ids are of one type.
///
/// # Errors
/// A statement fails.
pub async fn of(
    database: &Database,
    named: Named,
    ids: &[&str],
) -> Result<Vec<(String, String)>, StoreError> {
    let sql = match named {
        Named::Client => concat!("SELECT id, name FROM clients WHERE id IN ", ids!()),
        Named::User => concat!("SELECT id, username AS name FROM users WHERE id IN ", ids!()),
        Named::ApiKey => concat!("SELECT id, name FROM api_keys WHERE id IN ", ids!()),
    };
    let mut found = Vec::new();
    for some in ids.chunks(AT_ONCE) {
        let query = || {
            let ids = some.iter().copied().chain(std::iter::repeat("")).take(AT_ONCE);
            ids.fold(sqlx::query(sql), sqlx::query::Query::bind)
        };
        for row in database.lookup(query).await? {
            found.push((row.try_get("id")?, row.try_get("name")?));
        }
    }
    Ok(found)
}
