//! `docs/reference/scopes.md`, from [`OwnScope`] and [`Role`].

use mintery::model::own_scope::OwnScope;
use mintery::model::user::Role;

use super::{check, code, table};

fn page() -> String {
    let rows = OwnScope::ALL.map(|scope| {
        let roles = Role::ALL.iter().filter(|role| scope.is_in(&role.scopes()));
        let roles: Vec<&str> = roles.map(|role| role.name()).collect();
        [code(scope.name()), scope.meaning().to_owned(), roles.join(", ")]
    });
    format!(
        "# Scopes\n\n\
         These scopes allow administration. A client gets them only by `--scope`, never by default, and\n\
         they are valid only in a token whose audience is the issuer. [HTTP API](http.md) lists the routes\n\
         of each scope. All other scope names belong to your APIs.\n\n{}",
        table(["scope", "allows", "roles that hold it"], rows)
    )
}

#[test]
fn the_page_of_scopes_is_current() {
    check("scopes.md", &page());
}
