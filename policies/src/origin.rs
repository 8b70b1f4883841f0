use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::level::SecurityLevel;
use crate::permission::Permission;
use crate::problem::Place;

/// The layer and the place a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Origin {
    /// The policy of a built-in level.
    Level {
        /// Which level.
        level: SecurityLevel,
        /// Line in the level's policy, from 1.
        line: usize,
    },
    /// A policy file.
    File {
        /// The name the file was given by.
        #[serde(serialize_with = "as_text")]
        name: Arc<str>,
        /// Line in the file, from 1.
        line: usize,
        /// Column in the line, from 1.
        column: usize,
    },
    /// An option of the command line.
    Option {
        /// As `--engine`.
        name: &'static str,
    },
}

impl Origin {
    /// The policy file's name.
    pub(crate) fn file(&self) -> Option<&str> {
        match self {
            Self::Level { .. } | Self::Option { .. } => None,
            Self::File { name, .. } => Some(name),
        }
    }

    /// Where in its text.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Level { line, .. } => Place {
                line: *line,
                column: 1,
            },
            Self::File { line, column, .. } => Place {
                line: *line,
                column: *column,
            },
            Self::Option { .. } => Place::START,
        }
    }
}

fn as_text<S: Serializer>(name: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}

impl fmt::Display for Origin {
    /// `` `standard` level ``, `policy.yaml:7:3` or `` `--engine` ``.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { level, .. } => write!(out, "`{level}` level"),
            Self::File { name, line, column } => write!(out, "{name}:{line}:{column}"),
            Self::Option { name } => write!(out, "`{name}`"),
        }
    }
}

/// The text being read: what turns a place into an origin.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Level(SecurityLevel),
    File(Arc<str>),
}

impl Source {
    pub(crate) fn at(&self, place: Place) -> Origin {
        match self {
            Self::Level(level) => Origin::Level {
                level: *level,
                line: place.line,
            },
            Self::File(name) => Origin::File {
                name: Arc::clone(name),
                line: place.line,
                column: place.column,
            },
        }
    }
}

/// The value of a key and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting<T> {
    /// What holds.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// A permission that is given, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// What may be done.
    pub permission: Permission,
    /// Why, in the words of the policy's author.
    pub reason: Option<String>,
    /// Who said so.
    pub origin: Origin,
}
