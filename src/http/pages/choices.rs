//! Choices that several forms offer.

use super::failure::Failure;
use super::visit::Visit;
use crate::admin::api;
use crate::model::own_scope::OwnScope;
use crate::model::signing_key::SigningAlgorithm;

/// Lifetimes of a secret or a key: value and label.
pub const LIVES: [(&str, &str); 7] = [
    ("7", "7 days"),
    ("30", "30 days"),
    ("60", "60 days"),
    ("90", "90 days"),
    ("365", "1 year"),
    ("custom", "Custom…"),
    ("never", "No expiry"),
];

/// The APIs to choose from: identifier, name, and `true` if it is among those chosen. The chosen
/// ones come first, in their order: the first is the default audience.
pub async fn offered_apis(
    visit: &Visit<'_>,
    chosen: &[String],
) -> Result<Vec<(String, String, bool)>, Failure> {
    let known = if visit.visitor.may(OwnScope::ApisRead) {
        api::list(&visit.visitor.admin).await?
    } else {
        Vec::new()
    };
    let mut apis: Vec<(String, String, bool)> = Vec::new();
    for resource in chosen {
        let name = known.iter().find(|api| api.resource.as_str() == resource);
        let name = name.map_or("", |api| api.name.as_str());
        apis.push((resource.clone(), name.to_owned(), true));
    }
    let is_chosen = |resource: &str| chosen.iter().any(|chosen| chosen == resource);
    let others = known.iter().filter(|api| !is_chosen(api.resource.as_str()));
    apis.extend(others.map(|api| (api.resource.to_string(), api.name.as_str().to_owned(), false)));
    Ok(apis)
}

/// Signing algorithms of tokens: value and label.
pub fn algorithms() -> Vec<(&'static str, &'static str)> {
    let offered = SigningAlgorithm::ALL.into_iter().filter(|algorithm| !algorithm.is_symmetric());
    let named = offered.map(|algorithm| (algorithm.name(), algorithm.name()));
    [("", "API or server default")].into_iter().chain(named).collect()
}
