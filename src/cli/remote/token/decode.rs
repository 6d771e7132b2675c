//! `mintery token decode`: what a token says, whether or not it is true.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use comfy_table::{ContentArrangement, Table};
use serde_json::{Map, Value, json};

use crate::cli::CliError;
use crate::cli::output;
use crate::cli::output::{Format, date};
use crate::cli::remote::token::TokenArgument;
use crate::clock::Timestamp;
use crate::logging::escape;

#[derive(Debug, Args)]
pub struct Decode {
    #[command(flatten)]
    token: TokenArgument,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl Decode {
    pub fn run(&self) -> Result<(), CliError> {
        let token = self.token.read()?;
        let (header, claims) = decode(token.expose())?;
        if self.output == Format::Json {
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
        Ok(output::note(
            "Nothing was verified: anybody can write such a token. `mintery token verify` checks one.",
        )?)
    }
}

type Object = Map<String, Value>;

/// The header and the claims (RFC 7519 §3).
fn decode(token: &str) -> Result<(Object, Object), CliError> {
    let parts: Vec<&str> = token.split('.').collect();
    match parts.as_slice() {
        [header, claims, _] => Ok((object("header", header)?, object("claims", claims)?)),
        [_, _, _, _, _] => Err(failed("the token is encrypted: only whom it is for can read it")),
        _ => Err(failed(
            "that is no JWT, which has three parts with dots between; an API key says nothing by itself",
        )),
    }
}

fn object(what: &str, part: &str) -> Result<Object, CliError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let object = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    object.ok_or_else(|| {
        failed(&format!(
            "that is no JWT: where its {what} should stand is no JSON object in base64url"
        ))
    })
}

fn failed(reason: &str) -> CliError {
    CliError::Failed(reason.to_owned())
}

/// Members that are times, in seconds (RFC 7519 §2, `NumericDate`).
const TIMES: [&str; 4] = ["exp", "iat", "nbf", "auth_time"];

/// Adds what a token says to a table, with times as people read them.
pub fn add_claims<'a>(
    table: &mut Table,
    claims: impl IntoIterator<Item = (&'a String, &'a Value)>,
) {
    for (name, value) in claims {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if TIMES.contains(&name.as_str()) => match number.as_i64() {
                Some(secs) => format!("{secs} ({})", date(Timestamp::from_secs(secs))),
                None => number.to_string(),
            },
            other => other.to_string(),
        };
        table.add_row([escape(name), escape(&text)]);
    }
}
