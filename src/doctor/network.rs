//! Checks of the issuer and the listeners.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::oneshot;

use super::Finding;
use crate::config::Settings;
use crate::server::bind;
use mintery_verifier::fetch::Document;
use mintery_verifier::{Fetch as _, FetchError, HttpFetcher};

const ISSUER: &str = "issuer";
const PORT: &str = "port";
const METRICS: &str = "metrics";
const PROXIES: &str = "proxies";

/// The timeout of a request.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends GET on a thread of its own, because it blocks, possibly for longer than the timeout.
async fn get(url: String) -> Result<Document, FetchError> {
    static FETCHER: OnceLock<HttpFetcher> = OnceLock::new();
    let (sender, receiver) = oneshot::channel();
    // A closed receiver means that the timeout has passed.
    std::thread::spawn(move || sender.send(FETCHER.get_or_init(HttpFetcher::new).get(&url)).ok());
    match tokio::time::timeout(PATIENCE, receiver).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err(FetchError::Timeout),
    }
}

/// The issuer in the metadata of `document`.
fn issuer_in(document: &Document) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
    }
    let metadata = serde_json::from_slice::<Metadata>(&document.body).ok()?;
    // The server is not trusted.
    Some(metadata.issuer.chars().take(200).collect())
}

const METADATA: &str = "oauth-authorization-server";

/// Checks the issuer, and that the server there agrees.
pub async fn issuer(settings: &Settings, dev: bool) -> Finding {
    let issuer = match settings.serving_issuer(dev) {
        Ok(issuer) => issuer,
        Err(_) if settings.issuer.is_none() => {
            let advice = "set it to the https URL by which clients and APIs know this server \
                          (MINTERY_ISSUER=https://auth.example.com); to try Mintery out, use `mintery serve --dev`";
            return Finding::problem(ISSUER, "not set, and `mintery serve` needs it", advice);
        }
        Err(error) => return Finding::problem(ISSUER, error.to_string(), "set it to an https URL"),
    };
    let url = issuer.well_known(METADATA);
    let finding = match get(url.clone()).await {
        Ok(document) => match issuer_in(&document) {
            Some(found) if found == issuer.as_str() => {
                Finding::ok(ISSUER, format!("{issuer}, and the server there says the same"))
            }
            Some(found) => Finding::problem(
                ISSUER,
                format!("{issuer}, but {url} says `{found}`"),
                "make both equal byte for byte: correct `issuer`, or restart the server with the old one",
            ),
            None => elsewhere(&format!("{issuer}, but {url} returns no metadata")),
        },
        Err(reason @ (FetchError::Connection(_) | FetchError::Timeout | FetchError::Insecure)) => {
            Finding::ok(ISSUER, format!("{issuer}; no server answers there now: {reason}"))
        }
        Err(reason) => elsewhere(&format!("{issuer}, but {url} fails: {reason}")),
    };
    if issuer.as_str().ends_with('/') && finding.advice.is_none() {
        let found = format!("{}; its final slash is part of it", finding.found);
        return Finding::warning(
            ISSUER,
            found,
            "remove the slash, unless verifiers have it in their settings too",
        );
    }
    finding
}

fn elsewhere(found: &str) -> Finding {
    Finding::warning(
        ISSUER,
        found,
        "check that the address, and the proxy there, lead to this server",
    )
}

/// The listener at an address.
enum Listener {
    /// No listener.
    None,
    /// Mintery, with its issuer.
    Mintery(Option<String>),
    /// Another program.
    Other,
    /// The address cannot be bound.
    Unusable(std::io::Error),
}

async fn listener(address: SocketAddr, issuer_path: &str) -> Listener {
    #[derive(Deserialize)]
    struct Health {
        status: String,
    }
    match bind(address) {
        Ok(_) => return Listener::None,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {}
        Err(error) => return Listener::Unusable(error),
    }
    let base = format!("http://{}", from_here(address));
    let health = get(format!("{base}/healthz")).await.ok();
    let health = health.and_then(|document| serde_json::from_slice::<Health>(&document.body).ok());
    if health.is_none_or(|health| health.status != "ok") {
        return Listener::Other;
    }
    let metadata = get(format!("{base}/.well-known/{METADATA}{issuer_path}")).await.ok();
    Listener::Mintery(metadata.as_ref().and_then(issuer_in))
}

/// The address of a listener as reached from this machine.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Checks that the address to listen on is free, or names its listener.
pub async fn port(settings: &Settings, dev: bool) -> Finding {
    let address = settings.listen;
    let issuer = settings.serving_issuer(dev).ok();
    let free_it = "stop the program that listens there (`ss -ltnp` shows it), or set `listen` to another address";
    match listener(address, issuer.as_ref().map_or("", |issuer| issuer.path())).await {
        Listener::None => Finding::ok(PORT, format!("{address} is free")),
        Listener::Mintery(Some(found))
            if issuer.as_ref().is_none_or(|issuer| found == issuer.as_str()) =>
        {
            Finding::ok(PORT, format!("a Mintery with this issuer answers at {address}"))
        }
        Listener::Mintery(Some(found)) => Finding::problem(
            PORT,
            format!("a Mintery with another issuer, `{found}`, answers at {address}"),
            free_it,
        ),
        Listener::Mintery(None) => Finding::problem(
            PORT,
            format!(
                "{address} is in use; it responds like Mintery at /healthz, but not for this issuer"
            ),
            free_it,
        ),
        Listener::Other => {
            Finding::problem(PORT, format!("{address} is in use by another program"), free_it)
        }
        Listener::Unusable(error) => Finding::problem(
            PORT,
            format!("cannot listen on {address}: {error}"),
            "set `listen` to an address of this machine, with a port that this user may listen on",
        ),
    }
}

/// Checks that the metrics have an address that is not public.
pub async fn metrics(settings: &Settings, dev: bool) -> Finding {
    if let Err(error) = settings.check_listen(dev) {
        return Finding::problem(
            METRICS,
            error.to_string(),
            "set `metrics.listen`, or `listen` to a loopback address",
        );
    }
    let Some(address) = settings.metrics_listen else {
        return Finding::ok(
            METRICS,
            format!("served at {}, on this machine only", settings.listen),
        );
    };
    let another = "set `metrics.listen` to another address";
    if address == settings.listen && address.port() != 0 {
        return Finding::problem(
            METRICS,
            "`metrics.listen` is the same address as `listen`",
            another,
        );
    }
    match bind(address) {
        Ok(_) => Finding::ok(METRICS, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let answer = get(format!("http://{}/metrics", from_here(address))).await;
            if answer
                .is_ok_and(|document| String::from_utf8_lossy(&document.body).contains("mintery_"))
            {
                Finding::ok(METRICS, format!("a Mintery answers at {address}"))
            } else {
                Finding::problem(
                    METRICS,
                    format!("{address} is in use by another program"),
                    another,
                )
            }
        }
        Err(error) => {
            Finding::problem(METRICS, format!("cannot listen on {address}: {error}"), another)
        }
    }
}

/// Checks that the proxies in front are named. With an https issuer there is one, because this
/// server speaks http.
pub fn proxies(settings: &Settings, dev: bool) -> Finding {
    let named = &settings.trusted_proxies;
    if !named.is_empty() {
        return Finding::ok(PROXIES, format!("{named} may say where a request comes from"));
    }
    if settings.serving_issuer(dev).is_ok_and(|issuer| issuer.is_https()) {
        return Finding::warning(
            PROXIES,
            "the issuer is https, so a proxy is in front, and `trusted_proxies` names none: every \
             caller has the proxy's address in limits, the log and API keys bound to addresses",
            "set `trusted_proxies` to the addresses of the proxy, and let the proxy set \
             X-Forwarded-For (docs/guides/proxies.md)",
        );
    }
    Finding::ok(PROXIES, "none is named; callers connect to this server themselves")
}
