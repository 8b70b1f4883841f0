//! What a plugin sees of an environment.

use std::ffi::OsString;

use lazaret_policy::{EffectivePolicy, Permission};
use lazaret_protocol::Environment;

/// The most bytes all values have together: they are a part of the settings, which are bounded.
const MAX_BYTES: usize = 256 * 1024;

/// Why a plugin cannot be given the environment its policy grants.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// A plugin's values are text.
    #[error(
        "the environment variable `{name}`, which the policy lets the plugin read, is no UTF-8"
    )]
    NotUnicode {
        /// Its name.
        name: String,
    },
    /// More than is handed over.
    #[error("the environment of the plugin is {bytes} bytes, more than {limit}")]
    TooLarge {
        /// All values together.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
}

/// The variables a policy sets, and those it lets the plugin read of `host`. What is set is not
/// read.
///
/// # Errors
/// [`EnvironmentError`].
pub fn environment(
    policy: &EffectivePolicy,
    host: impl Fn(&str) -> Option<OsString>,
) -> Result<Environment, EnvironmentError> {
    let mut found = Environment::default();
    for granted in policy.all_grants() {
        let Permission::EnvRead(name) = &granted.permission else {
            continue;
        };
        let name = name.to_string();
        match host(&name).map(OsString::into_string) {
            Some(Ok(value)) => drop(found.values.insert(name, value)),
            Some(Err(_)) => return Err(EnvironmentError::NotUnicode { name }),
            None => drop(found.unset.insert(name)),
        }
    }
    for set in policy.env().set {
        let name = set.name.to_string();
        found.unset.remove(&name);
        found.values.insert(name, set.value.clone());
    }
    let bytes = found.values.values().map(String::len).sum();
    if bytes > MAX_BYTES {
        let limit = MAX_BYTES;
        return Err(EnvironmentError::TooLarge { bytes, limit });
    }
    Ok(found)
}
