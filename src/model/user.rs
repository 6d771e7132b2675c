//! People, and what they may do.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::own_scope::OwnScope;
use super::resource::ResourceUri;
use super::scope::ScopeSet;
use crate::clock::Timestamp;
use crate::random::{self, Random};
use crate::secret::base62;

/// Text that is no id of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a user is mu_ and 22 letters or digits")]
pub struct InvalidUserId;

/// The id of a person: `mu_` and 22 base62 characters. No client has one like it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

impl UserId {
    /// A new id.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("mu_{}", base62::encode(&random::bytes::<16>(random), 22)).into())
    }

    /// Parses an id.
    ///
    /// # Errors
    /// When it has not the form of those that are made here.
    pub fn parse(text: &str) -> Result<Self, InvalidUserId> {
        let digits = text
            .strip_prefix("mu_")
            .filter(|digits| digits.len() == 22 && base62::is_base62(digits));
        digits.map(|_| Self(text.into())).ok_or(InvalidUserId)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for UserId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The most characters of a name that somebody logs in with.
pub const MAX_USERNAME: usize = 64;

/// Text that nobody logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a username is 1 to {MAX_USERNAME} letters, digits and any of . _ - + @, and begins with a letter or a digit"
)]
pub struct InvalidUsername;

/// The name that somebody logs in with: letters and digits of any script, and a few marks between
/// them; nothing that a page, a log or a terminal would take for something else. Two names that
/// differ in upper and lower case alone are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(Arc<str>);

impl Username {
    /// Parses a name.
    ///
    /// # Errors
    /// When it is empty or too long, or has another character.
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

    /// The name, as it was written when it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is compared by.
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

/// Text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is admin, member or viewer")]
pub struct InvalidRole;

/// What somebody is here for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// May do everything, and so hold and give every scope.
    Admin,
    /// Has API keys of their own, and sees nothing else.
    Member,
    /// Sees everything.
    Viewer,
}

impl Role {
    /// The name, for programs and for the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// The scopes of Mintery's own that go with it.
    #[must_use]
    pub fn scopes(self) -> ScopeSet {
        match self {
            Self::Admin => OwnScope::ALL.into_iter().collect(),
            Self::Member => ScopeSet::default(),
            Self::Viewer => OwnScope::ALL.into_iter().filter(|scope| scope.is_read()).collect(),
        }
    }
}

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            "viewer" => Ok(Self::Viewer),
            _ => Err(InvalidRole),
        }
    }
}

/// Text that says of nobody whether they need a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it should be nobody, admins or everybody")]
pub struct InvalidSecondFactorRule;

/// Who must have a second factor: without, they may do nothing but get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecondFactorRule {
    /// It is up to them.
    #[default]
    Nobody,
    /// Administrators.
    Admins,
    /// All of them.
    Everybody,
}

impl SecondFactorRule {
    /// Whether a user lacks one.
    #[must_use]
    pub fn is_missing(self, user: &User) -> bool {
        let is_needed = match self {
            Self::Nobody => false,
            Self::Admins => user.role == Role::Admin,
            Self::Everybody => true,
        };
        is_needed && user.second_factor_at.is_none()
    }

    /// The name, as it is set.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Admins => "admins",
            Self::Everybody => "everybody",
        }
    }
}

impl FromStr for SecondFactorRule {
    type Err = InvalidSecondFactorRule;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "nobody" => Ok(Self::Nobody),
            "admins" => Ok(Self::Admins),
            "everybody" => Ok(Self::Everybody),
            _ => Err(InvalidSecondFactorRule),
        }
    }
}

/// Somebody who can log in, without their password.
#[derive(Debug, Clone)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// What they log in with.
    pub username: Username,
    /// What they are here for.
    pub role: Role,
    /// What they may do at APIs: none of Mintery's own, which go with the role.
    pub scopes: ScopeSet,
    /// The APIs that they may use beside the default one, what their tokens are for that name none
    /// first.
    pub resources: Vec<ResourceUri>,
    /// When they were made known here.
    pub created_at: Timestamp,
    /// Since when they are disabled.
    pub disabled_at: Option<Timestamp>,
    /// Since when they are asked for a second factor; never when absent.
    pub second_factor_at: Option<Timestamp>,
}

impl User {
    /// The scopes that they hold: those that go with their role, and those that were given to them.
    #[must_use]
    pub fn held_scopes(&self) -> ScopeSet {
        if self.scopes.is_empty() {
            self.role.scopes()
        } else {
            self.role.scopes().union(&self.scopes)
        }
    }

    /// What of `scopes` they hold: an administrator all of them, of whatever API.
    #[must_use]
    pub fn most_of(&self, scopes: &ScopeSet) -> ScopeSet {
        match self.role {
            Role::Admin => scopes.clone(),
            Role::Member | Role::Viewer => scopes.intersection(&self.held_scopes()),
        }
    }

    /// Whether they may do less than they could `before`, so that a token that was made from a key
    /// of theirs then may allow more.
    #[must_use]
    pub fn may_less_than(&self, before: &Self) -> bool {
        let has_lost = |resource| !self.resources.contains(resource);
        let held = before.held_scopes();
        // An administrator has held more than what is named.
        (before.role == Role::Admin && self.role != Role::Admin)
            || self.most_of(&held) != held
            || before.resources.iter().any(has_lost)
    }

    /// Whether they may do everything, and log in to do it.
    #[must_use]
    pub fn may_administer(&self) -> bool {
        self.role == Role::Admin && self.is_enabled()
    }

    /// Whether they may log in.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, UserId, Username};
    use crate::model::own_scope::OwnScope;
    use crate::random::SystemRandom;

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

    #[test]
    fn ids_have_their_form() {
        let id = UserId::generate(&SystemRandom);
        assert_eq!(UserId::parse(id.as_str()), Ok(id));
        for bad in ["", "mu_", "mc_0000000000000000000000", "mu_000000000000000000000é"] {
            assert!(UserId::parse(bad).is_err(), "{bad}");
        }
    }
}
