//! What of `/proc` is masked or read-only (config-linux.md, `maskedPaths` and `readonlyPaths`),
//! found out as the plugin would: by looking.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use lazaret_protocol::{Difference, Expected};
use rustix::fs::{StatVfsMountFlags, makedev, statvfs};

use super::difference;

/// What is seen at a path that must be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masked {
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
    /// Any other kind of file.
    File,
}

/// Looks at every path that must be covered.
pub(super) fn differences(expected: &Expected) -> Vec<Difference> {
    let masked = expected.masked.iter().filter_map(|path| {
        let found = look(path);
        found.map_or_else(
            |error| unseen(path, error),
            |found| compare_masked(path, found),
        )
    });
    let read_only = expected.read_only.iter().filter_map(|path| {
        let found = is_read_only(path);
        found.map_or_else(
            |error| unseen(path, error),
            |read_only| compare_read_only(path, read_only),
        )
    });
    masked.chain(read_only).collect()
}

fn unseen(path: &str, error: std::io::Error) -> Option<Difference> {
    Some(difference(path, "can be looked at", error))
}

fn look(path: &str) -> std::io::Result<Masked> {
    let metadata = match fs_err::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Masked::Absent),
        Err(error) => return Err(error),
    };
    Ok(if metadata.file_type().is_char_device() {
        Masked::Device(metadata.rdev())
    } else if metadata.is_dir() {
        Masked::Directory {
            read_only: statvfs(path)?.f_flag.contains(StatVfsMountFlags::RDONLY),
            filled: fs_err::read_dir(path)?.next().is_some(),
        }
    } else {
        Masked::File
    })
}

/// Whether the mount a path is on can be written by nobody; `None` where there is no such path.
fn is_read_only(path: &str) -> std::io::Result<Option<bool>> {
    match statvfs(path) {
        Ok(found) => Ok(Some(found.f_flag.contains(StatVfsMountFlags::RDONLY))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// What differs from a masked path: nothing there, an empty directory, or `/dev/null` over a file.
#[must_use]
pub fn compare_masked(path: &str, found: Masked) -> Option<Difference> {
    let empty = Masked::Directory {
        read_only: true,
        filled: false,
    };
    let null = Masked::Device(makedev(1, 3));
    let told = match found {
        Masked::Absent => return None,
        found if found == empty || found == null => return None,
        Masked::Directory { filled: true, .. } => "a directory with something in it".to_owned(),
        Masked::Directory { .. } => "a directory that can be written".to_owned(),
        Masked::Device(number) => format!("device {number:#x}"),
        Masked::File => "a file".to_owned(),
    };
    Some(difference(format!("masked {path}"), "nothing", told))
}

/// What differs from a path that nobody can write to. `None` where there is no such path.
#[must_use]
pub fn compare_read_only(path: &str, read_only: Option<bool>) -> Option<Difference> {
    (read_only == Some(false)).then(|| difference(format!("read-only {path}"), "ro", "rw"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(read_only: bool, filled: bool) -> Masked {
        Masked::Directory { read_only, filled }
    }

    #[test]
    fn what_is_masked_is_absent_empty_or_the_null_device() {
        for good in [
            Masked::Absent,
            directory(true, false),
            Masked::Device(makedev(1, 3)),
        ] {
            assert_eq!(compare_masked("/proc/keys", good), None, "{good:?}");
        }
        for bad in [
            directory(true, true),
            directory(false, false),
            Masked::Device(makedev(1, 1)),
            Masked::File,
        ] {
            let found = compare_masked("/proc/keys", bad).expect("a difference");
            assert_eq!(found.what, "masked /proc/keys", "{bad:?}");
        }
    }

    #[test]
    fn what_is_read_only_is_absent_or_on_a_mount_nobody_writes_to() {
        for good in [None, Some(true)] {
            assert_eq!(compare_read_only("/proc/sys", good), None);
        }
        let found = compare_read_only("/proc/sys", Some(false)).expect("a difference");
        assert_eq!(found.what, "read-only /proc/sys");
    }

    #[test]
    fn files_are_told_apart_as_they_are_on_this_host() {
        let temporary = tempfile::tempdir().expect("directory");
        let path = temporary.path().to_str().expect("text");
        let seen = |path: &str| look(path).expect("looked at");
        assert_eq!(seen(path), directory(false, false));
        fs_err::write(temporary.path().join("file"), "").expect("file");
        assert_eq!(seen(path), directory(false, true));
        assert_eq!(seen(&format!("{path}/file")), Masked::File);
        assert_eq!(seen(&format!("{path}/none")), Masked::Absent);
        assert_eq!(seen("/dev/null"), Masked::Device(makedev(1, 3)));
        assert_eq!(is_read_only(path).expect("looked at"), Some(false));
        let none = is_read_only(&format!("{path}/none"));
        assert_eq!(none.expect("looked at"), None);
    }
}
