//! A warning about tokens that many proxies reject.

use super::error::CliError;
use super::output;
use crate::model::resource::ResourceUri;
use crate::model::scope::ScopeSet;

/// The size, in bytes, from which a token does not fit into a header of 8 KiB beside its name.
const LARGE: usize = 7 * 1024;

/// The bytes of a token without audience and scopes, before the encoding.
const OTHER_CLAIMS: usize = 450;

/// Warns if a token for all of `resources` with all of `scopes` is too large for many proxies.
pub fn warn_if_large(resources: &[ResourceUri], scopes: &ScopeSet) -> Result<(), CliError> {
    // Each with quotes and a comma.
    let audience: usize = resources.iter().map(|resource| resource.as_str().len() + 3).sum();
    // Base64 makes four bytes of three.
    let size = (OTHER_CLAIMS + audience + scopes.as_str().len()) * 4 / 3;
    if size < LARGE {
        return Ok(());
    }
    output::note(&format!(
        "Warning: a token with all of these APIs and scopes has about {} KiB. Many proxies reject \
         headers of more than 8 KiB, and Mintery issues no token above 16 KiB: let clients request \
         fewer scopes or APIs at a time.",
        size.div_ceil(1024)
    ))
}
