//! `POST /oauth/introspect`.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::{no_store, submission};
use crate::http::error;
use crate::oauth::AuthorizationServer;
use crate::oauth::introspect::{self, Introspection, IntrospectionFormat};

/// The media type of a signed response (RFC 9701 §4).
const JWT: HeaderValue = HeaderValue::from_static("application/token-introspection+jwt");

/// Returns the state and the claims of a token.
pub async fn introspect(
    request: HttpRequest,
    server: Data<AuthorizationServer>,
    payload: Payload,
) -> HttpResponse {
    let refusals = &server.context.metrics.introspection_refusals;
    match submission::answer(&request, &server, payload, refusals, introspect::respond).await {
        Ok(introspection) => show(&request, &server, &introspection),
        Err(refused) => refused,
    }
}

fn show(
    request: &HttpRequest,
    server: &AuthorizationServer,
    introspection: &Introspection,
) -> HttpResponse {
    let format = wanted(request.headers());
    let body = match introspection.body(&server.context, format) {
        Ok(body) => body,
        Err(failure) => {
            return error::oauth::response(
                request,
                server,
                &server.context.metrics.introspection_refusals,
                &failure,
            );
        }
    };
    let inactive = introspection.inactive();
    server.context.metrics.count_introspection(inactive.is_none());
    if let Some(why) = inactive {
        error::record::inactive(request, server, why);
    }
    let mut response = no_store(StatusCode::OK);
    if format == IntrospectionFormat::Jwt {
        response.insert_header((CONTENT_TYPE, JWT));
    }
    response.body(body)
}

/// A signed response requires its media type, with a weight not below that of plain JSON (RFC 9110
/// §12.5.1).
fn wanted(headers: &HeaderMap) -> IntrospectionFormat {
    let (mut jwt, mut json) = (0.0, 0.0);
    for range in
        headers.get_all(ACCEPT).flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
    {
        let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let weight = if name.eq_ignore_ascii_case(JWT.as_bytes()) {
            &mut jwt
        } else if name.eq_ignore_ascii_case(b"application/json") {
            &mut json
        } else {
            continue;
        };
        *weight = parts.find_map(quality).unwrap_or(1.0).max(*weight);
    }
    if jwt > 0.0 && jwt >= json { IntrospectionFormat::Jwt } else { IntrospectionFormat::Json }
}

/// The weight of a parameter, if it is one.
fn quality(parameter: &[u8]) -> Option<f32> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    std::str::from_utf8(value).ok()?.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::{IntrospectionFormat, wanted};

    fn of(values: &[&[u8]]) -> IntrospectionFormat {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_bytes(value).unwrap());
        }
        wanted(&headers)
    }

    /// 9701-1
    #[test]
    fn a_signed_answer_is_for_those_who_name_it() {
        let signed: [&[&[u8]]; 9] = [
            &[b"application/token-introspection+jwt"],
            &[b"Application/Token-Introspection+JWT"],
            &[b" application/token-introspection+jwt ; q=0.1 , */*"],
            &[b"application/token-introspection+jwt;v=1;q=0.5"],
            &[b"application/json, application/token-introspection+jwt"],
            &[b"application/json;q=0.8, application/token-introspection+jwt;q=0.9"],
            &[b"application/json;q=0", b"application/token-introspection+jwt"],
            &[b"text/html", b"application/token-introspection+jwt"],
            &[b"application/token-introspection+jwt;q=many"],
        ];
        for values in signed {
            assert_eq!(
                of(values),
                IntrospectionFormat::Jwt,
                "{:?}",
                values[0].escape_ascii().to_string()
            );
        }
        let plain: [&[&[u8]]; 10] = [
            &[],
            &[b""],
            &[b"*/*"],
            &[b"application/*"],
            &[b"application/json"],
            &[b"application/jwt"],
            &[b"application/token-introspection+jwts"],
            &[b"application/token-introspection"],
            &[b"application/token-introspection+jwt;q=0"],
            &[b"application/json, application/token-introspection+jwt;q=0.9"],
        ];
        for values in plain {
            assert_eq!(of(values), IntrospectionFormat::Json, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics(value in "[ -~]{0,60}|(application/(json|token-introspection\\+jwt)|;|,|q=|[0-9.]){0,8}") {
            of(&[value.as_bytes()]);
        }
    }
}
