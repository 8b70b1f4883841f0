//! Secrets of a plugin: read where the policy says, when the plugin starts, and kept in memory alone.
//!
//! The plugin gets a placeholder in place of each, made anew at each start, which the egress broker
//! replaces in requests to the secret's hosts. One that the policy exposes is told to the plugin
//! itself. No value is ever shown: not in a log, an event, an error or a file.

mod dumps;
mod placeholder;
mod read;
mod value;

use std::fmt;
use std::sync::Arc;

use lazaret_policy::{EffectivePolicy, HostPattern, SecretName, Words};
use lazaret_protocol::GivenSecret;

pub use dumps::keep_out_of_dumps;
pub use read::SecretError;
pub use value::{MAX_VALUE_BYTES, SecretValue, ValueError};

use crate::egress::Rules;

/// A secret that the plugin has a placeholder of.
pub struct Handout {
    /// What the plugin knows it by.
    pub name: SecretName,
    /// What stands for it: `lazaret-secret-NAME-` and 32 hexadecimal digits.
    pub placeholder: String,
    /// The only hosts it may go to.
    pub hosts: Words<HostPattern>,
    /// The secret itself.
    pub value: SecretValue,
}

impl fmt::Debug for Handout {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Handout")
            .field("name", &self.name)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// No two have the same placeholder.
impl PartialEq for Handout {
    fn eq(&self, other: &Self) -> bool {
        self.placeholder == other.placeholder
    }
}

impl Eq for Handout {}

/// The secrets of one start of a plugin.
#[derive(Default)]
pub struct Secrets {
    handouts: Vec<Arc<Handout>>,
    exposed: Vec<(SecretName, SecretValue)>,
}

impl Secrets {
    /// Those that the broker is to put into requests.
    #[must_use]
    pub fn handouts(&self) -> &[Arc<Handout>] {
        &self.handouts
    }

    /// What the broker is to hold the plugin to, and to put into its requests.
    pub(crate) fn rules(&self, policy: &EffectivePolicy) -> Rules {
        Rules {
            secrets: self.handouts.clone(),
            ..Rules::of(policy)
        }
    }

    /// What the plugin is told: placeholders, and the values of those that are exposed.
    pub(crate) fn given(&self) -> Vec<GivenSecret> {
        let placeholders = self.handouts.iter().map(|handout| GivenSecret {
            name: handout.name.to_string(),
            value: handout.placeholder.clone(),
        });
        let exposed = self.exposed.iter().map(|(name, value)| GivenSecret {
            name: name.to_string(),
            value: value.reveal().to_owned(),
        });
        placeholders.chain(exposed).collect()
    }
}
