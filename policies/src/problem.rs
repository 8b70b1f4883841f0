use std::fmt;

/// Most characters of a foreign value that a message repeats.
const SHOWN_CHARACTERS: usize = 80;

/// Names longer than this are not compared with known names: the comparison is quadratic.
const LONGEST_COMPARED: usize = 64;

/// A position in a policy file; both numbers count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// Why a single value is not accepted, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    message: String,
    hint: Option<String>,
}

impl Invalid {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same, said of the value of a key.
    pub(crate) fn of(self, path: &str) -> Self {
        Self {
            message: format!("`{path}`: {}", self.message),
            hint: self.hint,
        }
    }

    pub(crate) fn at(self, place: Place) -> Problem {
        Problem {
            message: self.message,
            line: place.line,
            column: place.column,
            hint: self.hint,
        }
    }
}

/// Why a value within a larger one is not accepted, and where it stands.
#[derive(Debug)]
pub(crate) struct Misplaced(pub(crate) Place, pub(crate) Invalid);

/// One thing that is wrong in a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in one line.
    pub message: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in the line, from 1, in characters.
    pub column: usize,
    /// What to write instead, where there is something to say.
    pub hint: Option<String>,
}

/// Everything that is wrong with one policy file, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblems {
    /// The name the file was given by.
    pub file: String,
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl PolicyProblems {
    pub(crate) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Self {
            file: file.to_owned(),
            problems,
        }
    }
}

impl fmt::Display for PolicyProblems {
    /// `FILE:LINE:COLUMN: message`, each followed by its `  hint:` line; no line end after the last.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let Problem {
                message,
                line,
                column,
                hint,
            } = problem;
            write!(out, "{}:{line}:{column}: {message}", escaped(&self.file))?;
            if let Some(hint) = hint {
                write!(out, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for PolicyProblems {}

/// A foreign value in backticks: control characters escaped, cut where it is long.
pub(crate) fn quoted(value: &str) -> String {
    let cut = value
        .char_indices()
        .nth(SHOWN_CHARACTERS)
        .map(|(index, _)| index);
    match cut {
        Some(index) => format!("`{}…`", escaped(&value[..index])),
        None => format!("`{}`", escaped(value)),
    }
}

/// Nothing a terminal would act on or hide; quotes and backslashes stay as they are.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '\'' | '"' | '\\') {
            out.push(character);
        } else {
            out.extend(character.escape_debug());
        }
    }
    out
}

/// The known name a user most likely meant, if one is near.
pub(crate) fn nearest<'known>(name: &str, known: &[&'known str]) -> Option<&'known str> {
    if name.len() > LONGEST_COMPARED {
        return None;
    }
    let lower = name.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&lower, &known.to_lowercase()),
                *known,
            )
        })
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `did you mean …?` where a known name is near, else the list of what is known.
pub(crate) fn name_hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use {}", one_of(known)),
    }
}

/// `` `a`, `b` or `c` ``
pub(crate) fn one_of(known: &[&str]) -> String {
    joined(known, "or")
}

/// `` `a`, `b` and `c` ``
pub(crate) fn all_of(known: &[&str]) -> String {
    joined(known, "and")
}

fn joined(known: &[&str], word: &str) -> String {
    match known {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [most @ .., last] => format!("`{}` {word} `{last}`", most.join("`, `")),
    }
}

/// Reads one word out of a closed set of words.
pub(crate) fn choice<T: Copy>(text: &str, what: &str, known: &[(&str, T)]) -> Result<T, Invalid> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    Err(Invalid::new(format!("{} is no {what}", quoted(text))).hint(name_hint(text, &names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_values_are_escaped_and_cut() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}"), r"`a\u{1b}[31m\u{202e}`");
        let long = quoted(&"é".repeat(500));
        assert_eq!(long.chars().count(), SHOWN_CHARACTERS + 3);
    }

    #[test]
    fn near_names_are_found_and_far_names_are_not() {
        let known = ["memory", "cpu", "cpu_per_call"];
        assert_eq!(nearest("memroy", &known), Some("memory"));
        assert_eq!(nearest("cpu-per-call", &known), Some("cpu_per_call"));
        assert_eq!(nearest("network", &known), None);
        assert_eq!(nearest(&"m".repeat(100_000), &known), None);
    }
}
