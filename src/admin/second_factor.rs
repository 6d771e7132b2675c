//! Second factors of users: codes of an authenticator app, and recovery codes for a lost app. The
//! caller limits wrong attempts (`authn::log_in`).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::QrCode;
use qrcode::render::svg;

use super::user::not_found;
use super::{Admin, AdminError};
use crate::model::event::{CodeKind, Event};
use crate::model::session::SessionId;
use crate::model::user::{User, UserId};
use crate::secret::digest::SecretDigest;
use crate::secret::totp::{TotpSecret, parse_code};
use crate::secret::{Secret, recovery_code};
use crate::store::second_factor::SecondFactor;
use crate::store::transaction::Tx;
use crate::store::{StoreError, second_factor, session, user};

/// The setup of an authenticator app, shown once.
#[derive(Debug)]
pub struct Enrollment {
    /// The secret, to type in.
    pub secret: Secret,
    /// The URI to open (`otpauth://totp/…`).
    pub uri: Secret,
}

impl Enrollment {
    /// The URI as a QR code in SVG; `None` if it is too long for one.
    #[must_use]
    pub fn qr_svg(&self) -> Option<Secret> {
        let code = QrCode::new(self.uri.expose().as_bytes()).ok()?;
        Some(Secret::new(code.render::<svg::Color<'_>>().min_dimensions(200, 200).build()))
    }
}

/// Begins to set up a second factor. It is required once a code has proved that the app works. The
/// app shows `service` as the name of this server.
///
/// # Errors
/// [`AdminError::Conflict`] if the user already has one.
pub async fn begin(admin: &Admin, id: &UserId, service: &str) -> Result<Enrollment, AdminError> {
    let (secret, now) = (TotpSecret::generate(&*admin.random), admin.clock.now());
    let sealed = admin.sealing.seal(&place(id), secret.as_bytes());
    let sealed = sealed.map_err(|error| StoreError::Failed(error.to_string()))?;
    let id = id.clone();
    let change = admin.store.change::<User, AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (user, _) = user::lock(tx, &id).await?.ok_or_else(|| not_found(&id))?;
            if user.second_factor_at.is_some() {
                return Err(AdminError::Conflict(
                    "a second factor is already set up; remove it first".to_owned(),
                ));
            }
            second_factor::begin(tx, &id, &sealed, now).await?;
            Ok((user, Event::UserSecondFactorBegun { user: id }))
        })
    });
    let (user, _) = change.await?;
    let text = secret.to_text();
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (service, name) = (encode(service), encode(user.username.as_str()));
    let uri = format!(
        "otpauth://totp/{service}:{name}?secret={}&issuer={service}&algorithm=SHA1&digits=6&period=30",
        text.expose()
    );
    Ok(Enrollment { secret: text, uri: Secret::new(uri) })
}

/// Completes the setup: log-in requires codes, and all sessions except `kept` end, because they
/// began without one. Returns the recovery codes, which are shown once.
///
/// # Errors
/// [`AdminError::Conflict`] if the setup was not begun or is complete; [`AdminError::WrongCode`].
pub async fn confirm(
    admin: &Admin,
    id: &UserId,
    code: &Secret,
    kept: SessionId,
) -> Result<Vec<Secret>, AdminError> {
    let (id, code, caller) = (id.clone(), code.clone(), admin.clone());
    let (codes, digests) = new_codes(admin, &id);
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (_, factor) = lock(tx, &id).await?;
            let factor = factor.filter(|factor| factor.confirmed_at.is_none());
            let begun =
                || AdminError::Conflict("no second factor is waiting for confirmation".to_owned());
            use_code(&caller, tx, &id, &factor.ok_or_else(begun)?, &code).await?;
            second_factor::confirm(tx, &id, caller.clock.now()).await?;
            second_factor::set_codes(tx, &id, &digests).await?;
            session::delete_all(tx, &id, Some(&kept)).await?;
            Ok(((), Event::UserSecondFactorConfirmed { user: id, kept }))
        })
    });
    change.await.map(|_| codes)
}

/// Replaces the recovery codes of a user. The new ones are shown once; the old ones become invalid.
///
/// # Errors
/// [`AdminError::Conflict`] if the user has no second factor; [`AdminError::WrongCode`].
pub async fn renew_codes(
    admin: &Admin,
    id: &UserId,
    code: &Secret,
) -> Result<Vec<Secret>, AdminError> {
    let (id, code, caller) = (id.clone(), code.clone(), admin.clone());
    let (codes, digests) = new_codes(admin, &id);
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let (_, factor) = lock(tx, &id).await?;
            use_code(&caller, tx, &id, &confirmed(factor)?, &code).await?;
            second_factor::set_codes(tx, &id, &digests).await?;
            Ok(((), Event::UserRecoveryCodesMade { user: id }))
        })
    });
    change.await.map(|_| codes)
}

/// Removes the second factor of the caller, who proves it with a code.
///
/// # Errors
/// [`AdminError::Conflict`] if there is none; [`AdminError::WrongCode`].
pub async fn remove(admin: &Admin, id: &UserId, code: &Secret) -> Result<(), AdminError> {
    let (id, code, caller) = (id.clone(), code.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let user = caller.acting_for_user(tx, &id).await?;
            let factor = second_factor::of_user(tx, &id).await?;
            use_code(&caller, tx, &id, &confirmed(factor)?, &code).await?;
            second_factor::delete(tx, &user).await?;
            Ok(((), Event::UserSecondFactorRemoved { user: id }))
        })
    });
    change.await.map(drop)
}

/// Removes the lost second factor of another user and ends all their sessions.
///
/// # Errors
/// [`AdminError::NotFound`] if the user does not exist, [`AdminError::Conflict`] if there is no
/// second factor, [`AdminError::Forbidden`] if the caller does not hold the scopes of the user's
/// role, or is the user.
pub async fn reset(admin: &Admin, id: &UserId) -> Result<(), AdminError> {
    if admin.actor.is_user(id) {
        let reason = "one's own second factor is removed with a code";
        return Err(AdminError::Conflict(reason.to_owned()));
    }
    let (id, caller) = (id.clone(), admin.clone());
    let change = admin.store.change::<(), AdminError, _>(admin.actor.clone(), move |tx| {
        Box::pin(async move {
            let user = caller.acting_for_user(tx, &id).await?;
            if !second_factor::delete(tx, &user).await? {
                return Err(none());
            }
            session::delete_all(tx, &id, None).await?;
            Ok(((), Event::UserSecondFactorRemoved { user: id }))
        })
    });
    change.await.map(drop)
}

/// The number of remaining recovery codes of a user.
///
/// # Errors
/// If the store fails.
pub async fn codes_left(admin: &Admin, id: &UserId) -> Result<i64, AdminError> {
    Ok(second_factor::codes_left(admin.store.database(), id).await?)
}

/// Spends the code of a user with a second factor, in a transaction that has locked the user.
/// Returns the kind of the code. A rollback restores the code.
///
/// # Errors
/// [`AdminError::WrongCode`].
pub(super) async fn spend(
    admin: &Admin,
    tx: &mut Tx,
    id: &UserId,
    code: &Secret,
) -> Result<CodeKind, AdminError> {
    let factor = second_factor::of_user(tx, id).await?;
    use_code(admin, tx, id, &confirmed(factor)?, code).await
}

async fn use_code(
    admin: &Admin,
    tx: &mut Tx,
    id: &UserId,
    factor: &SecondFactor,
    typed: &Secret,
) -> Result<CodeKind, AdminError> {
    if let Some(code) = parse_code(typed.expose()) {
        let opened = admin.sealing.open(&place(id), &factor.sealed_secret).ok();
        let secret = opened.and_then(|bytes| TotpSecret::from_bytes(&bytes));
        let secret = secret.ok_or(StoreError::Corrupt("second factor"))?;
        let step = secret
            .step_of(&code, admin.clock.now(), factor.last_step)
            .ok_or(AdminError::WrongCode)?;
        second_factor::set_last_step(tx, id, step).await?;
        return Ok(CodeKind::Totp);
    }
    let digest = recovery_code::digest(&admin.sessions.digests, id.as_str(), typed.expose());
    if second_factor::take_code(tx, id, &digest.ok_or(AdminError::WrongCode)?).await? {
        Ok(CodeKind::Recovery)
    } else {
        Err(AdminError::WrongCode)
    }
}

async fn lock(tx: &mut Tx, id: &UserId) -> Result<(User, Option<SecondFactor>), AdminError> {
    let (user, _) = user::lock(tx, id).await?.ok_or_else(|| not_found(id))?;
    Ok((user, second_factor::of_user(tx, id).await?))
}

fn confirmed(factor: Option<SecondFactor>) -> Result<SecondFactor, AdminError> {
    factor.filter(|factor| factor.confirmed_at.is_some()).ok_or_else(none)
}

fn none() -> AdminError {
    AdminError::Conflict("no second factor is set up".to_owned())
}

fn new_codes(admin: &Admin, id: &UserId) -> (Vec<Secret>, Vec<SecretDigest>) {
    let codes = recovery_code::generate(&*admin.random);
    let digest =
        |code: &Secret| recovery_code::digest(&admin.sessions.digests, id.as_str(), code.expose());
    let digests = codes.iter().filter_map(digest).collect();
    (codes, digests)
}

/// The place that the secret of a user is sealed for: moved to another user it does not open.
fn place(id: &UserId) -> String {
    format!("second-factor|{id}")
}
