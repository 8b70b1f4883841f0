//! The policies that were applied to plugins, each with a number of its own.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Store, StoreError};

/// How many of a plugin are kept; the oldest go first.
const MOST: u64 = 1000;

pub(super) const TABLE: &str = "CREATE TABLE revisions (
    plugin TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_unix_ms INTEGER NOT NULL,
    by_uid INTEGER NOT NULL,
    origin TEXT NOT NULL,
    of INTEGER,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    digest TEXT NOT NULL,
    file_digest TEXT,
    PRIMARY KEY (plugin, number)
) STRICT;";

const COLUMNS: &str = "number, at_unix_ms, by_uid, origin, of, name, text, digest, file_digest";

/// How a policy came to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevisionOrigin {
    /// The plugin's policy file, as it was when the engine started.
    File,
    /// Somebody applied it.
    Apply,
    /// Somebody went back to it.
    Rollback,
}

impl RevisionOrigin {
    const ALL: [Self; 3] = [Self::File, Self::Apply, Self::Rollback];

    /// As it is shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for RevisionOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl ToSql for RevisionOrigin {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for RevisionOrigin {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let known = Self::ALL.into_iter().find(|origin| origin.name() == name);
        known.ok_or(FromSqlError::InvalidType)
    }
}

/// A policy that was applied to a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Counts up from 1 for each plugin.
    pub number: u64,
    /// When, in milliseconds since 1970.
    pub at_unix_ms: u64,
    /// The rest.
    pub policy: NewRevision,
    /// SHA-256 of the text, in hexadecimal.
    pub digest: String,
}

/// A policy to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRevision {
    /// Who applied it.
    pub by_uid: u32,
    /// How it came to hold.
    pub origin: RevisionOrigin,
    /// The revision gone back to.
    pub of: Option<u64>,
    /// What problems and origins call it by.
    pub name: String,
    /// The policy.
    pub text: String,
    /// Digest of the plugin's policy file at that time, where it had one. A file with another
    /// digest was changed since.
    pub file_digest: Option<String>,
}

impl Store {
    /// Records a policy as the one that holds.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is recorded then.
    pub async fn add_revision(
        &self,
        plugin: &str,
        at_unix_ms: u64,
        policy: NewRevision,
    ) -> Result<Revision, StoreError> {
        let plugin = plugin.to_owned();
        self.with("record the policy", move |connection| {
            add(connection, &plugin, at_unix_ms, policy)
        })
        .await
    }

    /// The policies applied to a plugin, the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revisions(&self, plugin: &str) -> Result<Vec<Revision>, StoreError> {
        let plugin = plugin.to_owned();
        self.with("read the policies", move |connection| {
            let all =
                format!("SELECT {COLUMNS} FROM revisions WHERE plugin = ?1 ORDER BY number DESC");
            let mut all = connection.prepare_cached(&all)?;
            all.query_map([plugin], revision)?.collect()
        })
        .await
    }

    /// The policy applied last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_revision(&self, plugin: &str) -> Result<Option<Revision>, StoreError> {
        let plugin = plugin.to_owned();
        self.with("read the last policy", move |connection| {
            let last = format!(
                "SELECT {COLUMNS} FROM revisions WHERE plugin = ?1 ORDER BY number DESC LIMIT 1"
            );
            connection.query_row(&last, [plugin], revision).optional()
        })
        .await
    }
}

fn add(
    connection: &mut Connection,
    plugin: &str,
    at_unix_ms: u64,
    policy: NewRevision,
) -> rusqlite::Result<Revision> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: Option<u64> = transaction.query_row(
        "SELECT max(number) FROM revisions WHERE plugin = ?1",
        [plugin],
        |row| row.get(0),
    )?;
    let added = Revision {
        number: last.unwrap_or(0) + 1,
        at_unix_ms,
        digest: text_digest(&policy.text),
        policy,
    };
    let policy = &added.policy;
    transaction.execute(
        "INSERT INTO revisions (plugin, number, at_unix_ms, by_uid, origin, of, name, text, digest, file_digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            plugin,
            added.number,
            added.at_unix_ms,
            policy.by_uid,
            policy.origin,
            policy.of,
            policy.name,
            policy.text,
            added.digest,
            policy.file_digest,
        ],
    )?;
    transaction.execute(
        "DELETE FROM revisions WHERE plugin = ?1 AND number <= ?2",
        params![plugin, added.number.saturating_sub(MOST)],
    )?;
    transaction.commit()?;
    Ok(added)
}

fn revision(row: &Row<'_>) -> rusqlite::Result<Revision> {
    Ok(Revision {
        number: row.get(0)?,
        at_unix_ms: row.get(1)?,
        policy: NewRevision {
            by_uid: row.get(2)?,
            origin: row.get(3)?,
            of: row.get(4)?,
            name: row.get(5)?,
            text: row.get(6)?,
            file_digest: row.get(8)?,
        },
        digest: row.get(7)?,
    })
}

/// SHA-256 in hexadecimal.
pub(crate) fn text_digest(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str, origin: RevisionOrigin) -> NewRevision {
        NewRevision {
            by_uid: 1000,
            origin,
            of: (origin == RevisionOrigin::Rollback).then_some(1),
            name: "policy.yaml".to_owned(),
            text: text.to_owned(),
            file_digest: Some(text_digest("file")),
        }
    }

    #[tokio::test]
    async fn each_plugin_counts_its_own_and_they_survive() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state");
        let store = Store::open(&directory).unwrap();
        assert_eq!(store.last_revision("a").await.unwrap(), None);
        for (plugin, text, number) in [("a", "one", 1), ("b", "other", 1), ("a", "two", 2)] {
            let policy = policy(text, RevisionOrigin::Apply);
            let added = store.add_revision(plugin, 7, policy).await.unwrap();
            assert_eq!(added.number, number);
        }
        let back = policy("one", RevisionOrigin::Rollback);
        let back = store.add_revision("a", 8, back).await.unwrap();
        drop(store);
        let store = Store::open(&directory).unwrap();
        let all = store.revisions("a").await.unwrap();
        let texts: Vec<_> = all.iter().map(|one| one.policy.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "one"]);
        assert_eq!(all[0], back);
        assert_eq!(store.last_revision("a").await.unwrap(), Some(back));
        assert_eq!(store.last_revision("c").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_oldest_go_first_and_no_number_comes_again() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(&root.path().join("state")).unwrap();
        {
            let mut connection = super::super::lock(&store.connection);
            connection
                .pragma_update(None, "synchronous", "OFF")
                .unwrap();
            for _ in 0..MOST + 5 {
                let policy = policy("x", RevisionOrigin::File);
                add(&mut connection, "a", 1, policy).unwrap();
            }
        }
        let all = store.revisions("a").await.unwrap();
        assert_eq!(all.len() as u64, MOST);
        assert_eq!(all[0].number, MOST + 5);
    }
}
