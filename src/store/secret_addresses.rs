//! `secret_addresses`: the last use of each secret from each address. These are counts; their
//! writes have no event.

use sqlx::Row as _;

use super::client_row::secret_id;
use super::transaction::Tx;
use super::{Database, StoreError};
use crate::clock::Timestamp;
use crate::model::client::{ClientId, SecretId};
use crate::model::usage::{LastUse, MAX_ADDRESSES};

/// The statement that adds one use, and one more for each pair of an address and a time.
macro_rules! add_uses {
    ($($more:literal),*) => {
        concat!(
            "INSERT INTO secret_addresses (secret_id, address, used_at) VALUES ($1, $2, $3)",
            $(", ($1, ", $more, ")",)*
            " ON CONFLICT (secret_id, address) DO UPDATE SET used_at = excluded.used_at \
             WHERE secret_addresses.used_at < excluded.used_at"
        )
    };
}

/// The statements that add one use, two, and so on.
const ADD_USES: [&str; 8] = [
    add_uses!(),
    add_uses!("$4, $5"),
    add_uses!("$4, $5", "$6, $7"),
    add_uses!("$4, $5", "$6, $7", "$8, $9"),
    add_uses!("$4, $5", "$6, $7", "$8, $9", "$10, $11"),
    add_uses!("$4, $5", "$6, $7", "$8, $9", "$10, $11", "$12, $13"),
    add_uses!("$4, $5", "$6, $7", "$8, $9", "$10, $11", "$12, $13", "$14, $15"),
    add_uses!("$4, $5", "$6, $7", "$8, $9", "$10, $11", "$12, $13", "$14, $15", "$16, $17"),
];

/// Adds uses of one secret, and keeps the latest few. The row of the secret in `secret_usage` was
/// written before in the same transaction, so no two nodes do this for one secret at once.
pub(super) async fn add(
    tx: &mut Tx,
    secret: &SecretId,
    uses: &[LastUse],
) -> Result<(), StoreError> {
    if let [last_use] = uses
        && is_known(tx, secret, last_use).await?
    {
        return Ok(());
    }
    for uses in uses.chunks(ADD_USES.len()) {
        // There is one statement for each number of uses in a chunk.
        let sql = uses.len().checked_sub(1).and_then(|place| ADD_USES.get(place).copied());
        let Some(sql) = sql else { continue };
        let add = uses.iter().fold(sqlx::query(sql).bind(secret.as_str()), |query, last_use| {
            query.bind(text(last_use)).bind(last_use.at.as_millis())
        });
        add.execute(tx.connection()?).await?;
    }
    forget_oldest(tx, secret).await
}

/// Adds a use from an address that is known already, as most are; returns whether it is.
async fn is_known(tx: &mut Tx, secret: &SecretId, last_use: &LastUse) -> Result<bool, StoreError> {
    let updated = sqlx::query(
        "UPDATE secret_addresses SET used_at = $1 WHERE secret_id = $2 AND address = $3 AND used_at <= $1",
    )
    .bind(last_use.at.as_millis())
    .bind(secret.as_str())
    .bind(text(last_use))
    .execute(tx.connection()?)
    .await?;
    Ok(updated.rows_affected() > 0)
}

async fn forget_oldest(tx: &mut Tx, secret: &SecretId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM secret_addresses WHERE secret_id = $1 AND address IN (SELECT address FROM secret_addresses \
         WHERE secret_id = $1 ORDER BY used_at DESC, address LIMIT $2 OFFSET $3)",
    )
    .bind(secret.as_str())
    .bind(i64::MAX)
    .bind(MAX_ADDRESSES)
    .execute(tx.connection()?)
    .await?;
    Ok(())
}

/// The address as it is stored.
fn text(last_use: &LastUse) -> String {
    last_use.from.map(|address| address.to_string()).unwrap_or_default()
}

/// The last use of each secret of a client from each address, the latest first.
///
/// # Errors
/// The statement fails.
pub async fn of_client(
    database: &Database,
    client: &ClientId,
) -> Result<Vec<(SecretId, LastUse)>, StoreError> {
    let query = || {
        sqlx::query(
            "SELECT a.secret_id, a.address, a.used_at FROM client_secrets s \
             JOIN secret_addresses a ON a.secret_id = s.id WHERE s.client_id = $1 \
             ORDER BY a.used_at DESC, a.address, a.secret_id",
        )
        .bind(client.as_str())
    };
    let rows = database.lookup(query).await?;
    rows.iter()
        .map(|row| {
            let at = Timestamp::from_millis(row.try_get("used_at")?);
            let from = row.try_get::<String, _>("address")?.parse().ok();
            Ok((secret_id(row.try_get("secret_id")?)?, LastUse { at, from }))
        })
        .collect()
}

/// Deletes some of the uses before `before`, and of those of deleted secrets; returns whether there
/// may be more.
///
/// # Errors
/// The statement fails.
pub(super) async fn delete_some(
    database: &Database,
    before: Timestamp,
    some: i64,
) -> Result<bool, StoreError> {
    // One scan for both: an index on the time would cost every flush more than this costs an hour.
    let query = || {
        sqlx::query(
            "DELETE FROM secret_addresses WHERE (secret_id, address) IN (SELECT a.secret_id, a.address \
             FROM secret_addresses a LEFT JOIN client_secrets s ON s.id = a.secret_id \
             WHERE s.id IS NULL OR a.used_at < $1 LIMIT $2) RETURNING used_at",
        )
        .bind(before.as_millis())
        .bind(some)
    };
    database.delete_up_to(some, query).await
}
