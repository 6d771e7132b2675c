//! The turn of administrative acts.

use super::StoreError;
use super::transaction::Tx;

/// Makes all other acts that take a turn wait until this transaction ends. It comes before every
/// lock of a row, so that no two transactions wait for each other.
///
/// # Errors
/// The statement fails.
pub async fn take_turn(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("UPDATE administrators_turn SET id = id WHERE id = 1")
        .execute(tx.connection()?)
        .await?;
    Ok(())
}
