//! Users and their permissions.

use std::fmt;
use std::sync::Arc;

use super::event::number::EventNumber;
use super::id::id;
use super::named::named;
use super::own_scope::OwnScope;
use super::resource::{ResourceUri, holds_all};
use super::scope::ScopeSet;
use crate::clock::Timestamp;

id!(
    /// The id of a user: `mu_` and 22 base62 characters. No client has one of this form.
    UserId,
    "mu_",
    "a user"
);

/// The maximum length of a username.
pub const MAX_USERNAME: usize = 64;

/// An invalid username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a username must be 1 to {MAX_USERNAME} letters, digits and . _ - + @, starting with a letter or digit"
)]
pub struct InvalidUsername;

/// A username: letters and digits of any script, and a few marks between them; no character that a
/// page, a log or a terminal would interpret. Comparison ignores case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(Arc<str>);

impl Username {
    /// Parses a name.
    ///
    /// # Errors
    /// If it is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let is_fine = |character: char| character.is_alphanumeric() || "._-+@".contains(character);
        if !text.starts_with(char::is_alphanumeric)
            || text.chars().count() > MAX_USERNAME
            || !text.chars().all(is_fine)
            || UserId::parse(text).is_ok()
        {
            return Err(InvalidUsername);
        }
        Ok(Self(text.into()))
    }

    /// The name as the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for comparison.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

named! {
    /// The role of a user.
    pub enum Role: "a role is" {
        /// May do everything, and so hold and grant every scope.
        Admin = "admin",
        /// Has API keys of their own, and sees nothing else.
        Member = "member",
        /// Sees everything.
        Viewer = "viewer",
    }
}

impl Role {
    /// The scopes of Mintery's own that come with the role.
    #[must_use]
    pub fn scopes(self) -> ScopeSet {
        match self {
            Self::Admin => OwnScope::ALL.into_iter().collect(),
            Self::Member => ScopeSet::default(),
            Self::Viewer => OwnScope::ALL.into_iter().filter(|scope| scope.is_read()).collect(),
        }
    }
}

named! {
    /// The users who must have a second factor: without one they can only set one up.
    #[derive(Default)]
    pub enum SecondFactorRule: "it should be" {
        /// None.
        #[default]
        Nobody = "nobody",
        /// Administrators.
        Admins = "admins",
        /// All users.
        Everybody = "everybody",
    }
}

impl SecondFactorRule {
    /// `true` if a user lacks a required one.
    #[must_use]
    pub fn is_missing(self, user: &User) -> bool {
        let is_needed = match self {
            Self::Nobody => false,
            Self::Admins => user.role == Role::Admin,
            Self::Everybody => true,
        };
        is_needed && user.second_factor_at.is_none()
    }
}

/// A user who can log in, without the password.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The username.
    pub username: Username,
    /// The role.
    pub role: Role,
    /// The API scopes. Mintery's own scopes come with the role.
    pub scopes: ScopeSet,
    /// The allowed APIs besides the default one. A token request without an API gets a token for
    /// the first.
    pub resources: Vec<ResourceUri>,
    /// The event as of which the scopes were granted at the APIs, as with clients.
    pub granted_as_of: EventNumber,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of disabling.
    pub disabled_at: Option<Timestamp>,
    /// The time since which log-in requires a second factor; absent if it does not.
    pub second_factor_at: Option<Timestamp>,
}

impl User {
    /// All scopes of the user: those of the role, and those granted individually.
    #[must_use]
    pub fn held_scopes(&self) -> ScopeSet {
        if self.scopes.is_empty() {
            self.role.scopes()
        } else {
            self.role.scopes().union(&self.scopes)
        }
    }

    /// The part of `scopes` that the user holds; an administrator holds all of any API.
    #[must_use]
    pub fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self.role {
            Role::Admin => scopes.clone(),
            Role::Member | Role::Viewer => scopes.intersection(&self.held_scopes()),
        }
    }

    /// `true` if the user holds less than `before`, so that a token exchanged for one of their keys
    /// may allow more.
    #[must_use]
    pub fn may_less_than(&self, before: &Self) -> bool {
        let held = before.held_scopes();
        // An administrator held more than the listed scopes.
        (before.role == Role::Admin && self.role != Role::Admin)
            || self.most_of(&held) != held
            || !holds_all(&self.resources, &before.resources)
    }

    /// `true` for an administrator who can log in.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        self.role == Role::Admin && self.is_enabled()
    }

    /// `true` if the user can log in.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, Username};
    use crate::model::own_scope::OwnScope;

    #[test]
    fn a_username_is_what_nothing_takes_for_something_else() {
        for good in
            ["a", "ann", "Jürgen", "ann.lee@example.com", "ops-1", "0x", "山田", &"x".repeat(64)]
        {
            assert_eq!(Username::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            "ann lee",
            " ann",
            "ann\n",
            "a\u{0}b",
            "a\u{1b}[31m",
            "<b>ann</b>",
            "ann\"",
            "ann'--",
            "a&b",
            "a/b",
            "\u{202e}nna",
            "ann\u{200f}",
            "an\u{200b}n",
            "ann\u{2066}x",
            "e\u{301}",
            "-ann",
            "@",
            "..",
            "mu_0000000000000000000000",
            &"x".repeat(65),
            &"x".repeat(10_000),
        ] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            Username::parse("JÜRGEN").unwrap().folded(),
            Username::parse("jürgen").unwrap().folded()
        );
    }

    #[test]
    fn a_role_has_its_scopes() {
        assert_eq!(Role::Admin.scopes().iter().count(), OwnScope::ALL.len());
        assert!(Role::Member.scopes().is_empty());
        let viewer = Role::Viewer.scopes();
        assert!(
            viewer.contains("mintery:users:read")
                && viewer.iter().all(|scope| scope.ends_with(":read"))
        );
        for role in [Role::Admin, Role::Member, Role::Viewer] {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("Admin".parse::<Role>().is_err());
    }
}
