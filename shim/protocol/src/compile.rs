//! TypeScript on its way to the compiler, which is a program in a container of its own, and back:
//! [frames](crate::encode) on its standard input and output, an outcome for each source.

use serde::{Deserialize, Serialize};

/// Where the plugin's container has what was compiled, below `/plugin`: `main.ts.js` for the code of
/// `main.ts`, `main.ts.map` for its source map, or `main.ts.error` for why there is none. No file
/// of a plugin's own is in a directory whose name begins with a dot.
pub const COMPILED_DIRECTORY: &str = ".lazaret/compiled";

/// Where the plugin's container has its import map, below `/plugin`: a JSON object with a path below
/// `/plugin` for each specifier.
pub const IMPORTS_FILE: &str = ".lazaret/imports.json";

/// A source of TypeScript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its path in the plugin's directory, as `lib/a.ts`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// What became of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compiled {
    /// JavaScript.
    Module {
        /// The source's path.
        path: String,
        /// The code.
        code: String,
        /// The source map (ECMA-426), without the source's text.
        map: String,
    },
    /// Nothing: it has an error.
    Refused {
        /// The source's path.
        path: String,
        /// The error.
        problem: Problem,
    },
}

/// Why a source is not compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Line, from 1.
    pub line: u32,
    /// Column in UTF-16 units, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// The text of the line; a long one is cut.
    pub text: String,
}

impl Problem {
    /// In one line, as ``main.ts:2:13: Unexpected token: `const b = ;` ``.
    #[must_use]
    pub fn told(&self, path: &str) -> String {
        let Self {
            line,
            column,
            message,
            text,
        } = self;
        let message = message.trim_end_matches('.');
        format!("{path}:{line}:{column}: {message}: `{}`", text.trim())
    }
}
