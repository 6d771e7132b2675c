//! `mintery token decode`: prints the claims of a token without verification.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use comfy_table::ContentArrangement;
use serde_json::{Map, Value, json};

use super::argument::TokenArgument;
use super::claims::add_claims;
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

#[derive(Debug, Args)]
pub struct DecodeToken {
    #[command(flatten)]
    token: TokenArgument,
    #[command(flatten)]
    output: Output,
}

impl DecodeToken {
    pub fn run(&self) -> Result<(), CliError> {
        let token = self.token.read()?;
        let (header, claims) = decode(token.expose())?;
        if self.output.is_json() {
            output::foreign_json(
                &json!({ "header": header, "claims": claims, "verified": false }),
            )?;
        } else {
            for (title, members) in [("HEADER", &header), ("CLAIMS", &claims)] {
                let mut table = output::table(&[title, ""]);
                table.set_content_arrangement(ContentArrangement::Dynamic);
                add_claims(&mut table, members);
                output::line(&table.to_string())?;
            }
        }
        output::note("The token is not verified; `mintery token verify` does that.")
    }
}

type Object = Map<String, Value>;

/// Decodes the header and the claims (RFC 7519 §3).
fn decode(token: &str) -> Result<(Object, Object), CliError> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, claims, _] => Ok((object("header", header)?, object("claims", claims)?)),
        [_, _, _, _, _] => Err(failed("the token is encrypted; only its recipient can read it")),
        _ => Err(failed(
            "this is not a JWT, which has three parts separated by dots; an API key has no claims",
        )),
    }
}

fn object(what: &str, part: &str) -> Result<Object, CliError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let object = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    object.ok_or_else(|| {
        failed(&format!("this is not a JWT: its {what} is not a JSON object in base64url"))
    })
}

fn failed(reason: &str) -> CliError {
    CliError::Failed(reason.to_owned())
}
