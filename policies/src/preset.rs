use std::sync::LazyLock;

use crate::level::SecurityLevel;
use crate::origin::Source;
use crate::policy::SecurityPolicy;

const MINIMAL: &str = include_str!("../presets/minimal.yaml");
const STANDARD: &str = include_str!("../presets/standard.yaml");
const MAXIMUM: &str = include_str!("../presets/maximum.yaml");

/// The policy of a level, as it is kept in `presets/`.
pub(crate) fn text(level: SecurityLevel) -> &'static str {
    match level {
        SecurityLevel::Minimal => MINIMAL,
        SecurityLevel::Standard => STANDARD,
        SecurityLevel::Maximum => MAXIMUM,
    }
}

pub(crate) fn policy(level: SecurityLevel) -> SecurityPolicy {
    static READ: LazyLock<[SecurityPolicy; 3]> = LazyLock::new(|| {
        SecurityLevel::ALL.map(|level| {
            SecurityPolicy::read(&Source::Level(level), text(level))
                .expect("the built-in policies are valid, a test reads them")
        })
    });
    READ[level as usize].clone()
}
