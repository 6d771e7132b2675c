//! `clients` and `client_secrets` in bulk, for imports and exports. Each statement handles many
//! rows, because it costs a round trip to the engine's thread or server.

use std::fmt::Write as _;
use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row as _};

use super::client_row::{
    CLIENT_VALUES, INSERT_CLIENTS, INSERT_SECRETS, SECRET_VALUES, bind_client, bind_secret,
    client_columns, joined_columns, not_staged, with_secrets,
};
use super::transaction::Tx;
use super::{Database, Engine, StoreError};
use crate::model::client::{Client, ClientId, ClientSecret, SecretId};
use crate::model::event::EventNumber;

/// A client with all of its secrets.
pub type ClientWithSecrets = (Client, Vec<ClientSecret>);

/// The numbers of rows per statement; the rest goes into smaller ones. SQLite accepts 32,766 values
/// in a statement.
const SIZES: [usize; 3] = [100, 10, 1];

/// One statement in all sizes.
#[derive(Debug, Clone)]
struct Statement([Arc<str>; SIZES.len()]);

impl Statement {
    /// `head`, then `columns` values in parentheses for each row, numbered from `from`.
    fn rows(engine: Engine, head: &str, columns: usize, from: usize) -> Self {
        Self(SIZES.map(|rows| {
            let mut sql = head.to_owned();
            let mut number = from;
            for row in 0..rows {
                sql.push_str(if row == 0 { "(" } else { ", (" });
                push_values(&mut sql, engine, columns, &mut number);
                sql.push(')');
            }
            sql.into()
        }))
    }

    /// `head`, then one value for each row in a single pair of parentheses, numbered from `from`.
    fn list(engine: Engine, head: &str, from: usize) -> Self {
        Self(SIZES.map(|rows| {
            let (mut sql, mut number) = (format!("{head}("), from);
            push_values(&mut sql, engine, rows, &mut number);
            sql.push(')');
            sql.into()
        }))
    }

    /// Splits `rows` into statements, the largest full ones first.
    fn shares<'r, T>(&self, mut rows: &'r [T]) -> Vec<(Arc<str>, &'r [T])> {
        let mut shares = Vec::new();
        for (size, sql) in SIZES.into_iter().zip(&self.0) {
            while let Some((share, rest)) = rows.split_at_checked(size) {
                shares.push((Arc::clone(sql), share));
                rows = rest;
            }
        }
        shares
    }
}

/// SQLite searches numbered values linearly, which is slow for hundreds. It gets positional values,
/// which PostgreSQL lacks.
fn push_values(sql: &mut String, engine: Engine, count: usize, number: &mut usize) {
    for place in 0..count {
        sql.push_str(if place == 0 { "" } else { ", " });
        match engine {
            Engine::Sqlite => sql.push('?'),
            // Writing to a string does not fail.
            Engine::Postgres => write!(sql, "${number}").unwrap_or_default(),
        }
        *number += 1;
    }
}

/// The statements of an import, built once.
#[derive(Debug, Clone)]
pub struct Statements {
    insert_clients: Statement,
    insert_secrets: Statement,
    set_cut_off: Statement,
    find_clients: Statement,
    find_secrets: Statement,
}

impl Statements {
    /// The statements for `engine`.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let first = if engine == Engine::Sqlite { "?" } else { "$1" };
        Self {
            insert_clients: Statement::rows(engine, INSERT_CLIENTS, CLIENT_VALUES, 1),
            insert_secrets: Statement::rows(engine, INSERT_SECRETS, SECRET_VALUES, 1),
            set_cut_off: Statement::list(
                engine,
                &format!("UPDATE clients SET cut_off = {first} WHERE id IN "),
                2,
            ),
            find_clients: Statement::list(
                engine,
                "SELECT id, import_id FROM clients WHERE id IN ",
                1,
            ),
            find_secrets: Statement::list(engine, "SELECT id FROM client_secrets WHERE id IN ", 1),
        }
    }

    /// Inserts clients with their secrets; `import` stages them invisibly. All get this cut-off,
    /// whatever their own says.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if an id is taken.
    pub async fn insert(
        &self,
        tx: &mut Tx,
        clients: &[ClientWithSecrets],
        cut_off: EventNumber,
        import: Option<&str>,
    ) -> Result<(), StoreError> {
        for (sql, share) in self.insert_clients.shares(clients) {
            let query = share.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, (client, _)| {
                bind_client(query, client, cut_off, import)
            });
            query.execute(tx.connection()?).await?;
        }
        let secrets = clients
            .iter()
            .flat_map(|(client, secrets)| secrets.iter().map(|one| (&client.id, one)));
        let secrets: Vec<_> = secrets.collect();
        for (sql, share) in self.insert_secrets.shares(&secrets) {
            let query =
                share.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, (client, secret)| {
                    bind_secret(query, client, secret)
                });
            query.execute(tx.connection()?).await?;
        }
        Ok(())
    }

    /// Sets the cut-off of many clients.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn set_cut_off(
        &self,
        tx: &mut Tx,
        clients: &[ClientWithSecrets],
        cut_off: EventNumber,
    ) -> Result<(), StoreError> {
        for (sql, share) in self.set_cut_off.shares(clients) {
            let query = sqlx::query(AssertSqlSafe(sql)).bind(cut_off.get());
            let query =
                share.iter().fold(query, |query, (client, _)| query.bind(client.id.as_str()));
            query.execute(tx.connection()?).await?;
        }
        Ok(())
    }

    /// The taken ids among these, and the import that staged each, if any.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn taken(
        &self,
        database: &Database,
        ids: &[&ClientId],
    ) -> Result<Vec<(String, Option<String>)>, StoreError> {
        let mut taken = Vec::new();
        for (sql, share) in self.find_clients.shares(ids) {
            let query = || {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&sql)));
                share.iter().fold(query, |query, id| query.bind(id.as_str()))
            };
            for row in database.lookup(query).await? {
                taken.push((row.try_get("id")?, row.try_get("import_id")?));
            }
        }
        Ok(taken)
    }

    /// The taken secret ids among these.
    ///
    /// # Errors
    /// A statement fails.
    pub async fn taken_secrets(
        &self,
        database: &Database,
        ids: &[&SecretId],
    ) -> Result<Vec<String>, StoreError> {
        let mut taken = Vec::new();
        for (sql, share) in self.find_secrets.shares(ids) {
            let query = || {
                let query = sqlx::query(AssertSqlSafe(Arc::clone(&sql)));
                share.iter().fold(query, |query, id| query.bind(id.as_str()))
            };
            for row in database.lookup(query).await? {
                taken.push(row.try_get("id")?);
            }
        }
        Ok(taken)
    }
}

/// Up to `limit` clients with ids after `after`, sorted by id, each with its secrets from the same
/// snapshot.
///
/// # Errors
/// The statement fails, or a row is corrupt.
pub async fn page(
    database: &Database,
    after: &str,
    limit: i64,
) -> Result<Vec<ClientWithSecrets>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        joined_columns!(),
        " FROM (SELECT ",
        client_columns!(""),
        " FROM clients WHERE id > $1 AND ",
        not_staged!(""),
        " ORDER BY id LIMIT $2) c LEFT JOIN client_secrets s ON s.client_id = c.id \
         ORDER BY c.id, s.created_at, s.id"
    );
    let query = || sqlx::query(SQL).bind(after).bind(limit);
    let rows = database.lookup(query).await?;
    let id = |row: &sqlx::any::AnyRow| row.try_get::<String, _>("id").ok();
    rows.chunk_by(|one, next| id(one) == id(next))
        .filter_map(|rows| with_secrets(rows).transpose())
        .collect()
}
