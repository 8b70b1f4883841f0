//! TypeScript to JavaScript, one file at a time, without looking at any other.
//!
//! What is marked as a type is erased, all else stays (`verbatimModuleSyntax` of TypeScript): an
//! import that is not marked `type` is one at run time. Enums, namespaces and parameter properties are compiled;
//! decorators and accessor fields, which no engine here knows, are refused by name and place.
//!
//! - `compile`: a source to its code and source map
//! - `problem`: why there is none, with the place and the text of the line
//! - `unsupported`: what is refused
//! - `serve`: sources in, outcomes out

mod compile;
mod problem;
mod serve;
mod unsupported;

pub use compile::compile;
pub use serve::{ServeError, serve};
