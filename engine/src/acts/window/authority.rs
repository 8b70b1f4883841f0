//! The key of a display, as `xauth` keeps it (Xau(3)): for each display a record of family, address,
//! number, name of the scheme and key, each but the first with its length before it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The only scheme of which the key is all there is to it.
const SCHEME: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// The most bytes of the file that are read.
const MAX_BYTES: u64 = 64 * 1024;

/// Of a display of the machine whose name is the address.
const LOCAL: u16 = 256;

/// Of any display.
const WILD: u16 = 65535;

/// Name of the scheme, and the key; both empty for a display that takes none.
pub(super) type Key = (Vec<u8>, Vec<u8>);

/// Why no key is taken from the file. Told to plugins: says nothing of where it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// As the kernel has it.
    #[error("the file cannot be read: {0}")]
    Unreadable(ErrorKind),
    /// What it leads to may be another file the next time.
    #[error("the file is a symbolic link")]
    Link,
    /// It is a directory, a device, a pipe.
    #[error("it is no plain file")]
    NotPlain,
    /// `xauth` writes some hundred bytes.
    #[error("the file has {bytes} bytes, more than {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Its group or others may.
    #[error("others than its owner may write the file (mode {mode:o})")]
    Writable {
        /// Its permission bits.
        mode: u32,
    },
    /// Of no scheme that is spoken, or of other displays.
    #[error("the file has no key `MIT-MAGIC-COOKIE-1` for display `:{number}`")]
    NoKey {
        /// The display.
        number: u16,
    },
}

impl From<std::io::Error> for KeyError {
    fn from(error: std::io::Error) -> Self {
        Self::Unreadable(error.kind())
    }
}

/// The key for a display of this machine.
///
/// # Errors
/// [`KeyError`].
pub(super) fn key(file: Option<&Path>, number: u16) -> Result<Key, KeyError> {
    let Some(path) = file else {
        return Ok(Key::default());
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::LOOP => KeyError::Link,
        errno => KeyError::Unreadable(errno.kind()),
    })?;
    let file = File::from(file);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(KeyError::NotPlain);
    }
    let (bytes, mode) = (metadata.len(), metadata.mode() & 0o7777);
    if bytes > MAX_BYTES {
        return Err(KeyError::TooLarge { bytes });
    }
    if mode & 0o022 != 0 {
        return Err(KeyError::Writable { mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let host = rustix::system::uname();
    match find(&bytes, host.nodename().to_bytes(), number) {
        Some(key) => Ok((SCHEME.to_vec(), key)),
        None => Err(KeyError::NoKey { number }),
    }
}

fn find(mut bytes: &[u8], host: &[u8], number: u16) -> Option<Vec<u8>> {
    let number = number.to_string();
    loop {
        let family = u16::from_be_bytes(*bytes.first_chunk()?);
        let mut rest = &bytes[2..];
        let mut fields = [&[][..]; 4];
        for field in &mut fields {
            let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
            (*field, rest) = rest[2..].split_at_checked(length)?;
        }
        let [address, display, scheme, key] = fields;
        let here = family == WILD || (family == LOCAL && address == host);
        let this = display.is_empty() || display == number.as_bytes();
        if here && this && scheme == SCHEME {
            return Some(key.to_vec());
        }
        bytes = rest;
    }
}

/// A record of such a file.
#[cfg(test)]
pub(super) fn record(family: u16, address: &[u8], display: &[u8], key: &[u8]) -> Vec<u8> {
    let mut record = family.to_be_bytes().to_vec();
    for field in [address, display, SCHEME, key] {
        let length = u16::try_from(field.len()).unwrap();
        record.extend(length.to_be_bytes());
        record.extend(field);
    }
    record
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_of_the_display_is_found_and_no_other() {
        let file = [
            record(0, b"\x7f\0\0\x01", b"7", b"internet"),
            record(LOCAL, b"other", b"7", b"elsewhere"),
            record(LOCAL, b"here", b"8", b"eight"),
            record(LOCAL, b"here", b"7", b"seven"),
            record(WILD, b"", b"", b"any"),
        ]
        .concat();
        assert_eq!(find(&file, b"here", 7).unwrap(), b"seven");
        assert_eq!(find(&file, b"here", 8).unwrap(), b"eight");
        assert_eq!(find(&file, b"here", 9).unwrap(), b"any");
        assert_eq!(find(&file[..file.len() - 1], b"here", 9), None);
        for end in 0..file.len() {
            find(&file[..end], b"none", 9);
        }
    }

    #[test]
    fn only_a_small_plain_file_that_nobody_else_writes_is_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("authority");
        let good = record(WILD, b"", b"", b"key");
        fs_err::write(&path, &good).unwrap();
        let mode =
            |mode| fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        assert_eq!(
            key(Some(&path), 1).unwrap(),
            (SCHEME.to_vec(), b"key".to_vec())
        );
        assert_eq!(key(None, 1).unwrap(), Key::default());
        let refused = |path: &Path| key(Some(path), 1).unwrap_err();
        mode(0o620);
        assert_eq!(refused(&path), KeyError::Writable { mode: 0o620 });
        mode(0o600);
        fs_err::write(&path, [good, vec![0; 70_000]].concat()).unwrap();
        assert!(matches!(refused(&path), KeyError::TooLarge { .. }));
        fs_err::write(&path, record(LOCAL, b"", b"1", b"key")).unwrap();
        assert_eq!(refused(&path), KeyError::NoKey { number: 1 });
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refused(&link), KeyError::Link);
        assert_eq!(refused(root.path()), KeyError::NotPlain);
        assert_eq!(refused(Path::new("/dev/zero")), KeyError::NotPlain);
        let none = root.path().join("none");
        assert_eq!(refused(&none), KeyError::Unreadable(ErrorKind::NotFound));
        assert!(!refused(&none).to_string().contains("none"));
    }
}
