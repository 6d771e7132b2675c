//! The stylesheet and the script of the dashboard. Their names contain a digest of their content, so
//! browsers cache them forever and never use an old one.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

const STYLE: &str = include_str!("assets/mintery.css");
const SCRIPT: &str = include_str!("assets/mintery.js");

const STYLE_DIGEST: [u8; 16] = digest(STYLE);
const SCRIPT_DIGEST: [u8; 16] = digest(SCRIPT);

/// The path of the stylesheet, below the path of the issuer.
pub const STYLE_PATH: AssetPath = AssetPath { digest: &STYLE_DIGEST, extension: "css" };

/// The path of the script, below the path of the issuer.
pub const SCRIPT_PATH: AssetPath = AssetPath { digest: &SCRIPT_DIGEST, extension: "js" };

/// The icon of a page, as a data URL.
pub const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 26 26' fill='none' stroke='%230b7355' stroke-width='2.4' stroke-linejoin='round'%3E%3Cpath d='M13 1.5 22.5 7v12L13 24.5 3.5 19V7z'/%3E%3Cpath d='M8.500 17V9.500l4.500 4.500 4.500-4.500V17' stroke-linecap='round'/%3E%3C/svg%3E";

/// The path of a file with a digest of its content.
#[derive(Debug, Clone, Copy)]
pub struct AssetPath {
    digest: &'static [u8; 16],
    extension: &'static str,
}

impl std::fmt::Display for AssetPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digest = std::str::from_utf8(self.digest).unwrap_or_default();
        write!(f, "/dashboard/assets/{digest}.{}", self.extension)
    }
}

/// The answer to a request for the file `name`; `None` if no current file has that name.
pub fn answer(name: &str) -> Option<HttpResponse> {
    let (kind, body) = match name.split_once('.')? {
        (digest, "css") if digest.as_bytes() == STYLE_DIGEST => ("text/css; charset=utf-8", STYLE),
        (digest, "js") if digest.as_bytes() == SCRIPT_DIGEST => {
            ("text/javascript; charset=utf-8", SCRIPT)
        }
        _ => return None,
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    Some(response.body(body))
}

/// FNV-1a in hexadecimal. It distinguishes releases of a file and needs no security.
const fn digest(text: &str) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (mut hash, mut left) = (0xcbf2_9ce4_8422_2325_u64, text.as_bytes());
    while let [byte, rest @ ..] = left {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        left = rest;
    }
    let mut digits = [b'0'; 16];
    let mut place = &mut digits as &mut [u8];
    while let [rest @ .., last] = place {
        #[expect(clippy::indexing_slicing, reason = "the index is below 16")]
        {
            *last = DIGITS[(hash & 0xf) as usize];
        }
        hash >>= 4;
        place = rest;
    }
    digits
}
