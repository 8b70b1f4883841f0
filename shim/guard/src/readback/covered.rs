//! What of `/proc` is masked or read-only (config-linux.md, `maskedPaths` and `readonlyPaths`),
//! found out as the plugin would: by looking.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use lazaret_protocol::{Difference, Expected};
use rustix::fs::{StatVfsMountFlags, makedev, statvfs};

use super::difference;

/// What is seen at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Nothing: this kernel has no such file.
    Absent,
    /// A directory.
    Directory {
        /// It is on a mount nobody can write to.
        read_only: bool,
        /// There is something in it.
        filled: bool,
    },
    /// A character device of this number.
    Device(u64),
    /// A file of any other kind.
    File {
        /// It is on a mount nobody can write to.
        read_only: bool,
    },
}

/// Looks at every path that must be covered.
pub(super) fn differences(expected: &Expected) -> Vec<Difference> {
    let masked = expected.masked.iter();
    let read_only = expected.read_only.iter();
    masked
        .filter_map(|path| checked(path, compare_masked))
        .chain(read_only.filter_map(|path| checked(path, compare_read_only)))
        .collect()
}

fn checked(
    path: &str,
    compare: impl Fn(&str, Covered) -> Option<Difference>,
) -> Option<Difference> {
    match look(path) {
        Ok(covered) => compare(path, covered),
        Err(error) => Some(difference(path, "can be looked at", error)),
    }
}

fn look(path: &str) -> std::io::Result<Covered> {
    let metadata = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Covered::Absent),
        Err(error) => return Err(error),
    };
    if metadata.file_type().is_char_device() {
        return Ok(Covered::Device(metadata.rdev()));
    }
    let read_only = statvfs(path)?.f_flag.contains(StatVfsMountFlags::RDONLY);
    Ok(if metadata.is_dir() {
        Covered::Directory {
            read_only,
            filled: fs_err::read_dir(path)?.next().is_some(),
        }
    } else {
        Covered::File { read_only }
    })
}

/// What differs from a masked path: nothing there, an empty directory, or `/dev/null` over a file.
#[must_use]
pub fn compare_masked(path: &str, found: Covered) -> Option<Difference> {
    let empty = Covered::Directory {
        read_only: true,
        filled: false,
    };
    let masked =
        found == Covered::Absent || found == empty || found == Covered::Device(makedev(1, 3));
    (!masked).then(|| difference(format!("masked {path}"), "nothing in it", told(found)))
}

/// What differs from a path that nobody can write to.
#[must_use]
pub fn compare_read_only(path: &str, found: Covered) -> Option<Difference> {
    let held = match found {
        Covered::Absent => true,
        Covered::Directory { read_only, .. } | Covered::File { read_only } => read_only,
        Covered::Device(_) => false,
    };
    (!held).then(|| difference(format!("read-only {path}"), "ro", told(found)))
}

fn told(found: Covered) -> String {
    let mode = |read_only| if read_only { "ro" } else { "rw" };
    match found {
        Covered::Absent => "absent".to_owned(),
        Covered::Directory { read_only, filled } => {
            let content = if filled { "filled" } else { "empty" };
            format!("directory, {content}, {}", mode(read_only))
        }
        Covered::Device(number) => format!("device {number:#x}"),
        Covered::File { read_only } => format!("file, {}", mode(read_only)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(read_only: bool, filled: bool) -> Covered {
        Covered::Directory { read_only, filled }
    }

    #[test]
    fn what_is_masked_is_absent_empty_or_the_null_device() {
        for good in [
            Covered::Absent,
            directory(true, false),
            Covered::Device(makedev(1, 3)),
        ] {
            assert_eq!(compare_masked("/proc/keys", good), None, "{good:?}");
        }
        for bad in [
            directory(true, true),
            directory(false, false),
            Covered::Device(makedev(1, 1)),
            Covered::File { read_only: true },
        ] {
            let found = compare_masked("/proc/keys", bad).expect("a difference");
            assert_eq!(found.what, "masked /proc/keys", "{bad:?}");
        }
    }

    #[test]
    fn what_is_read_only_is_absent_or_on_a_mount_nobody_writes_to() {
        for good in [
            Covered::Absent,
            directory(true, true),
            Covered::File { read_only: true },
        ] {
            assert_eq!(compare_read_only("/proc/sys", good), None, "{good:?}");
        }
        for bad in [
            directory(false, true),
            Covered::File { read_only: false },
            Covered::Device(makedev(1, 3)),
        ] {
            let found = compare_read_only("/proc/sys", bad).expect("a difference");
            assert_eq!(found.what, "read-only /proc/sys", "{bad:?}");
        }
    }

    #[test]
    fn files_are_told_apart_as_they_are_on_this_host() {
        let temporary = tempfile::tempdir().expect("directory");
        let path = temporary.path().to_str().expect("text");
        let seen = |path: &str| look(path).expect("looked at");
        assert_eq!(seen(path), directory(false, false));
        fs_err::write(temporary.path().join("file"), "").expect("file");
        assert_eq!(seen(path), directory(false, true));
        assert_eq!(
            seen(&format!("{path}/file")),
            Covered::File { read_only: false }
        );
        assert_eq!(seen(&format!("{path}/none")), Covered::Absent);
        assert_eq!(seen("/dev/null"), Covered::Device(makedev(1, 3)));
    }
}
