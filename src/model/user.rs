//! People, and what they may do.

use std::fmt;
use std::sync::Arc;

use super::id::id;
use super::named::named;
use super::own_scope::OwnScope;
use super::resource::ResourceUri;
use super::scope::ScopeSet;
use crate::clock::Timestamp;

id!(
    /// The id of a user: `mu_` and 22 base62 characters. No client has one of this form.
    UserId,
    "mu_",
    "a user"
);

/// The most characters of a name that somebody logs in with.
pub const MAX_USERNAME: usize = 64;

/// Text that nobody logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a username must be 1 to {MAX_USERNAME} letters, digits and . _ - + @, starting with a letter or digit"
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

named! {
    /// The users who must have a second factor: without one they may only enroll one.
    #[derive(Default)]
    pub enum SecondFactorRule: "it should be" {
        /// No user has to.
        #[default]
        Nobody = "nobody",
        /// Administrators.
        Admins = "admins",
        /// All users.
        Everybody = "everybody",
    }
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
