//! `lazaret policy fmt`

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use lazaret_policy::{PolicyProblems, SecurityPolicy};
use serde::Serialize;

use super::refusal;
use crate::cli::ExitCode;
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::event::escape;

/// What a policy is read from and written to where no file is named.
const STANDARD: &str = "-";

/// Above the largest policy; what is larger is refused when it is read as one.
const MOST_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(in crate::cli) struct FmtArguments {
    /// The policy files, written anew in their places; `-` reads standard input and writes standard output.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Write nothing; fail, with the status of a wrong policy, if a file is not written as it would be.
    #[arg(long)]
    check: bool,
    /// Print for each file whether it differs, as JSON.
    #[arg(long, requires = "check")]
    json: bool,
}

/// A policy as it is, and as it is to be.
struct Formatted {
    before: String,
    after: String,
}

#[derive(Serialize)]
struct Report {
    file: String,
    /// The first line that is not as it would be written, from 1; `null` where the whole file is.
    differs_from: Option<usize>,
}

pub(super) fn run(arguments: &FmtArguments) -> Result<ExitCode, Failure> {
    let mut reports = Vec::new();
    let mut refused = Vec::new();
    for path in &arguments.files {
        let formatted = match formatted(path) {
            Ok(formatted) => formatted,
            Err(failure) => {
                refused.push(failure);
                continue;
            }
        };
        let report = Report {
            file: path.to_string_lossy().into_owned(),
            differs_from: first_difference(&formatted),
        };
        if !arguments.check {
            write(path, &formatted)?;
        }
        reports.push(report);
    }
    let differ: Vec<&Report> = reports
        .iter()
        .filter(|one| one.differs_from.is_some())
        .collect();
    if arguments.json {
        print_json(&reports)?;
    } else if arguments.check {
        print(&differ.iter().map(|one| as_text(one)).collect::<String>())?;
    }
    if let Some(first) = refused.first() {
        let texts: Vec<&str> = refused
            .iter()
            .map(|failure| failure.text.as_str())
            .collect();
        return Err(Failure::new(first.code, texts.join("\n")));
    }
    if !arguments.check || differ.is_empty() {
        return Ok(ExitCode::Success);
    }
    let of = reports.len();
    Err(Failure::new(
        ExitCode::Policy,
        format!(
            "{} of {of} policies not as `lazaret policy fmt` writes them\n  hint: run `lazaret policy fmt` with them, without `--check`",
            differ.len()
        ),
    ))
}

fn as_text(report: &Report) -> String {
    let line = report.differs_from.unwrap_or(1);
    format!("{}:{line}: is written otherwise\n", escape(&report.file))
}

fn formatted(path: &Path) -> Result<Formatted, Failure> {
    let name = path.to_string_lossy();
    let mut before = String::new();
    let read = if name == STANDARD {
        std::io::stdin()
            .take(MOST_BYTES)
            .read_to_string(&mut before)
    } else {
        // As `policy check` does, with what it extends; and so it is a regular file.
        SecurityPolicy::load(path).map_err(refusal)?;
        fs_err::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut before))
    };
    read.map_err(|error| Failure::of(ExitCode::Policy, &error))?;
    let after = lazaret_policy::format(&name, &before)
        .map_err(|problems: PolicyProblems| refusal(problems.into()))?;
    Ok(Formatted { before, after })
}

fn write(path: &Path, formatted: &Formatted) -> Result<(), Failure> {
    if path.as_os_str() == STANDARD {
        return print(&formatted.after);
    }
    if formatted.before == formatted.after {
        return Ok(());
    }
    replace(path, &formatted.after).map_err(|error| Failure::of(ExitCode::Output, &error))
}

/// Puts a whole new file in the place of the old one, with its owner and mode, so that there is a policy at any moment.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = fs_err::canonicalize(path)?;
    let metadata = fs_err::metadata(&path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(text.as_bytes())?;
    let file = new.as_file();
    std::os::unix::fs::fchown(
        file,
        Some(std::os::unix::fs::MetadataExt::uid(&metadata)),
        Some(std::os::unix::fs::MetadataExt::gid(&metadata)),
    )?;
    file.set_permissions(metadata.permissions())?;
    file.sync_all()?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// The line, from 1, from which on the two differ.
fn first_difference(formatted: &Formatted) -> Option<usize> {
    let Formatted { before, after } = formatted;
    if before == after {
        return None;
    }
    let same = before.split('\n').zip(after.split('\n'));
    Some(same.take_while(|(before, after)| before == after).count() + 1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_line_that_differs_is_found() {
        let line = |before: &str, after: &str| {
            first_difference(&Formatted {
                before: before.to_owned(),
                after: after.to_owned(),
            })
        };
        assert_eq!(line("a\nb\n", "a\nb\n"), None);
        assert_eq!(line("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(line("a\n", "a\nb\n"), Some(2));
        assert_eq!(line("a", "a\n"), Some(2));
        assert_eq!(line("", "a\n"), Some(1));
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_behind_its_link() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("policy.yaml");
        let link = directory.path().join("link.yaml");
        fs_err::write(&file, "old").unwrap();
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        fs_err::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs_err::read_to_string(&file).unwrap(), "new");
        assert_eq!(
            fs_err::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 2);
    }
}
