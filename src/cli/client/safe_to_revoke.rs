//! `mintery client secret safe-to-revoke`

use clap::Args;

use crate::admin::json::secret_use::SecretUseJson;
use crate::admin::secret_use::{self, Asked, SecretUse, exactly};
use crate::cli::client::parse_id;
use crate::cli::client::secret::{last_used, parse_secret_id};
use crate::cli::output;
use crate::cli::output::{Format, date};
use crate::cli::{CliError, Shared, seconds, session};
use crate::model::usage::{KNOWN_AFTER, MAX_ADDRESSES};
use crate::store::Missing;

#[derive(Debug, Args)]
#[command(
    after_help = "It is safe when another secret that is good was used after this one, and this one was not used for long enough. \
A program shows its secret only when its token runs out, so \"long enough\" must be longer than a token lives, and longer than the time \
between two runs of a program that runs now and then.\n\n\
Servers tell the database every five seconds what was used: uses of the last ten seconds may be missing, and those of a server that cannot \
reach the database until it can.\n\n\
The exit code is 0 when it is safe and 1 when it is not."
)]
pub struct SafeToRevoke {
    /// The id of the client.
    id: String,
    /// The id of the secret, `cs_…`.
    secret: String,
    /// How many seconds the secret must not have been used; a day, or twice the longest life of
    /// the client's tokens where that is more, when this is absent.
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    unused_for: Option<std::time::Duration>,
    /// How to print it.
    #[arg(short, long, default_value = "table")]
    output: Format,
}

impl SafeToRevoke {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_id(&self.id)?;
        let settings = shared.settings(Vec::new())?;
        let admin = session::administer(&settings, Missing::Refuse).await?;
        let secret = parse_secret_id(&self.secret)?;
        let asked = Asked { unused_for: self.unused_for, usual_ttl: settings.token_ttl };
        let answer = secret_use::safe_to_revoke(&admin, &id, &secret, asked).await;
        let answer = answer.map_err(CliError::admin)?;
        match self.output {
            Format::Json => output::json(&SecretUseJson::from(&answer))?,
            Format::Table => output::text(&in_words(&answer))?,
        }
        if answer.is_safe {
            return Ok(());
        }
        Err(CliError::Failed(format!("secret {} is not safe to revoke", secret.as_str())))
    }
}

fn in_words(answer: &SecretUse) -> String {
    let verdict = if answer.is_safe { "is safe to revoke" } else { "is not safe to revoke" };
    let mut lines = vec![format!("Secret {} {verdict}:", answer.secret.secret.id.as_str())];
    lines.extend(answer.reasons.iter().map(|reason| format!("- {}", reason.message(answer.as_of))));
    if !answer.addresses.is_empty() {
        lines.push(format!(
            "\nIt was used from (the last {MAX_ADDRESSES} addresses are kept, for 35 days):"
        ));
        lines.push(addresses(answer));
    }
    lines.push(String::new());
    if answer.others.is_empty() {
        lines.push("No other secret of the client is good.".to_owned());
    } else {
        lines.push("The other secrets that are good:".to_owned());
        lines.push(others(answer));
    }
    lines.push(format!(
        "\nAs of {}; uses of the last {} may be missing.\n",
        date(answer.as_of),
        exactly(KNOWN_AFTER)
    ));
    lines.join("\n")
}

fn addresses(answer: &SecretUse) -> String {
    let mut table = output::table(&["FROM", "LAST USED", "ANOTHER SECRET", ""]);
    for used in &answer.addresses {
        table.add_row([
            used.from.map_or_else(|| "unknown".to_owned(), |from| from.to_string()),
            date(used.at),
            used.other_at.map_or_else(|| "never".to_owned(), date),
            if used.is_behind { "to be changed" } else { "" }.to_owned(),
        ]);
    }
    table.to_string()
}

fn others(answer: &SecretUse) -> String {
    let mut table = output::table(&["SECRET", "LAST USED", "FROM"]);
    for other in &answer.others {
        let from = other.last_use.and_then(|last| last.from);
        table.add_row([
            other.secret.id.as_str().to_owned(),
            last_used(other),
            from.map(|from| from.to_string()).unwrap_or_default(),
        ]);
    }
    let expiring = answer.others.iter().filter_map(|other| Some((other, other.secret.expires_at?)));
    let expiring = expiring
        .map(|(other, at)| format!("\n{} expires on {}.", other.secret.id.as_str(), date(at)));
    format!("{table}{}", expiring.collect::<String>())
}
