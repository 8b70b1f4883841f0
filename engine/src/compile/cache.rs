//! What was compiled before, by what it was compiled from.
//!
//! All sources of a plugin that went into one container are one entry: one of them may have taken over the compiler and lied
//! about the others, and no other plugin is to be given that.

use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use fs_err::os::unix::fs::OpenOptionsExt;
use lazaret_rootfs::Digest as Version;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

/// The most bytes of all entries together; the oldest go first.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The most entries; the oldest go first.
const MAX_ENTRIES: usize = 1024;

/// The largest entry that is kept, or looked at.
const MAX_ENTRY_BYTES: u64 = 64 * 1024 * 1024;

/// What an entry begins with. Another form has another one.
const FORM: &[u8] = b"lazaret compiled 1\n";

/// What an entry is found by: compiler and sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// Of the compiler's root file system and the framed sources, names among them.
    pub(super) fn of(compiler: &Version, frames: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update(FORM);
        digest.update(compiler.to_string());
        digest.update(b"\n");
        digest.update(frames);
        Self(hexadecimal(&digest.finalize()))
    }
}

/// A directory of entries, each in a file named by its key.
#[derive(Clone)]
pub(super) struct Cache {
    directory: PathBuf,
    most: u64,
    most_entries: usize,
}

impl Cache {
    pub(super) fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            most: MAX_BYTES,
            most_entries: MAX_ENTRIES,
        }
    }

    /// What was kept under this key, if it is whole. Whatever is wrong, it is compiled again.
    pub(super) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.is_private().then_some(())?;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = fs_err::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.directory.join(&key.0))
            .ok()?;
        let metadata = file.metadata().ok()?;
        let good = metadata.is_file() && metadata.len() <= MAX_ENTRY_BYTES && is_ours(&metadata);
        good.then_some(())?;
        let mut entry = Vec::new();
        let mut reading = (&file).take(MAX_ENTRY_BYTES);
        reading.read_to_end(&mut entry).ok()?;
        let content = entry.strip_prefix(head(key).as_slice())?;
        let (digest, content) = content.split_first_chunk()?;
        let whole = *digest == <[u8; 32]>::from(Sha256::digest(content));
        whole.then(|| {
            // What is used stays. Nothing depends on it.
            drop(file.file().set_modified(SystemTime::now()));
            content.to_vec()
        })
    }

    /// Keeps it. What cannot be kept is compiled again.
    pub(super) fn put(&self, key: &Key, content: &[u8]) {
        if content.len() as u64 > MAX_ENTRY_BYTES / 2 {
            return;
        }
        // Nothing depends on it.
        drop(self.write(key, content));
    }

    fn write(&self, key: &Key, content: &[u8]) -> std::io::Result<()> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        if !self.is_private() {
            return Ok(());
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!(".{}-{number}", std::process::id());
        let temporary = self.directory.join(name);
        // Left by one that was killed and had this process's number.
        drop(fs_err::remove_file(&temporary));
        let written = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| {
                file.write_all(&head(key))?;
                file.write_all(&Sha256::digest(content))?;
                file.write_all(content)
            })
            .and_then(|()| fs_err::rename(&temporary, self.directory.join(&key.0)));
        if written.is_err() {
            drop(fs_err::remove_file(&temporary));
        }
        self.remove_oldest()?;
        written
    }

    /// Until there is room. Also temporary files count, and go.
    fn remove_oldest(&self) -> std::io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs_err::read_dir(&self.directory)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push((modified, metadata.len(), entry.path()));
            }
        }
        entries.sort();
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        let mut count = entries.len();
        for (_, bytes, path) in entries {
            if total <= self.most && count <= self.most_entries {
                break;
            }
            fs_err::remove_file(path)?;
            total -= bytes;
            count -= 1;
        }
        Ok(())
    }

    /// Nobody else can have put anything there.
    fn is_private(&self) -> bool {
        let metadata = fs_err::symlink_metadata(&self.directory);
        metadata.is_ok_and(|metadata| metadata.is_dir() && is_ours(&metadata))
    }
}

fn is_ours(metadata: &std::fs::Metadata) -> bool {
    let owner = metadata.uid() == rustix::process::geteuid().as_raw();
    owner && metadata.mode() & 0o022 == 0
}

/// What is before the content's digest, and the content: form and key.
fn head(key: &Key) -> Vec<u8> {
    [FORM, key.0.as_bytes()].concat()
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

    fn digest(digit: &str) -> String {
        format!("sha256:{}", digit.repeat(64))
    }

    fn key(frames: &[u8]) -> Key {
        Key::of(&digest("0").parse().unwrap(), frames)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_kept_is_found_by_what_it_was_made_from_and_by_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(&root.path().join("state/compiled"));
        assert_eq!(cache.get(&key(b"a")), None);
        cache.put(&key(b"a"), b"code");
        assert_eq!(cache.get(&key(b"a")).as_deref(), Some(&b"code"[..]));
        assert_eq!(cache.get(&key(b"b")), None);
        let other = Key::of(&digest("1").parse().unwrap(), b"a");
        assert_eq!(cache.get(&other), None);
        let path = cache.directory.join(&key(b"a").0);
        let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&cache.directory)), (0o600, 0o700));
        assert_eq!(fs_err::read_dir(&cache.directory).unwrap().count(), 1);
    }

    #[test]
    fn an_entry_that_is_not_what_was_kept_is_not_believed() {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache::at(&root.path().join("compiled"));
        cache.put(&key(b"a"), b"code");
        let path = cache.directory.join(&key(b"a").0);
        let whole = fs_err::read(&path).unwrap();
        let mut spoilt = whole.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        for content in [
            &spoilt[..],
            &whole[..whole.len() - 1],
            &whole[1..],
            b"",
            b"code",
        ] {
            fs_err::write(&path, content).unwrap();
            assert_eq!(cache.get(&key(b"a")), None);
        }
        // Another entry, whole, under this name.
        cache.put(&key(b"b"), b"other");
        fs_err::copy(cache.directory.join(&key(b"b").0), &path).unwrap();
        assert_eq!(cache.get(&key(b"a")), None);
        fs_err::write(&path, &whole).unwrap();
        assert!(cache.get(&key(b"a")).is_some());
        set_mode(&path, 0o622);
        assert_eq!(cache.get(&key(b"a")), None, "others may have written it");
        set_mode(&path, 0o600);
        set_mode(&cache.directory, 0o777);
        assert_eq!(cache.get(&key(b"a")), None, "others may have put it there");
        cache.put(&key(b"c"), b"code");
        assert!(!cache.directory.join(&key(b"c").0).exists());
        set_mode(&cache.directory, 0o700);
        fs_err::rename(&path, root.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(root.path().join("elsewhere"), &path).unwrap();
        assert_eq!(cache.get(&key(b"a")), None);
    }

    #[test]
    fn the_oldest_entries_go_where_there_is_no_room() {
        let root = tempfile::tempdir().unwrap();
        let mut cache = Cache::at(root.path());
        set_mode(root.path(), 0o700);
        cache.most = 1000;
        let now = SystemTime::now();
        for (age, name) in [(30, b"a"), (20, b"b"), (10, b"c")] {
            cache.put(&key(name), &[0; 250]);
            let path = root.path().join(&key(name).0);
            let file = fs_err::OpenOptions::new().write(true).open(path).unwrap();
            let modified = now - Duration::from_secs(age);
            file.file().set_modified(modified).unwrap();
        }
        let kept = [b"a", b"b", b"c"].map(|name| cache.get(&key(name)).is_some());
        assert_eq!(kept, [false, true, true]);
        // What was used last stays longest.
        assert!(cache.get(&key(b"b")).is_some());
        cache.most_entries = 2;
        cache.put(&key(b"e"), b"");
        let kept = [b"b", b"c", b"e"].map(|name| cache.get(&key(name)).is_some());
        assert_eq!(kept, [true, false, true]);
        cache.put(&key(b"d"), &[0; 2000]);
        assert!(cache.get(&key(b"c")).is_none());
    }
}
