//! Exports all clients with the hashes of their secrets, as JSON lines for an import.

use std::io::{self, Write};

use serde::Serialize;

use super::json::client::ClientJson;
use super::json::secret::SecretJson;
use super::{Admin, AdminError};
use crate::model::client::{Client, ClientSecret};
use crate::store::client_batch;

/// A client in the format of an import.
#[derive(Debug, Serialize)]
struct ExportedJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    secrets: Vec<ExportedSecretJson<'a>>,
}

/// The stored record of a secret, without its digest: a key of this database computes that.
#[derive(Debug, Serialize)]
struct ExportedSecretJson<'a> {
    #[serde(flatten)]
    secret: SecretJson<'a>,
    client_secret_hash: &'a str,
}

impl<'a> ExportedJson<'a> {
    fn new(client: &'a Client, secrets: &'a [ClientSecret]) -> Self {
        let secret = |secret: &'a ClientSecret| ExportedSecretJson {
            secret: SecretJson::from(secret),
            client_secret_hash: secret.hash.as_str(),
        };
        Self { client: ClientJson::as_set(client), secrets: secrets.iter().map(secret).collect() }
    }
}

/// The reason why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the clients failed.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// Writing to the output failed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Writes all clients to `output`, sorted by id, each in its state when it was read. Returns their
/// number.
///
/// # Errors
/// If the store or the output fails.
pub async fn run(admin: &Admin, output: &mut impl Write) -> Result<u64, ExportError> {
    const PAGE: i64 = 500;
    let (mut after, mut count) = (String::new(), 0);
    loop {
        let page = client_batch::page(admin.store.database(), &after, PAGE)
            .await
            .map_err(AdminError::from)?;
        let Some((last, _)) = page.last() else {
            output.flush()?;
            return Ok(count);
        };
        last.id.as_str().clone_into(&mut after);
        for (client, secrets) in &page {
            serde_json::to_writer(&mut *output, &ExportedJson::new(client, secrets))
                .map_err(io::Error::from)?;
            output.write_all(b"\n")?;
            count += 1;
        }
    }
}
