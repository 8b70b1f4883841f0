use std::fmt;

use serde::{Deserialize, Serialize};

/// What a plugin is given at its start and that is written to no file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Its secrets, no two of one name.
    pub secrets: Vec<GivenSecret>,
    /// The certificate of the authority by which the egress broker ends the plugin's TLS, as PEM; only where the policy
    /// has it do so.
    pub authority: Option<String>,
}

/// A secret as its plugin gets it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenSecret {
    /// What the plugin knows it by.
    pub name: String,
    /// What stands for it in requests; the secret itself where the policy exposes it.
    pub value: String,
}

/// Without the value.
impl fmt::Debug for GivenSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GivenSecret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
