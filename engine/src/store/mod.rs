//! What outlives an engine: the policies applied to each plugin, and what plugins keep. SQLite in a
//! directory of its own, which one engine uses at a time.

mod kept;
mod kv;
mod revisions;

use std::fs::TryLockError;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

pub use revisions::{NewRevision, Revision, RevisionOrigin};

pub(crate) use kept::{Found, Keeper, KeptBy, keepers};
pub(crate) use kv::{Kept, Kv, KvDirectory, KvPlace};
pub(crate) use revisions::text_digest;

/// Where policies that were applied and what plugins keep are, where nobody names another place.
pub const DEFAULT_STATE: &str = "/var/lib/lazaret";

/// How the tables look. Raised when they change.
const VERSION: i64 = 1;

/// How long another process, as one that makes a copy, may hold the database.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the store is of no use.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or looked at.
    #[error("the state directory cannot be used")]
    Directory(#[source] std::io::Error),
    /// Others could put a database of theirs there.
    #[error("others may write to the state directory `{}`\n  hint: `chmod go-w` it, or name another one with `--state`", .0.display())]
    Shared(PathBuf),
    /// It is another user's.
    #[error("the state directory `{}` is not yours\n  hint: name another one with `--state`", .0.display())]
    Foreign(PathBuf),
    /// It is another user's, and only looked at.
    #[error("the state directory `{}` is another user's\n  hint: run it as that user", .0.display())]
    OfAnother(PathBuf),
    /// Another engine is at work on it.
    #[error("another `lazaret serve` uses the state directory `{}`\n  hint: name another one with `--state`", .0.display())]
    InUse(PathBuf),
    /// Another engine has it open, or a command that looks at it.
    #[error(
        "what plugin `{0}` keeps is in use by another engine, or by a `lazaret state`\n  hint: stop the plugin first, or wait until that command has ended"
    )]
    KvInUse(String),
    /// It failed a moment ago, and is not tried again at once.
    #[error("what plugin `{0}` keeps failed a moment ago and is tried again in a second")]
    KvRests(String),
    /// A later version wrote it.
    #[error("`{}` was written by a later version of lazaret (its tables are of version {found}, this one knows {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The latest that is known.
        known: i64,
    },
    /// SQLite's.
    #[error("failed to {what}")]
    Database {
        /// The step.
        what: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The thread that was to do it failed.
    #[error("the store's thread failed")]
    Thread,
}

/// The store of one engine. Clones are the same.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    _lock: Arc<std::fs::File>,
}

impl Store {
    /// Opens the store in a directory, which is made where it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        make_private(directory)?;
        let lock = fs_err::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(directory.join("lock"))
            .map_err(StoreError::Directory)?;
        let (lock, path) = lock.into_parts();
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => {
                let text = format!("failed to lock `{}`: {error}", path.display());
                let error = std::io::Error::new(error.kind(), text);
                return Err(StoreError::Directory(error));
            }
        }
        let path = directory.join("lazaret.sqlite");
        let database = Connection::open(&path);
        let connection = database.map_err(failed("open the store"))?;
        let found = prepare(&connection).map_err(failed("prepare the store"))?;
        if found > VERSION {
            let known = VERSION;
            return Err(StoreError::Newer { path, found, known });
        }
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            _lock: Arc::new(lock),
        })
    }

    /// Does something with the database on a thread that may wait for the disk.
    async fn with<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        let done = tokio::task::spawn_blocking(move || work(&mut lock(&connection)));
        done.await
            .map_err(|_| StoreError::Thread)?
            .map_err(failed(what))
    }
}

/// Makes the tables where there are none, and tells the version there is.
fn prepare(connection: &Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was told to be applied is still there after a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        let tables = revisions::TABLE;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {tables} PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
        return Ok(VERSION);
    }
    Ok(version)
}

fn make_private(directory: &Path) -> Result<(), StoreError> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    made.map_err(|error| {
        let text = format!("failed to make `{}`: {error}", directory.display());
        StoreError::Directory(std::io::Error::new(error.kind(), text))
    })?;
    let metadata = fs_err::metadata(directory).map_err(StoreError::Directory)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(StoreError::Foreign(directory.to_owned()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(StoreError::Shared(directory.to_owned()));
    }
    Ok(())
}

fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    // A transaction that was not finished is rolled back when it is dropped.
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn one_engine_at_a_time_uses_a_directory() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state");
        let store = Store::open(&directory).unwrap();
        assert!(matches!(Store::open(&directory), Err(StoreError::InUse(_))));
        drop(store);
        Store::open(&directory).unwrap();
    }

    #[test]
    fn nobody_else_reads_or_writes_the_directory() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state");
        drop(Store::open(&directory).unwrap());
        let mode = fs_err::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let open = std::fs::Permissions::from_mode(0o770);
        fs_err::set_permissions(&directory, open).unwrap();
        assert!(matches!(
            Store::open(&directory),
            Err(StoreError::Shared(_))
        ));
    }

    #[test]
    fn what_a_later_version_wrote_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state");
        let store = Store::open(&directory).unwrap();
        lock(&store.connection)
            .pragma_update(None, "user_version", 7)
            .unwrap();
        drop(store);
        let error = Store::open(&directory).err().unwrap();
        assert!(matches!(error, StoreError::Newer { found: 7, .. }));
    }
}
