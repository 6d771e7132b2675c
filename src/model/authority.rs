//! The rights of a caller over principals (clients and users). The holder of a credential of a
//! principal acts as it, so a caller needs all that the principal has: its scopes, its APIs, and
//! the APIs that it stands for. [`Authority`] decides that, in one function. Its results,
//! [`ActingFor`] and [`ManagingKeys`], have no other constructor, and the store demands them for
//! each write that gives, changes or takes something.

use std::ops::Deref;

use super::api_key::KeyOwner;
use super::client::Client;
use super::event::Actor;
use super::own_scope::OwnScope;
use super::resource::{ResourceUri, holds_all};
use super::scope::ScopeSet;
use super::user::{Role, User};

/// A client or user, with all that it has.
pub trait Principal {
    /// The id and the kind.
    fn identity(&self) -> KeyOwner;

    /// The role, which brings scopes of Mintery's own.
    fn role(&self) -> Option<Role>;

    /// The scopes besides those of the role.
    fn scopes(&self) -> &ScopeSet;

    /// The APIs besides the default one.
    fn resources(&self) -> &[ResourceUri];

    /// The APIs whose tokens it may introspect.
    fn stands_for(&self) -> &[ResourceUri];

    /// True if the principal has a scope or an API that it did not have `before`.
    fn gets_more_than(&self, before: &Self) -> bool
    where
        Self: Sized,
    {
        !self.scopes().is_subset_of(before.scopes())
            || !holds_all(before.resources(), self.resources())
    }
}

impl Principal for Client {
    fn identity(&self) -> KeyOwner {
        KeyOwner::Client(self.id.clone())
    }

    fn role(&self) -> Option<Role> {
        None
    }

    fn scopes(&self) -> &ScopeSet {
        &self.terms.scopes
    }

    fn resources(&self) -> &[ResourceUri] {
        &self.terms.resources
    }

    fn stands_for(&self) -> &[ResourceUri] {
        &self.terms.stands_for
    }
}

impl Principal for User {
    fn identity(&self) -> KeyOwner {
        KeyOwner::User(self.id.clone())
    }

    fn role(&self) -> Option<Role> {
        Some(self.role)
    }

    fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    fn resources(&self) -> &[ResourceUri] {
        &self.resources
    }

    fn stands_for(&self) -> &[ResourceUri] {
        &[]
    }
}

/// The scopes that a caller lacks for an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking(pub ScopeSet);

/// A principal of either kind.
#[derive(Debug)]
pub enum AnyPrincipal {
    /// A client.
    Client(Client),
    /// A user.
    User(User),
}

impl AnyPrincipal {
    /// The scopes of a new API key that names none.
    #[must_use]
    pub fn default_scopes(&self) -> ScopeSet {
        match self {
            Self::Client(client) => client.terms.effective_default_scopes(),
            // The scopes of a role are Mintery's own, and never a default.
            Self::User(user) => user.scopes.clone(),
        }
    }

    /// The part of `scopes` that the principal holds.
    #[must_use]
    pub fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self {
            Self::Client(client) => scopes.intersection(&client.terms.scopes),
            Self::User(user) => user.most_of(scopes),
        }
    }

    /// The part of `scopes` that the principal lacks.
    #[must_use]
    pub fn lacks(&self, scopes: &ScopeSet) -> ScopeSet {
        scopes.minus(&self.most_of(scopes))
    }

    fn as_principal(&self) -> &dyn Principal {
        match self {
            Self::Client(client) => client,
            Self::User(user) => user,
        }
    }
}

impl Principal for AnyPrincipal {
    fn identity(&self) -> KeyOwner {
        self.as_principal().identity()
    }

    fn role(&self) -> Option<Role> {
        self.as_principal().role()
    }

    fn scopes(&self) -> &ScopeSet {
        self.as_principal().scopes()
    }

    fn resources(&self) -> &[ResourceUri] {
        self.as_principal().resources()
    }

    fn stands_for(&self) -> &[ResourceUri] {
        self.as_principal().stands_for()
    }
}

/// The rights of a caller.
#[derive(Debug)]
pub struct Authority {
    principal: Option<KeyOwner>,
    /// The caller is a user in a session, and so has all that the user has.
    is_session: bool,
    /// The rights; absent if they are unlimited.
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    scopes: ScopeSet,
    resources: Vec<ResourceUri>,
    stands_for: Vec<ResourceUri>,
}

impl Authority {
    /// The rights of `actor`, which is the principal `acting`. Its credential allows `scopes`; absent
    /// scopes limit nothing, and scopes that the principal has lost do not count.
    #[must_use]
    pub fn of(actor: &Actor, scopes: Option<&ScopeSet>, acting: Option<&AnyPrincipal>) -> Self {
        let held = match (scopes, acting) {
            (None, None) => None,
            (Some(scopes), None) => {
                Some(Held { scopes: scopes.clone(), resources: Vec::new(), stands_for: Vec::new() })
            }
            (None, Some(AnyPrincipal::User(user))) if user.role == Role::Admin => None,
            (scopes, Some(AnyPrincipal::User(user))) => Some(Held {
                scopes: scopes.map_or_else(|| user.held_scopes(), |scopes| user.most_of(scopes)),
                resources: user.resources.clone(),
                stands_for: Vec::new(),
            }),
            (scopes, Some(AnyPrincipal::Client(client))) => Some(Held {
                scopes: scopes.map_or_else(ScopeSet::default, |scopes| {
                    scopes.intersection(&client.terms.scopes)
                }),
                resources: client.terms.resources.clone(),
                stands_for: client.terms.stands_for.clone(),
            }),
        };
        Self { principal: actor.principal(), is_session: matches!(actor, Actor::User(_)), held }
    }

    /// Decides whether the caller may act for `principal`.
    ///
    /// # Errors
    /// The scopes that the caller lacks; [`OwnScope::ApisWrite`] if the principal has an API that
    /// the caller does not have.
    pub fn over<P: Principal>(&self, principal: P) -> Result<ActingFor<P>, Lacking> {
        let is_own_session = self.is_session && self.is(&principal);
        if !is_own_session {
            self.holds_all_of(&principal)?;
        }
        Ok(ActingFor(principal))
    }

    /// Decides whether the caller may manage the API keys of `owner`: its own ones, or those of a
    /// principal that it may act for.
    ///
    /// # Errors
    /// As [`Self::over`].
    pub fn over_keys_of<P: Principal>(&self, owner: P) -> Result<ManagingKeys<P>, Lacking> {
        if !self.is(&owner) {
            self.holds_all_of(&owner)?;
        }
        Ok(ManagingKeys(owner))
    }

    /// Decides whether the caller may create `principal`. Choosing its APIs requires the
    /// right to manage APIs.
    ///
    /// # Errors
    /// As [`Self::over`].
    pub fn to_create<P: Principal>(&self, principal: P) -> Result<ActingFor<P>, Lacking> {
        self.holds_all_of(&principal)?;
        if !principal.resources().is_empty() || !principal.stands_for().is_empty() {
            self.manages_apis()?;
        }
        Ok(ActingFor(principal))
    }

    /// Decides whether the caller may turn a principal that it may act for into `after`.
    /// `is_regrant` gives it each of its scopes at each of its APIs anew. New APIs, and more scopes
    /// at an API, require the right to manage APIs.
    ///
    /// # Errors
    /// As [`Self::over`].
    pub fn to_change<P: Principal>(
        &self,
        before: ActingFor<P>,
        after: P,
        is_regrant: bool,
    ) -> Result<ActingFor<P>, Lacking> {
        let ActingFor(before) = before;
        self.holds_all_of(&after)?;
        let gets_more = is_regrant || !after.scopes().is_subset_of(before.scopes());
        if !holds_all(before.resources(), after.resources())
            || !holds_all(before.stands_for(), after.stands_for())
            || (gets_more && !after.resources().is_empty())
        {
            self.manages_apis()?;
        }
        Ok(ActingFor(after))
    }

    /// Decides whether the caller may grant `scopes`.
    ///
    /// # Errors
    /// Those that the caller lacks.
    pub fn to_grant(&self, scopes: &ScopeSet) -> Result<(), Lacking> {
        match &self.held {
            Some(held) if !scopes.is_subset_of(&held.scopes) => {
                Err(Lacking(scopes.minus(&held.scopes)))
            }
            _ => Ok(()),
        }
    }

    /// Decides whether the caller may give a role, or stop a user that has it.
    ///
    /// # Errors
    /// The scopes of the role that the caller lacks. An administrator may grant any scope, so only
    /// an unlimited caller has a say.
    pub fn over_role(&self, role: Role) -> Result<(), Lacking> {
        match role {
            Role::Admin if self.held.is_some() => Err(Lacking(role.scopes())),
            Role::Admin | Role::Member | Role::Viewer => self.to_grant(&role.scopes()),
        }
    }

    /// Decides whether the caller may end the sessions of a user: its own ones, or those of a role
    /// that it has a say over, as to disable the user.
    ///
    /// # Errors
    /// As [`Self::over_role`].
    pub fn to_log_out(&self, user: &User) -> Result<(), Lacking> {
        if self.is_session && self.is(user) { Ok(()) } else { self.over_role(user.role) }
    }

    fn is(&self, principal: &impl Principal) -> bool {
        self.principal.as_ref().is_some_and(|own| *own == principal.identity())
    }

    /// The decision of this module: the caller holds all that `principal` has.
    fn holds_all_of(&self, principal: &impl Principal) -> Result<(), Lacking> {
        if let Some(role) = principal.role() {
            self.over_role(role)?;
        }
        self.to_grant(principal.scopes())?;
        let Some(held) = &self.held else { return Ok(()) };
        if holds_all(&held.resources, principal.resources())
            && holds_all(&held.stands_for, principal.stands_for())
        {
            return Ok(());
        }
        self.manages_apis()
    }

    fn manages_apis(&self) -> Result<(), Lacking> {
        self.to_grant(&OwnScope::ApisWrite.into())
    }
}

/// A principal that the caller may act for.
#[derive(Debug)]
pub struct ActingFor<P>(P);

/// An owner whose API keys the caller may manage.
#[derive(Debug)]
pub struct ManagingKeys<P>(P);

impl<P> ActingFor<P> {
    /// The principal.
    #[must_use]
    pub fn into_inner(self) -> P {
        self.0
    }
}

impl<P> Deref for ActingFor<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}

impl<P> Deref for ManagingKeys<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.0
    }
}
