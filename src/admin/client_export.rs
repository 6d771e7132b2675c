//! Gives all clients away, with the hashes of their secrets, as lines of JSON that an import takes
//! back.

use std::io::{self, Write};

use serde::Serialize;

use super::json::client::ClientJson;
use super::json::secret::SecretJson;
use super::{Admin, AdminError};
use crate::model::client::{Client, ClientSecret};
use crate::store::client_batch;

/// A client as an import takes it.
#[derive(Debug, Serialize)]
struct ExportedJson<'a> {
    #[serde(flatten)]
    client: ClientJson<'a>,
    secrets: Vec<ExportedSecretJson<'a>>,
}

/// What is kept of a secret. Its digest stays here: it is made with a key of this database.
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

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The clients could not be read.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// What they were written to takes no more.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Writes all clients to `output`, by id, each as it was when it was read; tells how many they
/// were.
///
/// # Errors
/// When the store fails, or the output does.
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
