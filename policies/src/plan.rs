use serde::Serialize;

use crate::change::Change;
use crate::difference::Difference;
use crate::effective::EffectivePolicy;

/// What putting another policy in force would change, and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Everything that changes.
    pub differences: Vec<Difference>,
    /// What the whole takes: the most that any of it takes; `None` where nothing changes.
    pub change: Option<Change>,
    /// Whether any of it lets the plugin do more.
    pub widens: bool,
}

impl EffectivePolicy {
    /// What changes where `after` holds instead of this, and what it takes for a running plugin.
    #[must_use]
    pub fn plan(&self, after: &Self) -> Plan {
        let differences = self.differences(after);
        Plan {
            change: differences.iter().map(|one| one.change).max(),
            widens: differences.iter().any(|one| one.widens),
            differences,
        }
    }
}
