//! Slow refusals for callers that failed too often.

use std::time::Duration;

/// The delay of such a refusal. An immediate retry is not worthwhile, and fifty connections that
/// retry take less than a hundredth of a core.
const RELUCTANCE: Duration = Duration::from_millis(100);

/// Delays a refusal.
pub async fn make_wait() {
    tokio::time::sleep(RELUCTANCE).await;
}
