//! Sessions as pages show them.

use super::display::ShownTime;
use crate::clock::Timestamp;
use crate::model::session::{Session, SessionId};

/// A session of a page.
pub struct SessionView {
    pub id: SessionId,
    pub browser: String,
    pub address: Option<String>,
    pub since: ShownTime,
    pub seen: ShownTime,
    pub ends: ShownTime,
    /// `true` for the session of the request.
    pub is_own: bool,
}

impl SessionView {
    pub fn new(session: &Session, own: &SessionId, now: Timestamp) -> Self {
        let shown = |at| ShownTime::new(at, now);
        Self {
            id: session.id.clone(),
            browser: browser_name(&session.user_agent),
            address: session.address.map(|address| address.to_string()),
            since: shown(session.created_at),
            seen: shown(session.seen_at),
            ends: shown(session.expires_at),
            is_own: session.id == *own,
        }
    }
}

/// The name of the browser in a `User-Agent`; the whole of it if it names none.
fn browser_name(user_agent: &str) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&NAMES), find(&SYSTEMS)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ if user_agent.trim().is_empty() => "Unknown browser".to_owned(),
        _ => user_agent.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser_name;

    #[test]
    fn a_browser_has_its_common_name() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36";
        assert_eq!(browser_name(chrome), "Chrome on Linux");
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 20_0 like Mac OS X) AppleWebKit/605 Version/20 Safari/604";
        assert_eq!(browser_name(safari), "Safari on iPhone");
        assert_eq!(
            [browser_name("curl/8.5"), browser_name("bot"), browser_name(" ")],
            ["curl", "bot", "Unknown browser"]
        );
    }
}
