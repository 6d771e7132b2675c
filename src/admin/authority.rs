//! The rights of a caller, as the transaction of an act sees them. Every act that gives, changes or
//! takes something begins here: it locks its subject, and gets the proof that the store demands.

use super::{Admin, AdminError};
use crate::model::api_key::{ApiKey, KeyOwner};
use crate::model::authority::{
    ActingFor, AnyPrincipal, Authority, Lacking, ManagingKeys, Principal,
};
use crate::model::client::{Client, ClientId, ClientSecret};
use crate::model::event::Actor;
use crate::model::user::{User, UserId};
use crate::store::transaction::Tx;
use crate::store::{api, api_key, authority, client, user};

impl From<Lacking> for AdminError {
    fn from(Lacking(scopes): Lacking) -> Self {
        Self::Forbidden(scopes)
    }
}

impl Admin {
    /// The rights of the caller. Acts of principals take turns, so that each of two that change
    /// each other at once sees what the other has done.
    ///
    /// # Errors
    /// [`AdminError::Gone`] if the caller was disabled or deleted since the request began.
    pub(super) async fn authority(&self, tx: &mut Tx) -> Result<Authority, AdminError> {
        let acting = match self.actor.principal() {
            None => None,
            Some(principal) => {
                authority::take_turn(tx).await?;
                Some(self.acting(tx, &principal).await?)
            }
        };
        Ok(Authority::of(&self.actor, self.grantable.as_ref(), acting.as_ref()))
    }

    /// The same for an act that may grant scopes at APIs, or create them: such acts of any caller
    /// take turns, so that their order is that of their events.
    ///
    /// # Errors
    /// As [`Self::authority`].
    pub(super) async fn authority_to_give(&self, tx: &mut Tx) -> Result<Authority, AdminError> {
        authority::take_turn(tx).await?;
        self.authority(tx).await
    }

    async fn acting(&self, tx: &mut Tx, principal: &KeyOwner) -> Result<AnyPrincipal, AdminError> {
        if let Actor::ApiKey { key, .. } = &self.actor {
            let key = api_key::find(tx, key).await?.filter(ApiKey::is_enabled);
            key.ok_or(AdminError::Gone)?;
        }
        let mut acting = match principal {
            KeyOwner::Client(id) => {
                client::find(tx, id).await?.filter(Client::is_enabled).map(AnyPrincipal::Client)
            }
            KeyOwner::User(id) => {
                user::find(tx, id).await?.filter(User::is_enabled).map(AnyPrincipal::User)
            }
        };
        let (resources, granted_as_of) = match acting.as_mut().ok_or(AdminError::Gone)? {
            AnyPrincipal::Client(client) => (&mut client.terms.resources, client.granted_as_of),
            AnyPrincipal::User(user) => (&mut user.resources, user.granted_as_of),
        };
        // Others may have more at an API that got scopes since.
        for resource in std::mem::take(resources) {
            if api::is_as_of(tx, &resource, granted_as_of).await? {
                resources.push(resource);
            }
        }
        acting.ok_or(AdminError::Gone)
    }

    /// Locks a client that the caller may act for, with its secrets.
    ///
    /// # Errors
    /// [`AdminError::NotFound`]; [`AdminError::Forbidden`] if the caller lacks something that the
    /// client has.
    pub(super) async fn acting_for_client(
        &self,
        tx: &mut Tx,
        id: &ClientId,
    ) -> Result<(ActingFor<Client>, Vec<ClientSecret>), AdminError> {
        let authority = self.authority(tx).await?;
        let found = client::lock(tx, id).await?;
        let (client, secrets) = found.ok_or_else(|| super::client::not_found(id))?;
        Ok((authority.over(client)?, secrets))
    }

    /// Locks a client, without any right over it.
    ///
    /// # Errors
    /// [`AdminError::NotFound`].
    pub(super) async fn lock_client(
        &self,
        tx: &mut Tx,
        id: &ClientId,
    ) -> Result<Client, AdminError> {
        let found = client::lock(tx, id).await?;
        found.map(|(client, _)| client).ok_or_else(|| super::client::not_found(id))
    }

    /// Locks an owner whose API keys the caller may manage: its own ones, or those of a principal
    /// that it may act for, because a key makes its holder act as the owner.
    ///
    /// # Errors
    /// [`AdminError::Unknown`] if there is no such client or user, [`AdminError::Forbidden`] as
    /// [`Self::acting_for_client`].
    pub(super) async fn managing_keys_of(
        &self,
        tx: &mut Tx,
        owner: &KeyOwner,
    ) -> Result<(ManagingKeys<AnyPrincipal>, Authority), AdminError> {
        let authority = self.authority(tx).await?;
        let (kind, found) = match owner {
            KeyOwner::Client(id) => {
                let found = client::lock(tx, id).await?;
                ("client", found.map(|(client, _)| AnyPrincipal::Client(client)))
            }
            KeyOwner::User(id) => {
                let found = user::lock(tx, id).await?;
                ("user", found.map(|(user, _)| AnyPrincipal::User(user)))
            }
        };
        let unknown = || AdminError::Unknown(format!("{kind} {}", owner.as_str()));
        Ok((authority.over_keys_of(found.ok_or_else(unknown)?)?, authority))
    }

    /// Locks a user that the caller may act for.
    ///
    /// # Errors
    /// As [`Self::acting_for_client`].
    pub(super) async fn acting_for_user(
        &self,
        tx: &mut Tx,
        id: &UserId,
    ) -> Result<ActingFor<User>, AdminError> {
        let authority = self.authority(tx).await?;
        let (user, _) = user::lock(tx, id).await?.ok_or_else(|| super::user::not_found(id))?;
        Ok(authority.over(user)?)
    }

    /// Rejects, before an expensive hash, a caller that may certainly not act for `principal`. It
    /// proves nothing: the transaction decides.
    ///
    /// # Errors
    /// As [`Self::acting_for_client`].
    pub(super) async fn precheck<P: Principal>(&self, principal: P) -> Result<(), AdminError> {
        let acting = match self.actor.principal() {
            None => None,
            Some(KeyOwner::Client(id)) => {
                let found = client::by_id(self.store.database(), &id).await?;
                Some(
                    found
                        .map(|(client, _)| AnyPrincipal::Client(client))
                        .ok_or(AdminError::Gone)?,
                )
            }
            Some(KeyOwner::User(id)) => {
                let found = user::by_id(self.store.database(), &id).await?;
                Some(found.map(AnyPrincipal::User).ok_or(AdminError::Gone)?)
            }
        };
        let authority = Authority::of(&self.actor, self.grantable.as_ref(), acting.as_ref());
        authority.over(principal)?;
        Ok(())
    }
}
