use crate::fields::Written;
use crate::problem::Invalid;
use crate::range::{count, size};
use crate::settings::section::section;
use crate::units::ByteSize;

section! {
    /// `network.limits`: what a plugin may take of the network.
    NetworkLimits, NetworkLimitOverrides {
        /// Most connections at a time.
        connections: u32 = "network.limits.connections", one, Most, Live, connections;
        /// Most new connections a second.
        connects: u32 = "network.limits.connects", one, Most, Live, connects;
        /// Most bytes sent in a plugin's life.
        sent: ByteSize = "network.limits.sent", one, Most, Live, amount;
        /// Most bytes received in a plugin's life.
        received: ByteSize = "network.limits.received", one, Most, Live, amount;
        /// Most bytes a second, both ways together.
        bandwidth: ByteSize = "network.limits.bandwidth", one, Most, Live, bandwidth;
    }
}

fn connections(written: &Written) -> Result<u32, Invalid> {
    count(written, 1..=4096, "it counts connections at a time")
}

fn connects(written: &Written) -> Result<u32, Invalid> {
    count(written, 1..=10_000, "it counts new connections a second")
}

fn amount(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_kib(1)..=ByteSize::from_mib(64 << 20);
    size(written, range, "it counts the bytes of a plugin's life")
}

fn bandwidth(written: &Written) -> Result<ByteSize, Invalid> {
    let range = ByteSize::from_kib(1)..=ByteSize::from_mib(16 << 10);
    size(written, range, "it counts bytes a second")
}
