//! `GET /oauth/authorize` refuses every request: users cannot log in to applications here. The
//! endpoint exists because some clients require it in the metadata.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, PRAGMA, X_CONTENT_TYPE_OPTIONS,
};

use crate::http::headers::{NO_CACHE, NO_STORE};

const PAGE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\">\
<title>Log-in not supported</title></head>\n<body><main><h1>Log-in not supported</h1>\
<p>This server issues access tokens to programs (the client credentials grant). People cannot log in to an \
application through it.</p>\
<p>If an application sent you here, tell its owner to use <code>grant_type=client_credentials</code> at the token \
endpoint.</p></main></body></html>\n";

/// Refuses every request.
pub async fn refuse() -> HttpResponse {
    HttpResponse::BadRequest()
        .insert_header((CACHE_CONTROL, NO_STORE))
        .insert_header((PRAGMA, NO_CACHE))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .content_type("text/html; charset=utf-8")
        .body(PAGE)
}

/// The answer to anything but GET.
pub async fn method_not_allowed() -> HttpResponse {
    super::method_not_allowed("GET, HEAD", "The request must be a GET")
}
