//! Clients, users and API keys by name, with a link to their page: the actor and the subject of an
//! event, the owner of a key.

use super::failure::Failure;
use super::links::encoded;
use super::visit::Visit;
use crate::admin::names::{self, Named, Names};
use crate::model::api_key::KeyOwner;
use crate::model::own_scope::OwnScope;

/// An actor or a subject.
#[derive(Debug, Clone)]
pub struct Party {
    /// As recorded; the filter of the log takes it.
    pub id: String,
    /// The name; the id if it is unknown.
    pub label: String,
    /// `true` if `label` is a name.
    pub is_named: bool,
    /// Its page.
    pub path: Option<String>,
}

/// The kind and the id of an owner of keys.
pub fn named_owner(owner: &KeyOwner) -> (Named, String) {
    let named = match owner {
        KeyOwner::Client(_) => Named::Client,
        KeyOwner::User(_) => Named::User,
    };
    (named, owner.as_str().to_owned())
}

/// The kind and the id of an actor; `None` if it has no id, as at a command line.
pub fn named_actor(actor: &str) -> Option<(Named, String)> {
    let (kind, id) = actor.split_once(':')?;
    Some((named_kind(kind)?, id.to_owned()))
}

/// The kind of an event's subject; `None` if such subjects have no name.
pub fn named_kind(kind: &str) -> Option<Named> {
    match kind.split_once('.').map_or(kind, |(kind, _)| kind) {
        "client" => Some(Named::Client),
        "user" => Some(Named::User),
        "api_key" => Some(Named::ApiKey),
        _ => None,
    }
}

/// The names of these ids, as far as the user may see them.
pub async fn visible_names(
    visit: &Visit<'_>,
    mut ids: Vec<(Named, String)>,
) -> Result<Names, Failure> {
    let visitor = &visit.visitor;
    ids.retain(|(named, _)| {
        visitor.may(match named {
            Named::Client => OwnScope::ClientsRead,
            Named::User => OwnScope::UsersRead,
            Named::ApiKey => OwnScope::KeysRead,
        })
    });
    Ok(names::of(&visitor.admin, &ids).await?)
}

impl Party {
    /// The party with this id. Without a name it is deleted or not visible, and has no link.
    pub fn new(kind: Named, id: &str, names: &Names) -> Self {
        let section = match kind {
            Named::Client => "clients",
            Named::User => "users",
            Named::ApiKey => "keys",
        };
        let name = names.of(kind, id);
        Self {
            id: id.to_owned(),
            label: name.unwrap_or(id).to_owned(),
            is_named: name.is_some(),
            path: name.map(|_| format!("/dashboard/{section}/{}", encoded(id))),
        }
    }

    /// The actor of an event.
    pub fn actor(actor: &str, names: &Names) -> Self {
        if let Some((named, id)) = named_actor(actor) {
            return Self { id: actor.to_owned(), ..Self::new(named, &id, names) };
        }
        let label = match actor {
            "system" => "Mintery".to_owned(),
            "secret_scanning" => "Secret scanning".to_owned(),
            other => other.strip_prefix("cli:").map_or(other, |who| who).to_owned(),
        };
        Self { id: actor.to_owned(), label, is_named: true, path: None }
    }

    /// A party without a name.
    pub fn unnamed(id: &str, path: Option<String>) -> Self {
        Self { id: id.to_owned(), label: id.to_owned(), is_named: false, path }
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, Names, Party, named_actor, named_kind};

    #[test]
    fn a_party_without_a_name_shows_its_id_and_no_link() {
        let gone = Party::actor("user:mu_1", &Names::default());
        assert_eq!((gone.id.as_str(), gone.label.as_str(), gone.path), ("user:mu_1", "mu_1", None));
        assert_eq!(Party::actor("cli:root@host", &Names::default()).label, "root@host");
        assert_eq!(Party::actor("system", &Names::default()).label, "Mintery");
        assert_eq!(named_actor("client:a:b"), Some((Named::Client, "a:b".to_owned())));
        assert_eq!(
            [named_kind("api_key.revoked"), named_kind("api.created")],
            [Some(Named::ApiKey), None]
        );
    }
}
