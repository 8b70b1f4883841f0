//! How long may be waited for what must happen. Nothing is measured by it.

use std::sync::LazyLock;
use std::time::Duration;

/// Names how many times as long as usual everything may take, where the processor is emulated.
pub const PATIENCE: &str = "LAZARET_TESTS_PATIENCE";

static TIMES: LazyLock<u32> = LazyLock::new(|| {
    let times = std::env::var(PATIENCE).unwrap_or_else(|_| "1".to_owned());
    times
        .parse()
        .unwrap_or_else(|_| panic!("`{PATIENCE}` is not a number: `{times}`"))
});

/// What a span of time that is long enough on any usual machine is on this one.
pub fn patience(usual: Duration) -> Duration {
    usual * *TIMES
}
