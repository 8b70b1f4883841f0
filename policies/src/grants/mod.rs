//! What is granted, and grants as they compare with each other.

mod allowance;
mod index;
mod kinds;
mod lists;
mod secret;
mod terms;

pub(crate) use allowance::{Allowance, How};
pub(crate) use index::{Index, hidden};
pub use kinds::{
    EnvValue, MessageTerms, MessageType, Program, ProgramLimits, Receive, Send, Types, Write,
};
pub(crate) use lists::Lists;
pub use secret::{Secret, SecretName, SecretSource};
pub(crate) use terms::Terms;
