//! Client metadata that an administrator sets: every field is declared once, in the list below. To
//! add one: a line in the list, a rule in [`ClientTerms::validate`], its column in
//! `store/client_row.rs`, its member in `admin/json/client_terms.rs`; the compiler names the other
//! places, which are the flags of the command line and the form of the dashboard.

use std::time::Duration;

use super::grant_type::GrantType;
use crate::model::name::DisplayName;
use crate::model::patch::Patch;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;
use crate::model::signing_key::SigningAlgorithm;
use crate::model::usage::MAX_LIMIT;

/// The maximum number of APIs that a client is registered for, and that it represents.
pub const MAX_RESOURCES: usize = 32;

/// The maximum length of a scope list in bytes: a token with all of them must stay usable.
pub const MAX_SCOPE_LEN: usize = 4096;

/// The maximum lifetime of a token. For more there are other credentials.
pub const MAX_TOKEN_TTL: Duration = Duration::from_hours(24 * 30);

/// Defines [`ClientTerms`] and [`ClientUpdate`] from one list of fields: `name`, `required` ones
/// with the value of a new client that names none, and `optional` ones.
macro_rules! terms {
    (
        required {
            $(#[$name_doc:meta])* $name:ident: $name_type:ty,
            $($(#[$required_doc:meta])* $required:ident: $required_type:ty = $default:expr,)+
        }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)+ }
    ) => {
        /// The metadata of a client that an administrator sets.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct ClientTerms {
            $(#[$name_doc])*
            pub $name: $name_type,
            $($(#[$required_doc])* pub $required: $required_type,)+
            $($(#[$optional_doc])* pub $optional: Option<$optional_type>,)+
        }

        /// A change of [`ClientTerms`]. Absent fields stay as they are; `Patch::Clear` removes an
        /// optional one.
        #[derive(Debug, Clone, Default)]
        pub struct ClientUpdate {
            $(#[$name_doc])*
            pub $name: Option<$name_type>,
            $($(#[$required_doc])* pub $required: Option<$required_type>,)+
            $($(#[$optional_doc])* pub $optional: Patch<$optional_type>,)+
            /// The version of the client that the caller has seen. The change is rejected if the
            /// current one differs.
            pub seen: Option<String>,
            /// Grants the client each of its scopes at each of its APIs anew, also those that an
            /// API got since.
            pub regrant: bool,
            /// Revokes all tokens of the client, also if the change takes nothing away.
            pub revoke_tokens: bool,
        }

        impl ClientTerms {
            /// The terms of a new client that names none.
            #[must_use]
            pub fn new($name: $name_type) -> Self {
                Self { $name, $($required: $default,)+ $($optional: None,)+ }
            }
        }

        impl ClientUpdate {
            /// The changed terms.
            #[must_use]
            pub fn apply(self, before: ClientTerms) -> ClientTerms {
                ClientTerms {
                    $name: self.$name.unwrap_or(before.$name),
                    $($required: self.$required.unwrap_or(before.$required),)+
                    $($optional: self.$optional.apply(before.$optional),)+
                }
            }
        }
    };
}

terms! {
    required {
        /// The display name.
        name: DisplayName,
        /// All scopes that the client may request.
        scopes: ScopeSet = ScopeSet::default(),
        /// The grants that the client may use; empty for a client that only introspects.
        grants: Vec<GrantType> = vec![GrantType::ClientCredentials],
        /// The APIs that the client may request tokens for, besides the default one. The first is
        /// the audience of a request that names none.
        resources: Vec<ResourceUri> = Vec::new(),
        /// The APIs that the client represents: it may introspect tokens for them.
        stands_for: Vec<ResourceUri> = Vec::new(),
    }
    optional {
        /// The scopes of a request that names none. If absent: all of `scopes` but Mintery's own.
        default_scopes: ScopeSet,
        /// The signature algorithm of its tokens. If absent: as the API or the settings say.
        token_alg: SigningAlgorithm,
        /// The signature algorithm of introspection responses. If absent:
        /// [`DEFAULT_INTROSPECTION_ALG`](super::DEFAULT_INTROSPECTION_ALG).
        introspection_alg: SigningAlgorithm,
        /// The lifetime of its tokens. If absent: as the API or the settings say.
        token_ttl: Duration,
        /// The maximum number of tokens per hour. If absent: unlimited.
        max_tokens_per_hour: u64,
    }
}

/// Terms that contradict each other or exceed a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClientTerms {
    /// The scope list is too long.
    #[error("the scopes of a client must have at most {MAX_SCOPE_LEN} bytes")]
    ScopesTooLong,
    /// Default scopes that the client may not request.
    #[error("the client does not have the default scope {0}")]
    DefaultNotHeld(ScopeSet),
    /// Default scopes of Mintery's own.
    #[error("Mintery's own scopes cannot be default scopes")]
    OwnDefault,
    /// Too many resources.
    #[error("a client can have at most {MAX_RESOURCES} resources")]
    TooManyResources,
    /// Too many represented APIs.
    #[error("a client can stand for at most {MAX_RESOURCES} APIs")]
    TooManyRepresented,
    /// HS256 for introspection responses.
    #[error("introspection responses cannot be signed with HS256")]
    SymmetricIntrospection,
    /// HS256 for the tokens of one client.
    #[error("HS256 cannot be set per client; use the setting `token.alg`")]
    SymmetricToken,
    /// A token lifetime of zero, or too long.
    #[error("the token lifetime must be from 1 to {} seconds", MAX_TOKEN_TTL.as_secs())]
    TokenTtl,
    /// A limit of zero, or too high.
    #[error("the limit must be from 1 to {MAX_LIMIT} tokens per hour")]
    Limit,
}

impl ClientTerms {
    /// Checks the terms on their own, without knowledge of APIs and keys.
    ///
    /// # Errors
    /// The first violated rule.
    pub fn validate(&self) -> Result<(), InvalidClientTerms> {
        let invalid = if self.scopes.as_str().len() > MAX_SCOPE_LEN {
            InvalidClientTerms::ScopesTooLong
        } else if let Some(missing) = self.default_scopes_not_held() {
            InvalidClientTerms::DefaultNotHeld(missing)
        } else if self.default_scopes.as_ref().is_some_and(ScopeSet::has_own) {
            InvalidClientTerms::OwnDefault
        } else if self.resources.len() > MAX_RESOURCES {
            InvalidClientTerms::TooManyResources
        } else if self.stands_for.len() > MAX_RESOURCES {
            InvalidClientTerms::TooManyRepresented
        } else if self.introspection_alg.is_some_and(SigningAlgorithm::is_symmetric) {
            InvalidClientTerms::SymmetricIntrospection
        } else if self.token_alg.is_some_and(SigningAlgorithm::is_symmetric) {
            InvalidClientTerms::SymmetricToken
        } else if self.token_ttl.is_some_and(|ttl| ttl.is_zero() || ttl > MAX_TOKEN_TTL) {
            InvalidClientTerms::TokenTtl
        } else if self.max_tokens_per_hour.is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit)) {
            InvalidClientTerms::Limit
        } else {
            return Ok(());
        };
        Err(invalid)
    }

    /// True if the terms are the same. The order of grants, and of the APIs that the client stands
    /// for, means nothing; the first of its resources is the default audience.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let sorted = |terms: &Self| {
            let mut terms = terms.clone();
            terms.stands_for.sort_unstable();
            terms.grants.sort_unstable_by_key(|grant| grant.name());
            terms
        };
        sorted(self) == sorted(other)
    }

    fn default_scopes_not_held(&self) -> Option<ScopeSet> {
        let missing = self.default_scopes.as_ref()?.minus(&self.scopes);
        (!missing.is_empty()).then_some(missing)
    }

    /// The scopes of a request that names none: never Mintery's own, and never more than the
    /// client may request.
    #[must_use]
    pub fn effective_default_scopes(&self) -> ScopeSet {
        self.default_scopes.as_ref().map_or_else(
            || self.scopes.without_own(),
            |defaults| defaults.intersection(&self.scopes).without_own(),
        )
    }
}
