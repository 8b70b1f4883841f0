//! Limits of the process (getrlimit(2)): what the runtime is told and the shim reads back.

use lazaret_policy::Resources;
use lazaret_protocol::ExpectedLimit;
use oci_spec::OciSpecError;
use oci_spec::runtime::{PosixRlimit, PosixRlimitBuilder, PosixRlimitType};

fn limits(resources: &Resources) -> [(PosixRlimitType, u64); 8] {
    [
        (
            PosixRlimitType::RlimitNofile,
            u64::from(resources.files.open.value),
        ),
        (
            PosixRlimitType::RlimitNproc,
            // One above, so that the cgroup's limit is met first: that one is counted and told.
            u64::from(resources.pids.max.value) + 1,
        ),
        (
            PosixRlimitType::RlimitFsize,
            resources.tmp.size.value.bytes(),
        ),
        (PosixRlimitType::RlimitCore, 0),
        (PosixRlimitType::RlimitMemlock, 0),
        (PosixRlimitType::RlimitMsgqueue, 0),
        (PosixRlimitType::RlimitNice, 0),
        (PosixRlimitType::RlimitRtprio, 0),
    ]
}

/// As the runtime is told: the hard limit is the soft one.
pub(super) fn told(resources: &Resources) -> Result<Vec<PosixRlimit>, OciSpecError> {
    limits(resources)
        .into_iter()
        .map(|(kind, limit)| {
            PosixRlimitBuilder::default()
                .typ(kind)
                .soft(limit)
                .hard(limit)
                .build()
        })
        .collect()
}

/// As the shim must find them.
pub(super) fn expected(resources: &Resources) -> Vec<ExpectedLimit> {
    limits(resources)
        .into_iter()
        .map(|(kind, value)| ExpectedLimit {
            name: kind.to_string(),
            value,
        })
        .collect()
}
