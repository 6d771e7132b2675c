//! `docs/reference/events.md`, from [`EventKind`].

use mintery::model::event::EventKind;
use mintery::model::event::kind::{Invalidates, Revokes};
use mintery::model::revocation::Kind;

use super::{check, code, table};

fn page() -> String {
    let rows = EventKind::ALL.iter().map(|kind| {
        let revoked = match kind.revokes() {
            Revokes::Never => String::new(),
            Revokes::Always(mark) => tokens(mark).to_owned(),
            Revokes::Sometimes(mark) => format!("{}, if so", tokens(mark)),
        };
        [
            code(kind.name()),
            kind.meaning().to_owned(),
            revoked,
            entries(kind.invalidates()).to_owned(),
        ]
    });
    format!(
        "# Events\n\n\
         `mintery event list` and `GET /api/v1/events` show the event log. Each change appends one event\n\
         with its number, time, actor, kind, subject (the id of the changed object) and details without\n\
         secrets. `--kind client` selects all kinds that begin with `client.`.\n\n\
         An event may revoke tokens that were issued before it. It also removes entries from the caches of\n\
         every node, so that the next request reads them again.\n\n{}",
        table(["kind", "meaning", "revoked tokens", "removed from caches"], rows)
    )
}

fn tokens(mark: Kind) -> &'static str {
    match mark {
        Kind::Token => "the listed tokens",
        Kind::Client => "all of the subject",
        Kind::Credential => "all of the credential",
        Kind::Api => "all for the API",
        Kind::Key => "all that the key signed",
    }
}

fn entries(invalidates: Invalidates) -> &'static str {
    match invalidates {
        Invalidates::Nothing => "",
        Invalidates::Client => "the client",
        Invalidates::NewClients => "unknown clients",
        Invalidates::ApiKey => "the API key",
        Invalidates::ApiKeys => "the API keys",
        Invalidates::User => "the user",
        Invalidates::Apis => "all APIs",
        Invalidates::SigningKeys => "all signing keys",
    }
}

#[test]
fn the_page_of_events_is_current() {
    check("events.md", &page());
}
