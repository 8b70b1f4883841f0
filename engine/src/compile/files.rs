//! The TypeScript among a plugin's files, and what takes its place.

use std::path::{Path, PathBuf};

use lazaret_launcher_wire::SnapshotFile;
use lazaret_protocol::{COMPILED_DIRECTORY, Compiled, Source, encode};

use super::{CompileError, LIMITS};

/// The largest source in bytes, as for every module.
const MAX_SOURCE_BYTES: usize = 4 * 1024 * 1024;

/// A plugin's files: its sources, framed for the compiler, and all others.
pub(super) struct Sources {
    names: Vec<String>,
    largest: (usize, String),
    frames: Vec<u8>,
    others: Vec<SnapshotFile>,
}

impl Sources {
    /// Takes them apart. Declarations (`.d.ts`) are left out: nothing is in them at run time.
    pub(super) fn of(plugin: &str, files: Vec<SnapshotFile>) -> Result<Self, CompileError> {
        let mut sources = Self {
            names: Vec::new(),
            largest: (0, String::new()),
            frames: Vec::new(),
            others: Vec::new(),
        };
        for file in files {
            match kind(&file.path) {
                Kind::Other => sources.others.push(file),
                Kind::Declaration => {}
                Kind::TypeScript => sources.add(plugin, file)?,
            }
        }
        Ok(sources)
    }

    fn add(&mut self, plugin: &str, file: SnapshotFile) -> Result<(), CompileError> {
        let path = file.path.to_string_lossy().into_owned();
        let too_large = |what: String, bytes, limit| CompileError::TooLarge {
            plugin: plugin.to_owned(),
            what,
            bytes,
            limit,
        };
        let bytes = file.content.len();
        if bytes > MAX_SOURCE_BYTES {
            return Err(too_large(format!("`{path}`"), bytes, MAX_SOURCE_BYTES));
        }
        let not_text = |_| CompileError::NotText {
            plugin: plugin.to_owned(),
            file: path.clone(),
        };
        let text = String::from_utf8(file.content).map_err(not_text)?;
        if bytes >= self.largest.0 {
            self.largest = (bytes, path.clone());
        }
        self.names.push(path.clone());
        let source = Source { path, text };
        let frame = encode(&source).expect("a source and its path are far below a frame's limit");
        self.frames.extend(frame);
        let limit = usize::try_from(LIMITS.input.bytes()).unwrap_or(usize::MAX);
        if self.frames.len() > limit {
            let what = "the TypeScript".to_owned();
            return Err(too_large(what, self.frames.len(), limit));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// As the compiler is given them.
    pub(super) fn frames(&self) -> &[u8] {
        &self.frames
    }

    /// Their paths, in the order of the frames.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The path of the largest.
    pub(super) fn largest(&self) -> &str {
        &self.largest.1
    }

    /// What is no TypeScript.
    pub(super) fn into_files(self) -> Vec<SnapshotFile> {
        self.others
    }

    /// All files, with the outcomes where the shim looks for them.
    pub(super) fn with(self, outcomes: Vec<Compiled>) -> Vec<SnapshotFile> {
        let mut files = self.others;
        for outcome in outcomes {
            let mut put = |path: &str, ending: &str, text: String| {
                files.push(SnapshotFile {
                    path: PathBuf::from(format!("{COMPILED_DIRECTORY}/{path}{ending}")),
                    content: text.into_bytes(),
                });
            };
            match outcome {
                Compiled::Module { path, code, map } => {
                    put(&path, ".js", code);
                    put(&path, ".map", map);
                }
                Compiled::Refused { path, problem } => {
                    put(&path, ".error", problem.told(&path));
                }
            }
        }
        files
    }
}

/// Whether there is anything to compile.
#[must_use]
pub fn is_needed(files: &[SnapshotFile]) -> bool {
    let mut kinds = files.iter().map(|file| kind(&file.path));
    kinds.any(|kind| matches!(kind, Kind::TypeScript))
}

enum Kind {
    TypeScript,
    Declaration,
    Other,
}

fn kind(path: &Path) -> Kind {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(stem) = name.strip_suffix(".ts").or(name.strip_suffix(".mts")) else {
        return Kind::Other;
    };
    // Also `a.d.css.ts`, a declaration of what is in a file of another kind.
    if stem.ends_with(".d") || stem.contains(".d.") {
        Kind::Declaration
    } else {
        Kind::TypeScript
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &[u8]) -> SnapshotFile {
        SnapshotFile {
            path: path.into(),
            content: content.to_vec(),
        }
    }

    fn paths(files: &[SnapshotFile]) -> Vec<&str> {
        files
            .iter()
            .map(|file| file.path.to_str().unwrap())
            .collect()
    }

    #[test]
    fn code_takes_the_place_of_typescript_and_nothing_else_is_touched() {
        let files = [
            "main.ts",
            "a.js",
            "b.mts",
            "c.d.ts",
            "d.css.d.mts",
            "e.tsx",
            "ts",
        ];
        let files = files.map(|path| file(path, b"x")).to_vec();
        assert!(is_needed(&files));
        let sources = Sources::of("p", files).unwrap();
        assert_eq!(sources.names().collect::<Vec<_>>(), ["main.ts", "b.mts"]);
        let outcomes = vec![
            Compiled::Module {
                path: "main.ts".to_owned(),
                code: "y".to_owned(),
                map: "{}".to_owned(),
            },
            Compiled::Refused {
                path: "b.mts".to_owned(),
                problem: lazaret_protocol::Problem {
                    line: 3,
                    column: 7,
                    message: "no".to_owned(),
                    text: "  x".to_owned(),
                },
            },
        ];
        let files = sources.with(outcomes);
        let expected = [
            "a.js",
            "e.tsx",
            "ts",
            ".lazaret/compiled/main.ts.js",
            ".lazaret/compiled/main.ts.map",
            ".lazaret/compiled/b.mts.error",
        ];
        assert_eq!(paths(&files), expected);
        assert!(!is_needed(&files), "once is enough");
        assert_eq!(files[3].content, b"y");
        assert_eq!(files[5].content, b"b.mts:3:7: no: `x`");
    }

    #[test]
    fn sources_that_are_no_text_or_too_large_are_refused_by_name() {
        let refused = |files: Vec<SnapshotFile>| {
            let refused = Sources::of("p", files).err().expect("refused");
            refused.to_string()
        };
        assert_eq!(
            refused(vec![file("a.ts", b"\xff")]),
            "`a.ts` of plugin `p` is not UTF-8"
        );
        let large = vec![b' '; MAX_SOURCE_BYTES + 1];
        assert!(
            refused(vec![file("a.ts", &large)]).contains("`a.ts` of plugin `p` has 4194305 bytes")
        );
        let many = (0..9).map(|number| file(&format!("{number}.ts"), &large[1..]));
        let refused = refused(many.collect());
        assert!(
            refused.contains("the TypeScript of plugin `p`"),
            "{refused}"
        );
        // The same bytes in JavaScript are the shim's matter.
        assert!(Sources::of("p", vec![file("a.js", &large)]).is_ok());
    }
}
