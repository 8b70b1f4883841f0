use std::sync::OnceLock;

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

/// The same as it is read, once, when it is first asked for.
pub(crate) fn policy(level: SecurityLevel) -> SecurityPolicy {
    static READ: [OnceLock<SecurityPolicy>; 3] = [const { OnceLock::new() }; 3];
    let read = || {
        SecurityPolicy::read(&Source::Level(level), text(level))
            .expect("the built-in policies are valid, a test reads them")
    };
    READ[level as usize].get_or_init(read).clone()
}
