//! The TypeScript among a plugin's files, and what takes its place.

use std::path::{Path, PathBuf};

use lazaret_launcher_wire::SnapshotFile;
use lazaret_protocol::{COMPILED_DIRECTORY, Compiled, Problem, Source, encode};

use super::{CompileError, LIMITS};
use crate::event::escape;

/// The largest source in bytes, as for every module.
const MAX_SOURCE_BYTES: usize = 4 * 1024 * 1024;

/// A plugin's files: its sources, framed for the compiler, and all others.
pub(super) struct Sources {
    names: Vec<String>,
    largest: (usize, String),
    frames: Vec<u8>,
    /// Those the compiler is not given.
    refused: Vec<Compiled>,
    others: Vec<SnapshotFile>,
}

impl Sources {
    /// Takes them apart. Declarations (`.d.ts`) are left out: nothing is in them at run time. A
    /// source that is no text, or too large, is one that cannot be imported.
    pub(super) fn of(plugin: &str, files: Vec<SnapshotFile>) -> Result<Self, CompileError> {
        let mut sources = Self {
            names: Vec::new(),
            largest: (0, String::new()),
            frames: Vec::new(),
            refused: Vec::new(),
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
        let bytes = file.content.len();
        if bytes > MAX_SOURCE_BYTES {
            let what = format!("the source has {bytes} bytes, more than {MAX_SOURCE_BYTES}");
            self.refuse(path, 1, what);
            return Ok(());
        }
        let text = match String::from_utf8(file.content) {
            Ok(text) => text,
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
                self.refuse(path, line, "the source is not UTF-8".to_owned());
                return Ok(());
            }
        };
        let source = Source { path, text };
        let encoded = encode(&source);
        let path = source.path;
        let frame = match encoded {
            Ok(frame) => frame,
            Err(error) => {
                self.refuse(path, 1, error.to_string());
                return Ok(());
            }
        };
        if bytes >= self.largest.0 {
            self.largest = (bytes, path.clone());
        }
        self.names.push(path);
        self.frames.extend(frame);
        let limit = usize::try_from(LIMITS.input.bytes()).unwrap_or(usize::MAX);
        if self.frames.len() > limit {
            return Err(CompileError::TooLarge {
                plugin: plugin.to_owned(),
                bytes: self.frames.len(),
                limit,
            });
        }
        Ok(())
    }

    fn refuse(&mut self, path: String, line: usize, message: String) {
        let problem = Problem {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: 1,
            message,
            text: String::new(),
        };
        self.refused.push(Compiled::Refused { path, problem });
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

    /// All files, where the compiler has nothing to do.
    pub(super) fn into_files(self) -> Vec<SnapshotFile> {
        self.with(Vec::new())
    }

    /// All files, with the outcomes where the shim looks for them.
    pub(super) fn with(self, outcomes: Vec<Compiled>) -> Vec<SnapshotFile> {
        let mut files = self.others;
        for outcome in outcomes.into_iter().chain(self.refused) {
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
                    put(&path, ".error", problem.told(&escape(&path)));
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
    fn a_source_that_is_no_text_or_too_large_is_refused_and_no_other() {
        let large = vec![b' '; MAX_SOURCE_BYTES + 1];
        let files = vec![
            file("a\nx.ts", b"1\n\xff"),
            file("b.ts", &large),
            file("c.ts", b"1"),
            // The same bytes in JavaScript are the shim's matter.
            file("d.js", &large),
        ];
        let sources = Sources::of("p", files).unwrap();
        assert_eq!(sources.names().collect::<Vec<_>>(), ["c.ts"]);
        let files = sources.into_files();
        assert_eq!(
            paths(&files[1..]),
            [
                ".lazaret/compiled/a\nx.ts.error",
                ".lazaret/compiled/b.ts.error"
            ]
        );
        let told = |at: usize| String::from_utf8_lossy(&files[at].content);
        assert_eq!(told(1), "a\\nx.ts:2:1: the source is not UTF-8: ``");
        assert!(told(2).starts_with("b.ts:1:1: the source has 4194305 bytes"));
    }

    #[test]
    fn more_than_the_compiler_takes_is_refused() {
        let large = vec![b' '; MAX_SOURCE_BYTES];
        let many = (0..9).map(|number| file(&format!("{number}.ts"), &large));
        let refused = Sources::of("p", many.collect()).err().expect("refused");
        let refused = refused.to_string();
        assert!(
            refused.contains("the TypeScript of plugin `p`"),
            "{refused}"
        );
    }
}
