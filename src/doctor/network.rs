//! The addresses: who the server says it is, and where it answers.

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

/// How long somebody may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks with GET; a thread of its own, because it blocks, and may for longer than anybody waits
/// here.
async fn get(url: String) -> Result<Document, FetchError> {
    static FETCHER: OnceLock<HttpFetcher> = OnceLock::new();
    let (sender, receiver) = oneshot::channel();
    // When the receiver is gone nobody waits any more.
    std::thread::spawn(move || sender.send(FETCHER.get_or_init(HttpFetcher::new).get(&url)).ok());
    match tokio::time::timeout(PATIENCE, receiver).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err(FetchError::Timeout),
    }
}

/// The issuer that the metadata in `document` name.
fn issuer_in(document: &Document) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
    }
    let metadata = serde_json::from_slice::<Metadata>(&document.body).ok()?;
    // Whoever answers may say anything.
    Some(metadata.issuer.chars().take(200).collect())
}

const METADATA: &str = "oauth-authorization-server";

/// Looks at the issuer, and whether whoever answers there agrees.
pub async fn issuer(settings: &Settings, dev: bool) -> Finding {
    let issuer = match settings.serving_issuer(dev) {
        Ok(issuer) => issuer,
        Err(_) if settings.issuer.is_none() => {
            let advice = "set it to the https URL by which clients and APIs know this server \
                          (MINTERY_ISSUER=https://auth.example.com); to try it out there is `mintery serve --dev`";
            return Finding::problem(ISSUER, "it is not set, and `mintery serve` needs it", advice);
        }
        Err(error) => return Finding::problem(ISSUER, error.to_string(), "set it to an https URL"),
    };
    let url = issuer.well_known(METADATA);
    let finding = match get(url.clone()).await {
        Ok(document) => match issuer_in(&document) {
            Some(found) if found == issuer.as_str() => {
                Finding::ok(ISSUER, format!("{issuer}, and who answers there says the same"))
            }
            Some(found) => Finding::problem(
                ISSUER,
                format!("{issuer}, but {url} says `{found}`"),
                "let both be the same byte for byte: correct `issuer`, or restart the server that has the old one",
            ),
            None => elsewhere(&format!("{issuer}, but what {url} answers are no metadata")),
        },
        Err(reason @ (FetchError::Connection(_) | FetchError::Timeout | FetchError::Insecure)) => {
            Finding::ok(ISSUER, format!("{issuer}; nobody answers there just now: {reason}"))
        }
        Err(reason) => elsewhere(&format!("{issuer}, but nothing at {url}: {reason}")),
    };
    if issuer.as_str().ends_with('/') && finding.advice.is_none() {
        let found = format!("{}; it ends with a slash, which belongs to it", finding.found);
        return Finding::warning(
            ISSUER,
            found,
            "leave the slash out, unless verifiers have it in their settings too",
        );
    }
    finding
}

fn elsewhere(found: &str) -> Finding {
    Finding::warning(
        ISSUER,
        found,
        "see that the address, and the proxy there, lead to this server",
    )
}

/// Who listens at an address.
enum Listener {
    /// Nobody.
    None,
    /// A Mintery, and the issuer that it says it is.
    Mintery(Option<String>),
    /// Somebody else.
    Other,
    /// It cannot be taken, whoever listens there.
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

/// The address by which this machine reaches what listens at `address`.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Looks whether the address to listen on is free, or who has it.
pub async fn port(settings: &Settings, dev: bool) -> Finding {
    let address = settings.listen;
    let issuer = settings.serving_issuer(dev).ok();
    let free_it =
        "stop what listens there (`ss -ltnp` names it), or set `listen` to another address";
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
                "{address} is taken; it answers like a Mintery at /healthz, but not for this issuer"
            ),
            free_it,
        ),
        Listener::Other => {
            Finding::problem(PORT, format!("{address} is taken by another program"), free_it)
        }
        Listener::Unusable(error) => Finding::problem(
            PORT,
            format!("cannot listen on {address}: {error}"),
            "set `listen` to an address of this machine, with a port that this user may listen on",
        ),
    }
}

/// Looks whether the metrics are answered somewhere, and not to everybody.
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
            format!("they are answered at {}, which is this machine's alone", settings.listen),
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
                Finding::problem(METRICS, format!("{address} is taken by another program"), another)
            }
        }
        Err(error) => {
            Finding::problem(METRICS, format!("cannot listen on {address}: {error}"), another)
        }
    }
}
