use crate::fields::Written;
use crate::problem::Invalid;
use crate::range::count;
use crate::settings::section::section;

section! {
    /// `messaging.queue`.
    MessagingLimits, MessagingLimitOverrides {
        /// Most messages that wait for the plugin.
        queue: u32 = "messaging.queue", one, Most, Live, queue;
    }
}

fn queue(written: &Written) -> Result<u32, Invalid> {
    count(written, 1..=10_000, "each waits in the engine's memory")
}
