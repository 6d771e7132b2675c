//! Owners of API keys, and the right to manage their keys. Callers manage their own keys. For keys
//! of others they need all scopes of the owner, because a key makes its holder act as the owner.

use crate::admin::{Admin, AdminError};
use crate::model::api_key::KeyOwner;
use crate::model::client::Client;
use crate::model::scope::ScopeSet;
use crate::model::user::User;
use crate::store::transaction::Tx;
use crate::store::{client, user};

/// The owner of a key.
pub(super) enum Owner {
    Client(Client),
    User(User),
}

/// Locks the owner against other changes until the transaction ends.
///
/// # Errors
/// [`AdminError::Unknown`] if there is no such client or user.
pub(super) async fn lock_owner(tx: &mut Tx, owner: &KeyOwner) -> Result<Owner, AdminError> {
    match owner {
        KeyOwner::Client(id) => {
            let found = client::lock(tx, id).await?;
            let (client, _) = found.ok_or_else(|| AdminError::Unknown(format!("client {id}")))?;
            Ok(Owner::Client(client))
        }
        KeyOwner::User(id) => {
            let found = user::lock(tx, id).await?;
            let (user, _) = found.ok_or_else(|| AdminError::Unknown(format!("user {id}")))?;
            Ok(Owner::User(user))
        }
    }
}

impl Owner {
    /// The scopes of a new key that names none.
    pub(super) fn default_scopes(&self) -> ScopeSet {
        match self {
            Self::Client(client) => client.terms.effective_default_scopes(),
            // The scopes of a role are Mintery's own, and never a default.
            Self::User(user) => user.scopes.clone(),
        }
    }

    /// The part of `scopes` that the owner holds.
    pub(super) fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self {
            Self::Client(client) => scopes.intersection(&client.terms.scopes),
            Self::User(user) => user.most_of(scopes),
        }
    }

    /// The part of `scopes` that the owner lacks.
    pub(super) fn lacks(&self, scopes: &ScopeSet) -> ScopeSet {
        scopes.minus(&self.most_of(scopes))
    }
}

impl Admin {
    /// Rejects the management of another principal's keys without all of its scopes.
    pub(super) fn may_manage_keys_of(
        &self,
        owner: &Owner,
        id: &KeyOwner,
    ) -> Result<(), AdminError> {
        if self.actor.principal().is_some_and(|own| own == *id) {
            return Ok(());
        }
        match owner {
            Owner::Client(client) => self.may_grant(&client.terms.scopes),
            Owner::User(user) => self.may_decide_about(user),
        }
    }
}
