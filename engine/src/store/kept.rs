//! What plugins keep, as whoever runs the engine sees it: without one, or beside one. What an engine
//! has open is its own, and is told to be in use.

use std::path::{Path, PathBuf};

use lazaret_protocol::Payload;

use super::kv::{Kept, Kv, file_of, plugin_of};
use super::{StoreError, failed};

/// The most keys that are read at a time, and about how many bytes of values.
const PAGE: (usize, u64) = (256, 1 << 20);

/// A plugin that keeps something, or did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keeper {
    /// Its name.
    pub(crate) plugin: String,
    /// What was found of it.
    pub(crate) found: Found,
}

/// What there is to say of what a plugin keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// So much.
    Kept(Kept),
    /// Not known while an engine has it, or another command.
    InUse,
    /// Nobody reads it, for this reason: it is damaged, or a later version's.
    Unreadable(String),
}

/// All that have kept something in a state directory, by their names.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn keepers(state: &Path) -> Result<Vec<Keeper>, StoreError> {
    let directory = match fs_err::read_dir(state.join("kv")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        directory => directory.map_err(StoreError::Directory)?,
    };
    let mut keepers = Vec::new();
    for entry in directory {
        let name = entry.map_err(StoreError::Directory)?.file_name();
        let Some(plugin) = name.to_str().and_then(plugin_of) else {
            continue;
        };
        let found = match Kv::existing(state, plugin) {
            Ok(Some(kv)) => Found::Kept(kv.kept()),
            Ok(None) => continue,
            Err(StoreError::KvInUse(_)) => Found::InUse,
            // The others are told all the same.
            Err(StoreError::Database { source, .. }) => Found::Unreadable(source.to_string()),
            Err(error @ StoreError::Newer { .. }) => Found::Unreadable(error.to_string()),
            Err(error) => return Err(error),
        };
        let plugin = plugin.to_owned();
        keepers.push(Keeper { plugin, found });
    }
    keepers.sort_by(|one, other| one.plugin.cmp(&other.plugin));
    Ok(keepers)
}

/// What one plugin keeps. While it is open no engine has it.
#[derive(Debug)]
pub(crate) struct KeptBy(Kv);

impl KeptBy {
    /// That of the plugin of this name; `None` where it never kept anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn open(state: &Path, plugin: &str) -> Result<Option<Self>, StoreError> {
        Ok(Kv::existing(state, plugin)?.map(Self))
    }

    /// Does something for each key with its value, in the order of the keys' bytes, from the one after this key on, as
    /// long as that says so. The key at which it ended, where it did before the last.
    ///
    /// # Errors
    /// [`StoreError`], or what it does.
    pub(crate) fn each<E: From<StoreError>>(
        &self,
        mut after: Option<String>,
        mut then: impl FnMut(&str, &Payload) -> Result<bool, E>,
    ) -> Result<Option<String>, E> {
        loop {
            let page = self.0.list("", after.as_deref(), PAGE.0, PAGE.1);
            let (entries, more) = page.map_err(failed("list what the plugin keeps"))?;
            for entry in &entries {
                if !then(&entry.key, &entry.value)? {
                    return Ok(Some(entry.key.clone()));
                }
            }
            match entries.into_iter().next_back() {
                Some(last) if more => after = Some(last.key),
                _ => return Ok(None),
            }
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn get(&self, key: &str) -> Result<Option<Payload>, StoreError> {
        self.0
            .get(key)
            .map_err(failed("read what the plugin keeps"))
    }

    /// Takes a key away; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn delete(&mut self, key: &str) -> Result<bool, StoreError> {
        let Some(value) = self.get(key)? else {
            return Ok(false);
        };
        let mut kept = self.0.kept();
        kept.keys -= 1;
        kept.bytes -= key.len() as u64 + value.bytes();
        let put = self.0.put(key, None, kept);
        put.map_err(failed("delete what the plugin keeps"))?;
        Ok(true)
    }

    /// Takes all away, and gives the room back to the disk; how much it was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn delete_all(&mut self) -> Result<Kept, StoreError> {
        let was = self.0.kept();
        let cleared = self.0.clear();
        cleared.map_err(failed("delete what the plugin keeps"))?;
        Ok(was)
    }
}

impl Kv {
    /// What the plugin keeps, where there is something; nothing is made.
    fn existing(state: &Path, plugin: &str) -> Result<Option<Self>, StoreError> {
        let path: PathBuf = file_of(state, plugin);
        match fs_err::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::Directory(error)),
            Ok(_) => match Self::open(state, plugin) {
                // An engine needs another one; who looks at it needs to be its owner.
                Err(StoreError::Foreign(path)) => Err(StoreError::OfAnother(path)),
                opened => opened.map(Some),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::KvDirectory;

    fn json(text: &str) -> Payload {
        Payload::Json(text.to_owned())
    }

    fn keep(engine: &KvDirectory, plugin: &str, entries: &[(&str, Payload)]) {
        let place = engine.of(plugin);
        let mut place = place.lock().unwrap();
        for (key, value) in entries {
            place
                .with(|kv| {
                    let mut kept = kv.kept();
                    kept.keys += 1;
                    kept.bytes += key.len() as u64 + value.bytes();
                    kv.put(key, Some(value), kept)
                })
                .unwrap();
        }
    }

    fn all(state: &Path, plugin: &str) -> Vec<(String, Payload)> {
        let kept = KeptBy::open(state, plugin).unwrap().unwrap();
        let mut found = Vec::new();
        let left = kept.each(None, |key, value| {
            found.push((key.to_owned(), value.clone()));
            Ok::<_, StoreError>(true)
        });
        assert_eq!(left.unwrap(), None);
        found
    }

    #[test]
    fn everything_is_found_by_the_plugins_name_whatever_that_is() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        assert_eq!(keepers(&state).unwrap(), []);
        assert!(KeptBy::open(&state, "one").unwrap().is_none());
        assert!(!state.exists(), "looking made something");
        let engine = KvDirectory::new(state.clone());
        let long = "神".repeat(42);
        for name in ["one", "a b.c_d-e", &long] {
            keep(&engine, name, &[("k", json("1"))]);
        }
        fs_err::write(state.join("kv/other.sqlite"), "").unwrap();
        let found = keepers(&state).unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.plugin.as_str()).collect();
        assert_eq!(names, ["a b.c_d-e", "one", long.as_str()]);
        let kept = Found::Kept(Kept { keys: 1, bytes: 2 });
        assert!(found.iter().all(|one| one.found == kept), "{found:?}");
    }

    #[test]
    fn all_keys_are_told_however_many_there_are() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let engine = KvDirectory::new(state.clone());
        let keys: Vec<String> = (0..600).map(|number| format!("{number:04}")).collect();
        let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), json("0"))).collect();
        keep(&engine, "one", &entries);
        let found: Vec<String> = all(&state, "one").into_iter().map(|one| one.0).collect();
        assert_eq!(found, keys);

        // A part at a time, between which nobody has it open.
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let kept = KeptBy::open(&state, "one").unwrap().unwrap();
            let mut part = 0;
            let left = kept.each(after, |key, _| {
                parts.push(key.to_owned());
                part += 1;
                Ok::<_, StoreError>(part < 300)
            });
            after = left.unwrap();
            if after.is_none() {
                break;
            }
        }
        assert_eq!(parts, keys);
    }

    #[test]
    fn one_that_nobody_reads_is_told_beside_the_others() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let engine = KvDirectory::new(state.clone());
        for name in ["damaged", "later", "whole"] {
            keep(&engine, name, &[("k", json("1"))]);
        }
        fs_err::write(file_of(&state, "damaged"), [7; 4096]).unwrap();
        let later = rusqlite::Connection::open(file_of(&state, "later")).unwrap();
        later.pragma_update(None, "user_version", 7).unwrap();
        drop(later);
        let found: Vec<Found> = keepers(&state)
            .unwrap()
            .into_iter()
            .map(|one| one.found)
            .collect();
        let [Found::Unreadable(damaged), Found::Unreadable(later), whole] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(damaged.contains("not a database"), "{damaged}");
        let path = file_of(&state, "later");
        let path = path.to_str().unwrap();
        assert!(
            later.contains(path) && later.contains("version 7"),
            "{later}"
        );
        assert_eq!(*whole, Found::Kept(Kept { keys: 1, bytes: 2 }));
        let error = KeptBy::open(&state, "later").unwrap_err();
        assert!(matches!(
            error,
            StoreError::Newer {
                found: 7,
                known: 1,
                ..
            }
        ));
    }

    #[test]
    fn what_is_deleted_is_gone_and_the_rest_is_not() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let engine = KvDirectory::new(state.clone());
        keep(
            &engine,
            "one",
            &[("a", json("1")), ("b", Payload::Bytes(vec![7; 100_000]))],
        );
        keep(&engine, "other", &[("a", json("3"))]);
        let mut kept = KeptBy::open(&state, "one").unwrap().unwrap();
        assert!(kept.delete("a").unwrap());
        assert!(!kept.delete("a").unwrap());
        drop(kept);
        assert_eq!(all(&state, "one").len(), 1);
        let mut kept = KeptBy::open(&state, "one").unwrap().unwrap();
        let was = kept.delete_all().unwrap();
        assert_eq!((was.keys, was.bytes), (1, 100_001));
        drop(kept);
        assert_eq!(all(&state, "one"), []);
        assert_eq!(all(&state, "other"), [("a".to_owned(), json("3"))]);
        let size = fs_err::metadata(file_of(&state, "one")).unwrap().len();
        assert!(size < 50_000, "{size} bytes are left");
        // The plugin goes on with nothing.
        keep(&engine, "one", &[("c", json("4"))]);
        assert_eq!(all(&state, "one"), [("c".to_owned(), json("4"))]);
    }

    #[test]
    fn what_an_engine_has_open_is_left_alone_and_told_to_be_in_use() {
        let root = tempfile::tempdir().unwrap();
        let state = root.path().join("state");
        let engine = KvDirectory::new(state.clone());
        let running = engine.of("one");
        running.lock().unwrap().with(|kv| Ok(kv.kept())).unwrap();
        keep(&engine, "other", &[("a", json("1"))]);
        assert!(matches!(
            KeptBy::open(&state, "one"),
            Err(StoreError::KvInUse(_))
        ));
        let found = keepers(&state).unwrap();
        assert_eq!(found[0].found, Found::InUse);
        assert_eq!(found[1].found, Found::Kept(Kept { keys: 1, bytes: 2 }));
        drop(running);
        assert!(KeptBy::open(&state, "one").unwrap().is_some());
    }
}
