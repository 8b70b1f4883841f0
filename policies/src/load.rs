use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt;

use crate::extends::{MOST_FILES, beside, laid_over, whole_problems};
use crate::origin::Source;
use crate::policy::{LoadError, SecurityPolicy};
use crate::problem::{Invalid, Place, PolicyProblems, quoted};
use crate::yaml::MAX_BYTES;

impl SecurityPolicy {
    /// Reads a policy file and the files it extends, at most 1 MiB of each and eight in all. What `extends` names is
    /// looked for from the directory of the file that says so.
    ///
    /// # Errors
    /// A file cannot be read, is too large, is not UTF-8, has problems, or extends itself.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::load_with_text(path).map(|(policy, _)| policy)
    }

    /// The same, and the text of the file itself as it was read.
    ///
    /// # Errors
    /// As of [`load`](Self::load).
    pub fn load_with_text(path: &Path) -> Result<(Self, String), LoadError> {
        let mut first = None;
        let mut files = Vec::new();
        let mut stack: Vec<Self> = Vec::new();
        let mut seen = HashSet::new();
        let mut next = path.to_owned();
        loop {
            let refuse = |why: Invalid| match stack.last() {
                Some(Self {
                    name,
                    extends: Some(base),
                    ..
                }) => PolicyProblems::new(name, vec![why.of("extends").at(base.origin.place())]),
                _ => PolicyProblems::new(&next.to_string_lossy(), vec![why.at(Place::START)]),
            };
            let shown = quoted(&next.to_string_lossy());
            if stack.len() == MOST_FILES {
                let message = format!("more than {MOST_FILES} files stand on each other");
                return Err(refuse(Invalid::new(message).hint("extend fewer files")).into());
            }
            let identity = fs_err::canonicalize(&next);
            let identity: PathBuf = match identity {
                Ok(identity) => identity,
                Err(error) if stack.is_empty() => return Err(error.into()),
                Err(error) => {
                    let hint = "the path goes from the directory of this file";
                    return Err(refuse(Invalid::new(error.to_string()).hint(hint)).into());
                }
            };
            if !seen.insert(identity) {
                let message = format!("{shown} is extended by itself");
                return Err(refuse(Invalid::new(message).hint("break the circle")).into());
            }
            let (policy, text) = one_file(&next)?;
            first.get_or_insert(text);
            let base = policy
                .extends
                .as_ref()
                .map(|base| beside(&next, &base.value));
            stack.push(policy);
            let file = match base {
                Some(base) => std::mem::replace(&mut next, base),
                None => break,
            };
            files.push(file);
        }
        let mut layers = stack.into_iter().rev();
        let lowest = layers.next().expect("the loop pushes before it ends");
        let mut whole = layers.fold(lowest, laid_over);
        whole.extends = None;
        files.push(next);
        whole.files = files;
        let mut problems = whole_problems(&whole);
        let Some((file, _)) = problems.first() else {
            return Ok((whole, first.expect("the loop reads before it ends")));
        };
        let file = file.clone();
        problems.retain(|(other, _)| *other == file);
        let name = file.unwrap_or_else(|| whole.name.to_string());
        let problems = problems.into_iter().map(|(_, problem)| problem).collect();
        Err(PolicyProblems::new(&name, problems).into())
    }
}

/// One file and its text, with what it extends still to be read.
fn one_file(path: &Path) -> Result<(SecurityPolicy, String), LoadError> {
    let name = path.to_string_lossy();
    let text = text_of(path, 0)?;
    match SecurityPolicy::read(&Source::File(name.as_ref().into()), &text) {
        Ok(policy) => Ok((policy, text)),
        Err(problems) => Err(PolicyProblems::new(&name, problems).into()),
    }
}

/// The text of a regular file that is no larger than a policy may be, opened with these flags more.
pub(crate) fn text_of(path: &Path, flags: i32) -> Result<String, LoadError> {
    let name = path.to_string_lossy();
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BYTES).expect("a small constant") + 1;
    regular_file(path, flags)?
        .take(limit)
        .read_to_end(&mut bytes)?;
    let refuse = |invalid: Invalid, place| PolicyProblems::new(&name, vec![invalid.at(place)]);
    if bytes.len() > MAX_BYTES {
        let message = format!("the file is above the most allowed {MAX_BYTES} bytes");
        return Err(refuse(Invalid::new(message), Place::START).into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let invalid = Invalid::new("a byte here is not UTF-8").hint("save the file as UTF-8 text");
        refuse(invalid, end_of(&before)).into()
    })
}

/// Opens a file that is one: to open a device can set it going, to open a pipe waits for its other end.
fn regular_file(path: &Path, flags: i32) -> std::io::Result<fs_err::File> {
    let refuse_other = |metadata: std::fs::Metadata| {
        if metadata.is_file() {
            return Ok(());
        }
        let message = format!("`{}` is no regular file", path.display());
        Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            message,
        ))
    };
    refuse_other(fs_err::metadata(path)?)?;
    let mut options = fs_err::OpenOptions::new();
    // Another file may be there by now: it must not hold up who opens it.
    options.read(true).custom_flags(libc::O_NONBLOCK | flags);
    let file = options.open(path)?;
    refuse_other(file.metadata()?)?;
    Ok(file)
}

/// The place just behind a text.
fn end_of(text: &str) -> Place {
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = text
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    Place { line, column }
}
