//! The navigation of the dashboard: sections, links to them, and notices after a change.

use crate::model::own_scope::OwnScope;

/// A section of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Keys,
    Clients,
    Apis,
    SigningKeys,
    Activity,
    Users,
    Settings,
    Sessions,
}

impl Section {
    /// The section below `/dashboard/{name}`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "keys" => Self::Keys,
            "clients" => Self::Clients,
            "apis" => Self::Apis,
            "signing-keys" => Self::SigningKeys,
            "activity" => Self::Activity,
            "users" => Self::Users,
            "settings" => Self::Settings,
            "sessions" => Self::Sessions,
            _ => return None,
        })
    }
}

/// A link of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Below the path of the issuer.
    pub path: &'static str,
    pub label: &'static str,
    pub section: Section,
    /// The path of an SVG of 18 by 18.
    pub icon: &'static str,
    /// The scope that its page requires.
    needs: Option<OwnScope>,
}

/// Links under one title.
#[derive(Debug)]
pub struct LinkGroup {
    /// Empty for the first.
    pub title: &'static str,
    pub links: Vec<Link>,
}

const fn link(
    path: &'static str,
    label: &'static str,
    section: Section,
    needs: Option<OwnScope>,
    icon: &'static str,
) -> Link {
    Link { path, label, section, icon, needs }
}

const LINKS: &[(&str, &[Link])] = &[
    (
        "",
        &[
            link(
                "/dashboard",
                "Overview",
                Section::Overview,
                None,
                "M2.5 9.500 9 3l6.500 6.500M4.500 8v7h9V8",
            ),
            link(
                "/dashboard/keys",
                "API keys",
                Section::Keys,
                None,
                "M11.500 6.500a4 4 0 1 1-2-3.460M8.600 8.600 15.500 15.500M13 13l1.500-1.500",
            ),
            link(
                "/dashboard/clients",
                "Clients",
                Section::Clients,
                Some(OwnScope::ClientsRead),
                "M3 4.500h12v8H3zM6 15.500h6M9 12.500v3",
            ),
            link(
                "/dashboard/apis",
                "APIs",
                Section::Apis,
                Some(OwnScope::ApisRead),
                "M6 5 2.500 9 6 13M12 5l3.500 4-3.500 4M10 3.500l-2 11",
            ),
            link(
                "/dashboard/signing-keys",
                "Signing keys",
                Section::SigningKeys,
                Some(OwnScope::SigningKeysRead),
                "M3 13.500c2-6 4-9 5.500-9s1 9 2.500 9 2-3 4-3M3 16h12",
            ),
            link(
                "/dashboard/activity",
                "Activity",
                Section::Activity,
                Some(OwnScope::EventsRead),
                "M2.500 9.500h3l2-5.500 3 10 2-4.500h3",
            ),
            link(
                "/dashboard/users",
                "Users",
                Section::Users,
                Some(OwnScope::UsersRead),
                "M9 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 15.500c.5-3 3-4.500 6-4.500s5.500 1.500 6 4.500",
            ),
        ],
    ),
    (
        "Your account",
        &[
            link(
                "/dashboard/sessions",
                "Sessions",
                Section::Sessions,
                None,
                "M2.500 4h13v8h-13zM6.500 15h5",
            ),
            link(
                "/dashboard/settings",
                "Settings",
                Section::Settings,
                None,
                "M2.500 5.500h7M13 5.500h2.500M2.500 12.500H5M8.500 12.500h7M11 3.500v4M7 10.500v4",
            ),
        ],
    ),
];

/// The links whose scope `may` allows.
pub fn links(may: impl Fn(OwnScope) -> bool) -> Vec<LinkGroup> {
    let group = |(title, links): &(&'static str, &[Link])| LinkGroup {
        title,
        links: links.iter().filter(|link| link.needs.is_none_or(&may)).copied().collect(),
    };
    LINKS.iter().map(group).collect()
}

/// The notice named `done` in an address. No text of the address itself is shown: anyone can write
/// one.
pub fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "saved" => "Changes saved.",
        "created" => "Created.",
        "enabled" => "Enabled.",
        "disabled" => "Disabled. Requests with it now fail with 401.",
        "revoked" => "API key revoked. Requests with it now fail with 401.",
        "deleted" => "Deleted.",
        "secret-revoked" => "Secret revoked, with the tokens issued for it.",
        "tokens-revoked" => "Tokens revoked.",
        "rotated" => "The next signing key is created and published.",
        "password" => "Password changed. All your other sessions have ended.",
        "password-set" => "Password set. All sessions of this user have ended.",
        "factor-removed" => "Second factor removed.",
        "user-enabled" => "User enabled.",
        "user-disabled" => "User disabled. All their sessions have ended.",
        "user-sessions-ended" => "All sessions of this user have ended.",
        "session-ended" => "Session ended.",
        "sessions-ended" => "All your other sessions have ended.",
        "retired" => "Signing key revoked, with every token it signed.",
        _ => return None,
    })
}
