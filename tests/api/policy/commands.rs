//! The rows of the command line. A command that opens the database acts with the rights of the
//! operating system: it is unlimited, and `tests/cli` tests that it refuses a file of another user.
//! A command that calls a server holds what its credential holds, which the other tables show.

use std::fmt::Write as _;

const DATABASE: &str = "the operating system's user who may write the database; unlimited";
const SERVER: &str = "the credential that the server checks";
const MACHINE: &str = "this machine alone";
const NONE: &str = "no credential";
const GROUP: &str = "its own commands";

/// The commands, by the enum and the variant that declare them.
pub const ROWS: &[(&str, &str)] = &[
    ("Noun::Serve", MACHINE),
    ("Noun::Client", GROUP),
    ("Noun::Key", GROUP),
    ("Noun::User", GROUP),
    ("Noun::Api", GROUP),
    ("Noun::SigningKey", GROUP),
    ("Noun::Event", GROUP),
    ("Noun::Db", GROUP),
    ("Noun::Config", GROUP),
    ("Noun::Doctor", MACHINE),
    ("Noun::Login", SERVER),
    ("Noun::Logout", SERVER),
    ("Noun::Whoami", SERVER),
    ("Noun::Auth", GROUP),
    ("Noun::AuthCheck", SERVER),
    ("Noun::Token", GROUP),
    ("Noun::Completions", MACHINE),
    ("KeyVerb::Create", DATABASE),
    ("KeyVerb::List", DATABASE),
    ("KeyVerb::Show", DATABASE),
    ("KeyVerb::Update", DATABASE),
    ("KeyVerb::Rotate", DATABASE),
    ("KeyVerb::Revoke", DATABASE),
    ("KeyVerb::Enable", DATABASE),
    ("KeyVerb::Disable", DATABASE),
    ("KeyVerb::Usage", DATABASE),
    ("EventVerb::List", DATABASE),
    ("EventVerb::Tail", DATABASE),
    ("UserVerb::Create", DATABASE),
    ("UserVerb::List", DATABASE),
    ("UserVerb::Show", DATABASE),
    ("UserVerb::Update", DATABASE),
    ("UserVerb::SetPassword", DATABASE),
    ("UserVerb::ResetSecondFactor", DATABASE),
    ("UserVerb::Sessions", DATABASE),
    ("UserVerb::RevokeSession", DATABASE),
    ("UserVerb::RevokeSessions", DATABASE),
    ("UserVerb::Enable", DATABASE),
    ("UserVerb::Disable", DATABASE),
    ("UserVerb::Delete", DATABASE),
    ("SigningKeyVerb::List", DATABASE),
    ("SigningKeyVerb::Rotate", DATABASE),
    ("SigningKeyVerb::Import", DATABASE),
    ("SigningKeyVerb::Export", DATABASE),
    ("SigningKeyVerb::Retire", DATABASE),
    ("AuthVerb::Check", SERVER),
    ("TokenVerb::Get", SERVER),
    ("TokenVerb::Introspect", SERVER),
    ("TokenVerb::Revoke", SERVER),
    ("TokenVerb::Decode", NONE),
    ("TokenVerb::Verify", SERVER),
    ("ConfigVerb::Show", MACHINE),
    ("ClientVerb::Create", DATABASE),
    ("ClientVerb::List", DATABASE),
    ("ClientVerb::Show", DATABASE),
    ("ClientVerb::Update", DATABASE),
    ("ClientVerb::Secret", GROUP),
    ("ClientVerb::Enable", DATABASE),
    ("ClientVerb::Disable", DATABASE),
    ("ClientVerb::RevokeTokens", DATABASE),
    ("ClientVerb::Delete", DATABASE),
    ("ClientVerb::Import", DATABASE),
    ("ClientVerb::Export", DATABASE),
    ("ApiVerb::Create", DATABASE),
    ("ApiVerb::List", DATABASE),
    ("ApiVerb::Show", DATABASE),
    ("ApiVerb::Update", DATABASE),
    ("ApiVerb::RevokeTokens", DATABASE),
    ("ApiVerb::Delete", DATABASE),
    ("SecretVerb::Add", DATABASE),
    ("SecretVerb::List", DATABASE),
    ("SecretVerb::Revoke", DATABASE),
    ("SecretVerb::SafeToRevoke", DATABASE),
    ("DbVerb::Migrate", DATABASE),
    ("DbVerb::Check", DATABASE),
];

/// Prints the table.
pub fn print(table: &mut String) {
    for (command, authority) in ROWS {
        writeln!(table, "command {command}: {authority}").unwrap();
    }
}
