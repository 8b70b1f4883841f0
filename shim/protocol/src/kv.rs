//! What a plugin keeps from one life to the next: values by keys, held by the engine.

use serde::{Deserialize, Serialize};

use crate::message::Payload;

/// The longest key, in bytes of UTF-8. There is none of no bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// The most bytes of one value. The policy may allow less.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

/// What is asked for of the values of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KvAct {
    /// The value of a key.
    Get {
        /// Which.
        key: String,
    },
    /// Another value for a key, or none.
    Put {
        /// Which.
        key: String,
        /// The value; `None` takes the key away.
        value: Option<Payload>,
    },
    /// The same where the key has this value; else nothing is changed.
    Swap {
        /// Which.
        key: String,
        /// The value it must have, byte for byte; `None` where it must have none.
        expected: Option<Payload>,
        /// The value it gets; `None` takes the key away.
        value: Option<Payload>,
    },
    /// Keys with their values, in the order of the keys' bytes.
    List {
        /// What the keys begin with.
        prefix: String,
        /// Only those after this one.
        after: Option<String>,
    },
}

impl KvAct {
    /// About how many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let value = |value: &Option<Payload>| {
            let bytes = value.as_ref().map_or(0, Payload::bytes);
            usize::try_from(bytes).unwrap_or(usize::MAX)
        };
        match self {
            Self::Get { key } => key.len(),
            Self::Put { key, value: new } => key.len() + value(new),
            Self::Swap {
                key,
                expected,
                value: new,
            } => key.len() + value(expected) + value(new),
            Self::List { prefix, after } => prefix.len() + after.as_ref().map_or(0, String::len),
        }
    }
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Payload,
}
