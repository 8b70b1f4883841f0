//! A plugin's files on their way to the launcher: plain files by relative path, nothing else.
//!
//! The engine reads the files with its own rights and hands over their bytes, so the launcher
//! opens no path the engine could not. Layout: for each file a little-endian `u32` length of the
//! path, a `u32` length of the content, the path, the content.

use std::path::{Component, Path, PathBuf};

/// The most bytes of a plugin, contents and paths together.
pub const MAX_SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;

/// The most files of a plugin.
pub const MAX_SNAPSHOT_FILES: usize = 10_000;

/// The longest relative path of a plugin's file in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// One file of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Relative, without `.` and `..`.
    pub path: PathBuf,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why the files are no snapshot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes end within a file, or a length does not fit.
    #[error("the plugin's snapshot is cut short")]
    Truncated,
    /// A path could lead out of the plugin's directory.
    #[error("invalid path in the plugin's snapshot: `{}`", .0.escape_debug())]
    Path(String),
    /// More bytes than a plugin may have.
    #[error("the plugin has {bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Counted so far.
        bytes: usize,
        /// [`MAX_SNAPSHOT_BYTES`].
        limit: usize,
    },
    /// More files than a plugin may have.
    #[error("the plugin has more than {limit} files")]
    TooManyFiles {
        /// [`MAX_SNAPSHOT_FILES`].
        limit: usize,
    },
}

/// Writes the files down, in their order.
///
/// # Errors
/// Where a path or the whole breaks a limit.
pub fn encode_snapshot(files: &[SnapshotFile]) -> Result<Vec<u8>, SnapshotError> {
    if files.len() > MAX_SNAPSHOT_FILES {
        return Err(SnapshotError::TooManyFiles {
            limit: MAX_SNAPSHOT_FILES,
        });
    }
    let mut bytes = Vec::new();
    for file in files {
        let path = checked_path(file.path.as_os_str().as_encoded_bytes())?;
        bytes.extend_from_slice(&length(path.len())?);
        bytes.extend_from_slice(&length(file.content.len())?);
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(&file.content);
        if bytes.len() > MAX_SNAPSHOT_BYTES {
            return Err(SnapshotError::TooLarge {
                bytes: bytes.len(),
                limit: MAX_SNAPSHOT_BYTES,
            });
        }
    }
    Ok(bytes)
}

/// Reads the files back.
///
/// # Errors
/// Where the bytes are not what [`encode_snapshot`] writes.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Vec<SnapshotFile>, SnapshotError> {
    if bytes.len() > MAX_SNAPSHOT_BYTES {
        return Err(SnapshotError::TooLarge {
            bytes: bytes.len(),
            limit: MAX_SNAPSHOT_BYTES,
        });
    }
    let mut files = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if files.len() == MAX_SNAPSHOT_FILES {
            return Err(SnapshotError::TooManyFiles {
                limit: MAX_SNAPSHOT_FILES,
            });
        }
        let path_length = take_length(&mut rest)?;
        let content_length = take_length(&mut rest)?;
        let path = checked_path(take(&mut rest, path_length)?)?;
        let content = take(&mut rest, content_length)?.to_vec();
        files.push(SnapshotFile {
            path: PathBuf::from(path),
            content,
        });
    }
    Ok(files)
}

fn length(value: usize) -> Result<[u8; 4], SnapshotError> {
    u32::try_from(value)
        .map(u32::to_le_bytes)
        .map_err(|_| SnapshotError::TooLarge {
            bytes: value,
            limit: MAX_SNAPSHOT_BYTES,
        })
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], SnapshotError> {
    let (head, tail) = rest
        .split_at_checked(count)
        .ok_or(SnapshotError::Truncated)?;
    *rest = tail;
    Ok(head)
}

fn take_length(rest: &mut &[u8]) -> Result<usize, SnapshotError> {
    let bytes = take(rest, 4)?
        .try_into()
        .map_err(|_| SnapshotError::Truncated)?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn checked_path(bytes: &[u8]) -> Result<&str, SnapshotError> {
    let invalid = || SnapshotError::Path(String::from_utf8_lossy(bytes).into_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| invalid())?;
    let plain = Path::new(text)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let spelled = text
        .split('/')
        .all(|part| !part.is_empty() && part != "." && part != "..");
    if plain && spelled && text.len() <= MAX_PATH_BYTES && !text.contains('\0') {
        Ok(text)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(path: &str, content: &[u8]) -> SnapshotFile {
        SnapshotFile {
            path: PathBuf::from(path),
            content: content.to_vec(),
        }
    }

    #[test]
    fn files_come_back_as_they_went() {
        let files = vec![
            file("main.js", b"export {}"),
            file("lib/a b.json", b""),
            file("ü", b"\0"),
        ];
        assert_eq!(
            decode_snapshot(&encode_snapshot(&files).unwrap()).unwrap(),
            files
        );
    }

    #[test]
    fn paths_that_lead_elsewhere_are_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "./a",
            "a/",
            "a\0b",
        ] {
            let written = encode_snapshot(&[file(path, b"x")]);
            assert!(matches!(written, Err(SnapshotError::Path(_))), "{path:?}");
            let mut raw = Vec::new();
            raw.extend_from_slice(&(path.len() as u32).to_le_bytes());
            raw.extend_from_slice(&0_u32.to_le_bytes());
            raw.extend_from_slice(path.as_bytes());
            assert!(
                matches!(decode_snapshot(&raw), Err(SnapshotError::Path(_))),
                "{path:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_decoder(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(files) = decode_snapshot(&bytes) {
                prop_assert_eq!(encode_snapshot(&files).unwrap(), bytes);
            }
        }

        #[test]
        fn a_cut_snapshot_is_refused(cut in 1_usize..20) {
            let bytes = encode_snapshot(&[file("main.js", b"0123456789")]).unwrap();
            let short = &bytes[..bytes.len() - cut];
            prop_assert!(decode_snapshot(short).is_err() || short.is_empty());
        }
    }
}
