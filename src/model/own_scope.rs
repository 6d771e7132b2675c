//! The scopes of Mintery's own API. They are never granted by default, and are valid at the issuer's
//! own API alone. To add one: a line below, an arm of [`OwnScope::is_read`], the route that demands
//! it, a row in `docs/reference/http.md`, and `make reference`.

use super::named::described;
use super::scope::ScopeSet;

described! {
    /// A scope of Mintery's own: a resource, and the access to it.
    pub enum OwnScope: "a scope of Mintery's own is" {
        ApisRead = "mintery:apis:read": "Read APIs.",
        ApisWrite = "mintery:apis:write": "Change APIs, and choose the APIs of clients and users.",
        ClientsRead = "mintery:clients:read": "Read clients and the metadata of their secrets.",
        ClientsWrite = "mintery:clients:write": "Change clients and their secrets.",
        EventsRead = "mintery:events:read": "Read the event log.",
        Introspect = "mintery:introspect": "Introspect the tokens of every client and API.",
        KeysRead = "mintery:keys:read": "Read the API keys of any owner.",
        KeysVerify = "mintery:keys:verify": "Verify the API keys that a service receives from its callers.",
        KeysWrite = "mintery:keys:write": "Change the API keys of any owner.",
        SigningKeysRead = "mintery:signing-keys:read": "Read signing keys.",
        SigningKeysWrite = "mintery:signing-keys:write": "Rotate and retire signing keys.",
        UsageRead = "mintery:usage:read": "Read usage counts.",
        UsersRead = "mintery:users:read": "Read users.",
        UsersWrite = "mintery:users:write": "Change users.",
    }
}

impl OwnScope {
    /// True if `scopes` contains it.
    #[must_use]
    pub fn is_in(self, scopes: &ScopeSet) -> bool {
        scopes.contains(self.name())
    }

    /// True if it allows reading alone.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::ApisRead
            | Self::ClientsRead
            | Self::EventsRead
            | Self::KeysRead
            | Self::SigningKeysRead
            | Self::UsageRead
            | Self::UsersRead => true,
            Self::ApisWrite
            | Self::ClientsWrite
            | Self::Introspect
            | Self::KeysVerify
            | Self::KeysWrite
            | Self::SigningKeysWrite
            | Self::UsersWrite => false,
        }
    }
}

impl FromIterator<OwnScope> for ScopeSet {
    fn from_iter<T: IntoIterator<Item = OwnScope>>(scopes: T) -> Self {
        let names: Vec<&str> = scopes.into_iter().map(OwnScope::name).collect();
        // Each name is a scope token.
        Self::parse(&names.join(" ")).unwrap_or_default()
    }
}

impl From<OwnScope> for ScopeSet {
    fn from(scope: OwnScope) -> Self {
        Self::from_iter([scope])
    }
}

#[cfg(test)]
mod tests {
    use super::OwnScope;
    use crate::model::scope::{OWN_PREFIX, ScopeSet};
    use crate::model::user::Role;

    #[test]
    fn each_is_one_token_with_the_prefix() {
        for scope in OwnScope::ALL {
            assert!(scope.name().starts_with(OWN_PREFIX), "{scope}");
            assert_eq!(scope.name().parse(), Ok(scope));
            let set = ScopeSet::from(scope);
            assert_eq!(set.as_str(), scope.name());
            assert!(set.has_own() && scope.is_in(&set));
            assert_eq!(scope.is_read(), scope.name().ends_with(":read"), "{scope}");
        }
        assert_eq!(ScopeSet::from_iter(OwnScope::ALL).iter().count(), OwnScope::ALL.len());
    }

    #[test]
    fn roles_hold_what_they_may_do() {
        for scope in OwnScope::ALL {
            assert!(scope.is_in(&Role::Admin.scopes()), "{scope}");
            assert_eq!(scope.is_in(&Role::Viewer.scopes()), scope.is_read(), "{scope}");
        }
        assert!(Role::Member.scopes().is_empty());
    }

    #[test]
    fn the_reference_documents_each() {
        let reference = include_str!("../../docs/reference/http.md");
        let rows = || reference.lines().filter(|line| line.starts_with("| `mintery:"));
        for scope in OwnScope::ALL {
            // The scope of an OAuth endpoint, documented with introspection.
            if scope == OwnScope::Introspect {
                let tokens = include_str!("../../docs/concepts/tokens.md");
                assert!(tokens.contains(scope.name()), "{scope}");
                continue;
            }
            // `mintery:clients:read`, `:write` share a row.
            let (resource, access) = scope.name().rsplit_once(':').unwrap();
            let is_named = |row: &str| {
                let first = row.split('|').nth(1).unwrap();
                first.contains(&format!("`{resource}:")) && first.contains(&format!(":{access}`"))
            };
            assert!(rows().any(is_named), "{scope}");
        }
    }
}
