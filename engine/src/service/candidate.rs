//! From a policy's text to what would hold for a plugin: within the floors and what it asks for, whoever sent it.

use std::path::Path;

use lazaret_policy::{Cut, EffectivePolicy, LoadError, SecurityLevel, SecurityPolicy};

use super::errors::ServiceError;
use crate::host::FLOOR;
use crate::plugin::Plugin;

/// What would hold, and what the policy grants and the plugin does not get.
pub(super) struct Candidate {
    pub(super) policy: EffectivePolicy,
    pub(super) cuts: Vec<Cut>,
}

impl Candidate {
    /// Of a whole policy in one text. One that extends a file is refused: which file that is
    /// depends on where the text came from, and only its sender knows.
    pub(super) fn parse(
        plugin: &Plugin,
        name: &str,
        text: &str,
        floor: Option<&Path>,
    ) -> Result<Self, ServiceError> {
        let policy = SecurityPolicy::parse(name, text).map_err(ServiceError::Policy)?;
        Self::within(plugin, Some(&policy), floor)
    }

    /// Of a policy, or of level `standard` with nothing granted. The floors are read anew: one
    /// that was tightened holds from the next change on.
    pub(super) fn within(
        plugin: &Plugin,
        policy: Option<&SecurityPolicy>,
        floor: Option<&Path>,
    ) -> Result<Self, ServiceError> {
        let standard = EffectivePolicy::of(SecurityLevel::Standard);
        let mut policy = match policy {
            Some(policy) => standard.layer(policy),
            None => standard,
        };
        let mut cuts = Vec::new();
        for floor in floors(floor).map_err(ServiceError::Floor)? {
            let (within, cut) = policy.within(&floor);
            policy = within;
            cuts.extend(cut);
        }
        let (policy, cut) = plugin.narrowed(policy);
        cuts.extend(cut);
        Ok(Self { policy, cuts })
    }
}

fn floors(named: Option<&Path>) -> Result<Vec<SecurityPolicy>, LoadError> {
    let mut floors = Vec::new();
    match fs_err::symlink_metadata(FLOOR) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        // One that may be there and cannot be read is no reason to go without.
        Ok(_) | Err(_) => floors.push(SecurityPolicy::load(Path::new(FLOOR))?),
    }
    if let Some(path) = named {
        floors.push(SecurityPolicy::load(path)?);
    }
    Ok(floors)
}
