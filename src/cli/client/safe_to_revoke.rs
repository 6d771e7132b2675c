//! `mintery client secret safe-to-revoke`

use clap::Args;

use super::secret_table::last_used;
use crate::admin::json::secret_use::SecretUseJson;
use crate::admin::secret_use::{self, Asked, SecretUse, exactly};
use crate::cli::error::CliError;
use crate::cli::input::{parse_client_id, parse_seconds, parse_secret_id};
use crate::cli::output::{self, Output, date, date_or_never};
use crate::cli::session;
use crate::cli::shared::Shared;
use crate::model::usage::{KNOWN_AFTER, MAX_ADDRESSES};
use crate::store::Missing;

#[derive(Debug, Args)]
#[command(
    after_help = "A secret is safe to revoke if another valid secret was used after it, and it was \
unused for long enough. A program presents its secret only when its token runs out, so \"long enough\" must exceed the \
lifetime of a token and the interval of programs that run now and then.\n\n\
Servers report uses to the database every five seconds: uses of the last ten seconds may be missing, and those of a \
server that cannot reach the database.\n\n\
The exit code is 0 if the secret is safe to revoke, and 1 otherwise."
)]
pub struct SafeToRevoke {
    /// The client id.
    id: String,
    /// The secret id, `cs_…`.
    secret: String,
    /// Seconds without a use that make the secret safe; a day, or twice the longest token lifetime
    /// of the client if that is more, if absent.
    #[arg(long, value_name = "SECS", value_parser = parse_seconds)]
    unused_for: Option<std::time::Duration>,
    #[command(flatten)]
    output: Output,
}

impl SafeToRevoke {
    pub async fn run(&self, shared: &Shared) -> Result<(), CliError> {
        let id = parse_client_id(&self.id)?;
        let settings = shared.settings(Vec::new())?;
        let admin = session::administer(&settings, Missing::Refuse).await?;
        let secret = parse_secret_id(&self.secret)?;
        let asked = Asked { unused_for: self.unused_for, usual_ttl: settings.token_ttl };
        let answer = secret_use::safe_to_revoke(&admin, &id, &secret, asked).await?;
        if self.output.is_json() {
            output::json(&SecretUseJson::from(&answer))?;
        } else {
            output::text(&report(&answer))?;
        }
        if answer.is_safe {
            return Ok(());
        }
        Err(CliError::Failed(format!("secret {} is not safe to revoke", secret.as_str())))
    }
}

fn report(answer: &SecretUse) -> String {
    let verdict = if answer.is_safe { "is safe to revoke" } else { "is not safe to revoke" };
    let mut lines = vec![format!("Secret {} {verdict}:", answer.secret.secret.id.as_str())];
    lines.extend(answer.reasons.iter().map(|reason| format!("- {}", reason.message(answer.as_of))));
    if !answer.addresses.is_empty() {
        lines.push(format!("\nUsed from (the last {MAX_ADDRESSES} addresses, of 35 days):"));
        lines.push(addresses(answer));
    }
    lines.push(String::new());
    if answer.others.is_empty() {
        lines.push("The client has no other valid secret.".to_owned());
    } else {
        lines.push("The other valid secrets:".to_owned());
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
            date_or_never(used.other_at),
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
