//! People.

use std::sync::Arc;

use super::{Admin, AdminError};
use crate::model::event::Event;
use crate::model::user::{Role, User, UserId, Username};
use crate::secret::hash::SecretHash;
use crate::secret::password::Password;
use crate::secret::pool::{Busy, Lane};
use crate::store::{StoreError, user};

/// What a user is made of.
#[derive(Debug)]
pub struct NewUser {
    /// What they log in with.
    pub username: Username,
    /// What they are here for.
    pub role: Role,
    /// What they log in with besides.
    pub password: Password,
}

/// Makes somebody known.
///
/// # Errors
/// [`AdminError::Exists`] when the name is taken, [`AdminError::Forbidden`] when the caller does not hold what goes with the role.
pub async fn create(admin: &Admin, new: NewUser) -> Result<User, AdminError> {
    admin.may_give_role(new.role)?;
    let user = User {
        id: UserId::generate(&*admin.random),
        username: new.username,
        role: new.role,
        created_at: admin.clock.now(),
        disabled_at: None,
    };
    let (row, password) = (user.clone(), hash(admin, &new.password).await?);
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            user::insert(tx, &row, &password).await.map_err(|error| match error {
                StoreError::Conflict => AdminError::Exists(format!("user {}", row.username)),
                other => other.into(),
            })?;
            Ok(((), Event::UserCreated { user: row.id, username: row.username, role: row.role }))
        })
    });
    change.await?;
    Ok(user)
}

/// Somebody.
///
/// # Errors
/// [`AdminError::NotFound`] when there is nobody of this id.
pub async fn show(admin: &Admin, id: &UserId) -> Result<User, AdminError> {
    user::by_id(admin.store.database(), id).await?.ok_or_else(|| not_found(id))
}

impl Admin {
    /// Nobody gives a role that goes with more than they hold.
    pub(super) fn may_give_role(&self, role: Role) -> Result<(), AdminError> {
        match role {
            // Who has it may give any scope to anybody.
            Role::Admin if self.grantable.is_some() => Err(AdminError::Forbidden(role.scopes())),
            role => self.may_grant(&role.scopes()),
        }
    }
}

pub(super) fn not_found(id: &UserId) -> AdminError {
    AdminError::NotFound(format!("user {id}"))
}

/// Where that keeps nobody waiting who does not hash.
async fn hash(admin: &Admin, password: &Password) -> Result<SecretHash, AdminError> {
    let (plain, random) = (password.secret().clone(), Arc::clone(&admin.random));
    let hash = move |memory: &mut _| SecretHash::of(&plain, &*random, memory);
    let outcome = admin.hashing.submit(Lane::Administration, hash)?;
    Ok(outcome.await.map_err(|_| Busy)??)
}
