//! `client_secret_basic` and `client_secret_post` (RFC 6749 §2.3.1). A client with a secret may use
//! either method.

use std::borrow::Cow;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::client::AuthenticatedClient;
use super::guessable::{self, UncheckedSecret};
use crate::authn::context::Context;
use crate::authn::delay::make_wait;
use crate::directory::{KnownSecret, SlowSecret};
use crate::model::client::is_vschar;
use crate::network::Network;
use crate::oauth::error::{ClientFailure, OauthError};
use crate::oauth::form::{self, Form};
use crate::secret::Secret;
use crate::secret::generated::{CLIENT_SECRET_PREFIX, hint, looks_generated};

/// An id and a secret.
#[derive(Debug, Clone)]
pub struct Pair {
    id: String,
    secret: Secret,
}

/// An id and a secret in two readings: decoded as the RFC says, and raw for clients that do not
/// encode.
#[derive(Debug)]
pub struct PresentedSecret {
    decoded: Option<Pair>,
    raw: Option<Pair>,
    /// The `client_id` of the form, which must be that of the client that authenticates.
    named: Option<String>,
}

const ANOTHER_CLIENT: OauthError =
    OauthError::InvalidRequest("client_id does not match the authenticated client");

/// Parses the id and the secret of a form.
///
/// # Errors
/// The form has no secret or no id, or one of them has an invalid byte.
pub fn from_form(form: &mut Form<'_>) -> Result<PresentedSecret, OauthError> {
    let secret = form.take_secret("client_secret").ok_or(ClientFailure::NothingPresented)?;
    let id = form
        .get("client_id")
        .ok_or(OauthError::InvalidRequest("client_secret requires client_id"))?;
    if !is_vschar_text(id) || !is_vschar_text(secret.expose()) {
        return Err(OauthError::InvalidRequest(
            "client_id and client_secret must be printable ASCII",
        ));
    }
    Ok(PresentedSecret {
        decoded: Some(Pair { id: id.to_owned(), secret }),
        raw: None,
        named: None,
    })
}

/// Parses the id and the secret of an `Authorization` header.
///
/// # Errors
/// The form has a secret or another client's id as well; or the header is not Basic, not base64,
/// not UTF-8, or without a colon.
pub fn from_basic(header: &[u8], form: &Form<'_>) -> Result<PresentedSecret, OauthError> {
    if form.has("client_secret") {
        return Err(OauthError::InvalidRequest(
            "The client uses two authentication methods; use one",
        ));
    }
    let presented = parse_basic(header).ok_or(ClientFailure::MalformedBasic)?;
    let named = form.get("client_id").map(ToOwned::to_owned);
    if let Some(id) = &named {
        let is_it = |pair: &Option<Pair>| pair.as_ref().is_some_and(|pair| pair.id == *id);
        if !is_it(&presented.decoded) && !is_it(&presented.raw) {
            return Err(ANOTHER_CLIENT);
        }
    }
    Ok(PresentedSecret { named, ..presented })
}

fn parse_basic(header: &[u8]) -> Option<PresentedSecret> {
    let header = std::str::from_utf8(header).ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(encoded.trim_matches(' ')).ok()?);
    // At the first colon: an id that holds one must be encoded (RFC 7617 §2).
    let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let raw = Pair::checked(Cow::Borrowed(id), Cow::Borrowed(secret));
    if !id.contains(['%', '+']) && !secret.contains(['%', '+']) {
        return Some(PresentedSecret { decoded: raw, raw: None, named: None });
    }
    let (id, secret) = (form::decode(id.as_bytes()).ok(), form::decode(secret.as_bytes()).ok());
    let decoded = id.zip(secret).and_then(|(id, secret)| Pair::checked(id, secret));
    Some(PresentedSecret { decoded, raw, named: None })
}

impl Pair {
    /// RFC 6749 Appendix A.1, A.2: bytes 20–7E.
    fn checked(id: Cow<'_, str>, secret: Cow<'_, str>) -> Option<Self> {
        if id.is_empty() || !is_vschar_text(&id) || !is_vschar_text(&secret) {
            return None;
        }
        Some(Self { id: id.into_owned(), secret: Secret::new(secret.into_owned()) })
    }
}

fn is_vschar_text(text: &str) -> bool {
    text.bytes().all(is_vschar)
}

/// Checks an id and a secret, and waits with a refusal until this node knows all that was committed
/// before it: the secret may have been added since.
///
/// # Errors
/// See [`ClientCredential::authenticate`](super::ClientCredential::authenticate).
pub fn authenticate(
    presented: &PresentedSecret,
    context: &Context,
    network: Network,
) -> impl Future<Output = Result<AuthenticatedClient, OauthError>> {
    check(presented, context, network, false)
}

/// Checks an id and a secret, the decoded reading first. Slow checks come after all quick ones: the
/// client means only one reading, and a slow hash of the other would be wasted. A refusal counts if
/// it is `final`; otherwise [`refuse`] checks once more.
async fn check(
    presented: &PresentedSecret,
    context: &Context,
    network: Network,
    is_final: bool,
) -> Result<AuthenticatedClient, OauthError> {
    let mut refused = ClientFailure::MalformedBasic;
    let mut unsure = Vec::new();
    for pair in [&presented.decoded, &presented.raw].into_iter().flatten() {
        match check_quickly(pair, context).await? {
            QuickCheck::Right(client) => return named(client, presented.named.as_deref()),
            QuickCheck::Wrong(failure) => refused = failure,
            QuickCheck::Unsure(unchecked) => unsure.push(unchecked),
        }
    }
    // Boxed, to keep the future of every request small: see `http`.
    let refusal = if unsure.is_empty() {
        refused.into()
    } else {
        match Box::pin(guessable::authenticate(unsure, context, network)).await {
            Ok(client) => return named(client, presented.named.as_deref()),
            Err(refusal) => refusal,
        }
    };
    if is_final { Err(refusal) } else { refuse(presented, context, network, refusal).await }
}

/// Refuses a credential, after a second check by the knowledge of all that was committed before. A
/// slow hash is not repeated: the wrong secret is remembered.
fn refuse<'a>(
    presented: &'a PresentedSecret,
    context: &'a Context,
    network: Network,
    refusal: OauthError,
) -> Pin<Box<dyn Future<Output = Result<AuthenticatedClient, OauthError>> + 'a>> {
    Box::pin(async move {
        let pair = presented.raw.as_ref().or(presented.decoded.as_ref());
        let Some(pair) = pair else { return Err(refusal) };
        let refusal = if matches!(refusal, OauthError::InvalidClient(_)) {
            context.directory.be_current().await?;
            match check(presented, context, network, true).await {
                Ok(client) => return Ok(client),
                Err(refusal) => refusal,
            }
        } else {
            refusal
        };
        context.directory.count_refusal(&pair.id, refusal.outcome());
        if matches!(refusal, OauthError::InvalidClient(_))
            && context.directory.guesses().is_flooded_by(network)
        {
            make_wait().await;
        }
        Err(refusal)
    })
}

/// Checks that the client that authenticates is the one that the form names.
fn named(client: AuthenticatedClient, id: Option<&str>) -> Result<AuthenticatedClient, OauthError> {
    match id {
        Some(id) if id != client.known.client.id.as_str() => Err(ANOTHER_CLIENT),
        _ => Ok(client),
    }
}

/// The outcome of a check without a slow hash.
enum QuickCheck {
    Right(AuthenticatedClient),
    Wrong(ClientFailure),
    Unsure(UncheckedSecret),
}

async fn check_quickly(pair: &Pair, context: &Context) -> Result<QuickCheck, OauthError> {
    // Before the lookup, for unknown clients too: the request alone decides the cost.
    let digest = context.secret_digests.digest(&pair.secret);
    let (known, as_of) = context.directory.client(&pair.id).await?;
    let looks_generated = || looks_generated(CLIENT_SECRET_PREFIX, pair.secret.expose());
    let Some(known) = known else {
        let looks_generated = looks_generated();
        if looks_generated {
            return Ok(QuickCheck::Wrong(ClientFailure::UnknownClient));
        }
        let Pair { id, secret } = pair.clone();
        return Ok(QuickCheck::Unsure(UncheckedSecret {
            id,
            secret,
            digest,
            looks_generated,
            known: None,
        }));
    };
    let mut matching = None;
    for (position, secret) in known.secrets.iter().enumerate() {
        if secret.digest().is_some_and(|own| own.matches(&digest)) {
            matching = Some(position);
        }
    }
    if let Some(position) = matching {
        let admitted = AuthenticatedClient::admit(known, position, as_of, context.clock.now());
        return Ok(admitted.map_or_else(QuickCheck::Wrong, QuickCheck::Right));
    }
    let looks_generated = looks_generated();
    // An import may bring hashes of secrets that another Mintery generated, with their endings. A
    // caller that does not know the ending waits no longer than for an unknown client.
    let ending = hint(&pair.secret);
    let was_never_seen =
        |secret: &SlowSecret| secret.digest().is_none() && secret.kept.ending() == Some(&ending);
    if looks_generated && !known.secrets.iter().filter_map(KnownSecret::slow).any(was_never_seen) {
        return Ok(QuickCheck::Wrong(ClientFailure::WrongSecret));
    }
    let Pair { id, secret } = pair.clone();
    Ok(QuickCheck::Unsure(UncheckedSecret {
        id,
        secret,
        digest,
        looks_generated,
        known: Some(known),
    }))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::parse_basic;

    fn basic(credentials: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(credentials)).into_bytes()
    }

    /// 6749-7
    #[test]
    fn both_readings_of_a_header_are_offered() {
        let presented = parse_basic(&basic(b"a%3Ab:c%2Bd+e")).unwrap();
        let decoded = presented.decoded.unwrap();
        assert_eq!((decoded.id.as_str(), decoded.secret.expose()), ("a:b", "c+d e"));
        let raw = presented.raw.unwrap();
        assert_eq!((raw.id.as_str(), raw.secret.expose()), ("a%3Ab", "c%2Bd+e"));
    }

    /// 6749-7
    #[test]
    fn the_first_colon_splits_and_what_does_not_decode_is_raw() {
        let presented = parse_basic(&basic(b"a:b:c%zz")).unwrap();
        assert!(presented.decoded.is_none());
        let raw = presented.raw.unwrap();
        assert_eq!((raw.id.as_str(), raw.secret.expose()), ("a", "b:c%zz"));
    }

    /// 6749-7, 6749-8
    #[test]
    fn an_invalid_basic_header_is_rejected() {
        for header in [
            &b"Basic"[..],
            b"Basic !!!!",
            b"Basic YQ",
            b"Bearer YTpi",
            b"",
            b"Basic \xff",
            &basic(b"ab"),
            &basic(b"\xff:b"),
        ] {
            assert!(parse_basic(header).is_none(), "{}", header.escape_ascii());
        }
        for credentials in [&b":secret"[..], b"a\x01:b", b"a:b\n", "é:b".as_bytes(), b"a%00:b%"] {
            let presented = parse_basic(&basic(credentials)).unwrap();
            assert!(presented.decoded.is_none(), "{}", credentials.escape_ascii());
        }
        assert!(parse_basic(&[b"bAsIc ", STANDARD.encode("a:b").as_bytes()].concat()).is_some());
    }

    proptest! {
        #[test]
        fn encoded_credentials_are_read_back(id in "[ -~]{1,20}", secret in "[ -~]{1,20}") {
            let encode = |text: &str| serde_urlencoded::to_string([("", text)]).unwrap()[1..].to_owned();
            let header = basic(format!("{}:{}", encode(&id), encode(&secret)).as_bytes());
            let decoded = parse_basic(&header).unwrap().decoded.unwrap();
            prop_assert_eq!(decoded.id, id);
            prop_assert_eq!(decoded.secret.expose(), secret);
        }

        #[test]
        fn parsing_never_panics(credentials in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse_basic(&basic(&credentials));
            let _ = parse_basic(&credentials);
        }
    }
}
