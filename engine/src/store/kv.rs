//! What plugins keep: for each a database of its own, so that none reads, fills or holds up that of
//! another.
//!
//! A change is on the disk when it is answered (WAL, `synchronous=FULL`). Where the disk is full it
//! fails, and what was there before is still there. Removed rows leave room that is used again; the
//! file takes at most a few times what its plugin may keep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use lazaret_protocol::{KvEntry, Payload};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::{StoreError, failed, make_private, text_digest};

/// How the table looks. Raised when it changes.
const VERSION: i64 = 1;

/// How long another engine may take to let go of a database. It is waited for on a thread of which
/// there are few.
const PATIENCE: Duration = Duration::from_millis(250);

/// Bytes of the log beside the database that are kept when it was written back.
const MAX_LOG_BYTES: i64 = 1 << 20;

const TABLE: &str = "CREATE TABLE entries (
    key BLOB NOT NULL UNIQUE,
    json INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;";

const LIST: &str = "SELECT key, json, value FROM entries
    WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3";

/// Hexadecimal digits of the digest in a file's name.
const DIGEST: usize = 32;

/// For how long nothing is tried again after a failure: opening counts all there is, or waits for
/// another engine.
const REST: Duration = Duration::from_secs(1);

/// The databases of all plugins of an engine.
#[derive(Debug)]
pub(crate) struct KvDirectory {
    state: PathBuf,
    open: Mutex<BTreeMap<String, Weak<Mutex<KvPlace>>>>,
}

impl KvDirectory {
    /// In a state directory, which is looked at when the first plugin keeps something.
    pub(crate) fn new(state: PathBuf) -> Self {
        Self {
            state,
            open: Mutex::default(),
        }
    }

    /// That of the plugin of this name; all containers of it have the same.
    pub(crate) fn of(&self, plugin: &str) -> Arc<Mutex<KvPlace>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, place| place.strong_count() > 0);
        if let Some(place) = open.get(plugin).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::new(Mutex::new(KvPlace {
            state: self.state.clone(),
            plugin: plugin.to_owned(),
            kv: None,
            rests: None,
        }));
        open.insert(plugin.to_owned(), Arc::downgrade(&place));
        place
    }
}

/// A plugin's database, opened when it is first used.
#[derive(Debug)]
pub(crate) struct KvPlace {
    state: PathBuf,
    plugin: String,
    kv: Option<Kv>,
    /// Until then nothing is done: it failed, perhaps as another engine has it.
    rests: Option<(Instant, bool)>,
}

impl KvPlace {
    /// Does something with the database. Blocks. After a failure it is opened anew, a second later;
    /// a disk that is full is none of the database's.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Kv) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        match self.rests {
            Some((until, in_use)) if Instant::now() < until => {
                let plugin = self.plugin.clone();
                return Err(match in_use {
                    true => StoreError::KvInUse(plugin),
                    false => StoreError::KvRests(plugin),
                });
            }
            _ => {}
        }
        let kv = match &mut self.kv {
            Some(kv) => kv,
            none => match Kv::open(&self.state, &self.plugin) {
                Ok(kv) => none.insert(kv),
                Err(error) => {
                    let in_use = matches!(error, StoreError::KvInUse(_));
                    self.rests = Some((Instant::now() + REST, in_use));
                    return Err(error);
                }
            },
        };
        let done = work(kv);
        let full = Some(rusqlite::ErrorCode::DiskFull);
        if done
            .as_ref()
            .is_err_and(|error| error.sqlite_error_code() != full)
        {
            self.kv = None;
            self.rests = Some((Instant::now() + REST, false));
        }
        done.map_err(failed("keep what the plugin asks for"))
    }
}

/// How much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Keys.
    pub(crate) keys: u64,
    /// Bytes of keys and values.
    pub(crate) bytes: u64,
}

/// One plugin's keys and values.
#[derive(Debug)]
pub(crate) struct Kv {
    connection: Connection,
    kept: Kept,
}

impl Kv {
    pub(super) fn open(state: &Path, plugin: &str) -> Result<Self, StoreError> {
        make_private(state)?;
        make_private(&state.join("kv"))?;
        let path = file_of(state, plugin);
        let opened = Connection::open(&path).map_err(failed("open what the plugin keeps"))?;
        match Self::prepare(opened) {
            Ok((kv, VERSION)) => Ok(kv),
            Ok((_, found)) => {
                let known = VERSION;
                Err(StoreError::Newer { path, found, known })
            }
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Err(StoreError::KvInUse(plugin.to_owned()))
            }
            Err(error) => Err(failed("open what the plugin keeps")(error)),
        }
    }

    fn prepare(connection: Connection) -> rusqlite::Result<(Self, i64)> {
        connection.busy_timeout(PATIENCE)?;
        // One engine at a time: nobody else changes what is counted here.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", MAX_LOG_BYTES)?;
        connection.execute_batch("BEGIN IMMEDIATE;")?;
        let mut version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(TABLE)?;
            connection.pragma_update(None, "user_version", VERSION)?;
            version = VERSION;
        }
        let kept = match version {
            VERSION => connection.query_row(
                "SELECT count(*), ifnull(sum(length(key) + length(value)), 0) FROM entries",
                [],
                |row| {
                    Ok(Kept {
                        keys: row.get(0)?,
                        bytes: row.get(1)?,
                    })
                },
            )?,
            _ => Kept::default(),
        };
        connection.execute_batch("COMMIT;")?;
        Ok((Self { connection, kept }, version))
    }

    /// Lets the file grow to so many pages, or stay as large as it is, as on a disk that is full.
    #[cfg(test)]
    pub(crate) fn limit_pages(&self, pages: u32) -> rusqlite::Result<()> {
        self.connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
    }

    /// How much there is.
    pub(crate) fn kept(&self) -> Kept {
        self.kept
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> rusqlite::Result<Option<Payload>> {
        let mut query = self
            .connection
            .prepare_cached("SELECT json, value FROM entries WHERE key = ?1")?;
        query
            .query_row(params![key.as_bytes()], |row| payload(row, 0))
            .optional()
    }

    /// Gives a key another value, or takes it away; `kept` is what there is then.
    pub(crate) fn put(
        &mut self,
        key: &str,
        value: Option<&Payload>,
        kept: Kept,
    ) -> rusqlite::Result<()> {
        let key = key.as_bytes();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        match value {
            None => {
                transaction
                    .prepare_cached("DELETE FROM entries WHERE key = ?1")?
                    .execute(params![key])?;
            }
            Some(value) => {
                let (json, bytes) = match value {
                    Payload::Json(text) => (true, text.as_bytes()),
                    Payload::Bytes(bytes) => (false, bytes.as_slice()),
                };
                transaction
                    .prepare_cached(
                        "INSERT INTO entries (key, json, value) VALUES (?1, ?2, ?3)
                         ON CONFLICT (key) DO UPDATE SET json = ?2, value = ?3",
                    )?
                    .execute(params![key, json, bytes])?;
            }
        }
        transaction.commit()?;
        self.kept = kept;
        Ok(())
    }

    /// Takes everything away and gives the room of it back.
    pub(super) fn clear(&mut self) -> rusqlite::Result<()> {
        self.connection.execute_batch("DELETE FROM entries;")?;
        self.kept = Kept::default();
        self.connection
            .execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
    }

    /// Keys that begin with `prefix` and come after `after`, with their values: so many, and as
    /// soon as they have so many bytes no more. And whether there are more.
    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        bytes: u64,
    ) -> rusqlite::Result<(Vec<KvEntry>, bool)> {
        // No byte of UTF-8 is 255: one more is a byte as well, and what begins so comes after all
        // that begins with the prefix.
        let mut end = prefix.as_bytes().to_vec();
        match end.last_mut() {
            Some(last) => *last += 1,
            None => end.push(u8::MAX),
        }
        // One bound below: of two SQLite looks up one, and reads on from there. What comes next
        // after a text is that text with a zero.
        let next = after.map(|after| [after.as_bytes(), &[0]].concat());
        let first = next.as_deref().unwrap_or_default().max(prefix.as_bytes());
        let mut query = self.connection.prepare_cached(LIST)?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = query.query(params![first, end, limit])?;
        let (mut entries, mut held) = (Vec::new(), 0_u64);
        while let Some(row) = rows.next()? {
            if entries.len() >= most || held >= bytes {
                return Ok((entries, true));
            }
            let entry = KvEntry {
                key: text(row.get_ref(0)?)?,
                value: payload(row, 1)?,
            };
            held += entry.key.len() as u64 + entry.value.bytes();
            entries.push(entry);
        }
        Ok((entries, false))
    }
}

fn payload(row: &Row<'_>, at: usize) -> rusqlite::Result<Payload> {
    let value = row.get_ref(at + 1)?;
    Ok(match row.get::<_, bool>(at)? {
        true => Payload::Json(text(value)?),
        false => Payload::Bytes(value.as_blob()?.to_vec()),
    })
}

fn text(value: ValueRef<'_>) -> rusqlite::Result<String> {
    String::from_utf8(value.as_blob()?.to_vec()).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })
}

/// The most bytes of a plugin's name that its file is named by; no plugin has a longer one.
const MAX_SHOWN: usize = 128;

/// Where a plugin's database is.
pub(super) fn file_of(state: &Path, plugin: &str) -> PathBuf {
    // Two names that look the same here have files of their own all the same.
    let shown: String = plugin
        .chars()
        .filter(|letter| *letter != '/' && !letter.is_control())
        .collect();
    let shown = &shown[..shown.floor_char_boundary(MAX_SHOWN)];
    let digest = &text_digest(plugin)[..DIGEST];
    state.join("kv").join(format!("{shown}-{digest}.sqlite"))
}

/// The plugin whose database has a name like this.
pub(super) fn plugin_of(file: &str) -> Option<&str> {
    let (plugin, digest) = file.strip_suffix(".sqlite")?.rsplit_once('-')?;
    (text_digest(plugin)[..DIGEST] == *digest).then_some(plugin)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_page_of_a_list_costs_the_same_wherever_it_begins() {
        let root = tempfile::tempdir().unwrap();
        let place = KvDirectory::new(root.path().join("state")).of("one");
        let mut place = place.lock().unwrap();
        let fill = |kv: &mut Kv| {
            kv.connection.execute(
                "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
                 INSERT INTO entries SELECT CAST(printf('a%04d', i) AS BLOB), 1, x'31' FROM n",
                [],
            )
        };
        assert_eq!(place.with(fill).unwrap(), 10_000);
        let kv = place.kv.as_ref().unwrap();
        let steps = |after: &str| {
            let status = StatementStatus::VmStep;
            let query = kv.connection.prepare_cached(LIST).unwrap();
            query.reset_status(status);
            drop(query);
            let (entries, more) = kv.list("a", Some(after), 10, 1 << 20).unwrap();
            let query = kv.connection.prepare_cached(LIST).unwrap();
            (entries[0].key.clone(), more, query.get_status(status))
        };
        let (first, _, early) = steps("");
        let (later, more, late) = steps("a9000");
        assert_eq!(
            (first.as_str(), later.as_str(), more),
            ("a0000", "a9001", true)
        );
        assert!(late <= early + 50, "{early} and then {late}");
    }

    #[test]
    fn what_failed_is_not_opened_again_at_once() {
        let root = tempfile::tempdir().unwrap();
        let place = KvDirectory::new(root.path().join("state")).of("one");
        let mut place = place.lock().unwrap();
        let wrong = |kv: &mut Kv| kv.connection.execute("no SQL", []);
        assert!(matches!(
            place.with(wrong),
            Err(StoreError::Database { .. })
        ));
        let looked = place.with(|kv| Ok(kv.kept()));
        assert!(matches!(looked, Err(StoreError::KvRests(_))), "{looked:?}");
        place.rests = Some((Instant::now(), false));
        assert!(place.with(|kv| Ok(kv.kept())).is_ok(), "a moment later");
    }
}
