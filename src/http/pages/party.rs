//! Whom and what events speak of, and whose keys are, as people know them: by a name that leads to
//! its page.

use super::failure::Failure;
use super::visit::Visit;
use super::{clients, encoded, keys, users};
use crate::admin::names::{self, Named, Names};
use crate::model::api_key::KeyOwner;

/// Somebody, or something.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// As it is recorded: what a filter takes.
    pub(super) id: String,
    /// The name; the id where nothing is called so any more.
    pub(super) label: String,
    /// Whether `label` is a name.
    pub(super) is_named: bool,
    /// Its page.
    pub(super) path: Option<String>,
}

/// What an owner of keys is, and its id.
pub(super) fn of_owner(owner: &KeyOwner) -> (Named, String) {
    let named = match owner {
        KeyOwner::Client(_) => Named::Client,
        KeyOwner::User(_) => Named::User,
    };
    (named, owner.as_str().to_owned())
}

/// What an actor is, and its id; nothing where it has none, as at a command line.
pub(super) fn of_actor(actor: &str) -> Option<(Named, String)> {
    let (kind, id) = actor.split_once(':')?;
    Some((of_kind(kind)?, id.to_owned()))
}

/// What an event of this kind is about, where that has a name.
pub(super) fn of_kind(kind: &str) -> Option<Named> {
    match kind.split_once('.').map_or(kind, |(kind, _)| kind) {
        "client" => Some(Named::Client),
        "user" => Some(Named::User),
        "api_key" => Some(Named::ApiKey),
        _ => None,
    }
}

/// The names of what has these ids, as far as whoever asks may see them.
pub(super) async fn names(
    visit: &Visit<'_>,
    mut ids: Vec<(Named, String)>,
) -> Result<Names, Failure> {
    let visitor = &visit.visitor;
    ids.retain(|(named, _)| {
        visitor.may(match named {
            Named::Client => clients::READ,
            Named::User => users::READ,
            Named::ApiKey => keys::READ,
        })
    });
    Ok(names::of(&visitor.admin, &ids).await?)
}

impl Party {
    /// What has this id. Without a name it is there no more, or not to be seen: it leads nowhere.
    pub(super) fn new(kind: Named, id: &str, names: &Names) -> Self {
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

    /// Whoever did something.
    pub(super) fn actor(actor: &str, names: &Names) -> Self {
        if let Some((named, id)) = of_actor(actor) {
            return Self { id: actor.to_owned(), ..Self::new(named, &id, names) };
        }
        let label = match actor {
            "system" => "Mintery".to_owned(),
            "secret_scanning" => "Secret scanning".to_owned(),
            other => other.strip_prefix("cli:").map_or(other, |who| who).to_owned(),
        };
        Self { id: actor.to_owned(), label, is_named: true, path: None }
    }

    /// Something without a name.
    pub(super) fn unnamed(id: &str, path: Option<String>) -> Self {
        Self { id: id.to_owned(), label: id.to_owned(), is_named: false, path }
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, Names, Party, of_actor, of_kind};

    #[test]
    fn what_has_no_name_is_told_by_its_id_and_leads_nowhere() {
        let gone = Party::actor("user:mu_1", &Names::default());
        assert_eq!((gone.id.as_str(), gone.label.as_str(), gone.path), ("user:mu_1", "mu_1", None));
        assert_eq!(Party::actor("cli:root@host", &Names::default()).label, "root@host");
        assert_eq!(Party::actor("system", &Names::default()).label, "Mintery");
        assert_eq!(of_actor("client:a:b"), Some((Named::Client, "a:b".to_owned())));
        assert_eq!(
            [of_kind("api_key.revoked"), of_kind("api.created")],
            [Some(Named::ApiKey), None]
        );
    }
}
