//! From where the policy says that a secret lies to its value.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use fs_err::os::unix::fs::OpenOptionsExt;
use lazaret_policy::{EffectivePolicy, MisplacedSecret, Secret, SecretSource};
use zeroize::Zeroizing;

use super::placeholder::placeholder;
use super::{Handout, SecretValue, Secrets, ValueError};

/// The most that is read of a file, in bytes. It holds one value.
const MAX_FILE_BYTES: usize = 64 * 1024;

/// Who may write a file, besides its owner.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Why a plugin cannot be given the secrets of its policy. No value is in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The policy does not keep it from the plugin, or leaves it nowhere to go.
    #[error(transparent)]
    Misplaced(#[from] MisplacedSecret),
    /// The engine's environment has no such variable.
    #[error(
        "{secret}: the variable `{variable}` is not in the engine's environment\n  hint: set it where the engine is started, or name another source under `from`"
    )]
    NotSet {
        /// Which secret, and where the policy says so.
        secret: String,
        /// The variable.
        variable: String,
    },
    /// Its file cannot be read.
    #[error(
        "{secret} cannot be read\n  hint: put it there, readable by the engine, or name another source under `from`"
    )]
    Unreadable {
        /// Which secret, and where the policy says so.
        secret: String,
        /// Why; it names the file.
        #[source]
        source: std::io::Error,
    },
    /// Its file is something else.
    #[error("{secret}: `{path}` is no regular file\n  hint: put it into one")]
    NoFile {
        /// Which secret, and where the policy says so.
        secret: String,
        /// The file.
        path: String,
    },
    /// Others can put another value there.
    #[error(
        "{secret}: `{path}` can be written by others than its owner (mode {mode:04o})\n  hint: `chmod go-w {path}`"
    )]
    Writable {
        /// Which secret, and where the policy says so.
        secret: String,
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// What is there is no value.
    #[error(
        "{secret}: what is in {from} {why}\n  hint: it is one line of visible ASCII, 8 KiB at most; with `expose: true` it is any text"
    )]
    Value {
        /// Which secret, and where the policy says so.
        secret: String,
        /// Where it comes from, as `env API_KEY`.
        from: String,
        /// What is wrong.
        why: ValueError,
    },
    /// No placeholder could be made.
    #[error("failed to make a placeholder")]
    Placeholder(#[source] std::io::Error),
}

impl Secrets {
    /// Reads the secrets of a policy, each from the variable of `environment` or the file that it names. Waits for
    /// files.
    ///
    /// # Errors
    /// [`SecretError`], for the first that cannot be handed out as the policy says.
    pub fn read(
        policy: &EffectivePolicy,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SecretError> {
        if let Some(misplaced) = policy.misplaced_secrets().into_iter().next() {
            return Err(misplaced.into());
        }
        let mut secrets = Self::default();
        for secret in policy.secrets() {
            let bytes = match &secret.from {
                SecretSource::Env(name) => {
                    let value = environment(name.as_str()).map(OsString::into_vec);
                    Zeroizing::new(value.ok_or_else(|| SecretError::NotSet {
                        secret: told(secret),
                        variable: name.to_string(),
                    })?)
                }
                SecretSource::File(path) => content(secret, path.as_str())?,
            };
            let unfit = |why| SecretError::Value {
                secret: told(secret),
                from: secret.from.to_string(),
                why,
            };
            let name = secret.name.clone();
            if secret.expose {
                let value = SecretValue::for_plugin(&bytes).map_err(unfit)?;
                secrets.exposed.push((name, value));
            } else {
                secrets.handouts.push(Arc::new(Handout {
                    placeholder: placeholder(&name).map_err(SecretError::Placeholder)?,
                    name,
                    hosts: secret.hosts.clone(),
                    value: SecretValue::for_requests(&bytes).map_err(unfit)?,
                }));
            }
        }
        Ok(secrets)
    }
}

/// As ``secret `api-key` (policy.yaml:9:5)``.
fn told(secret: &Secret) -> String {
    format!("secret `{}` ({})", secret.name, secret.origin)
}

fn content(secret: &Secret, path: &str) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let unreadable = |source| SecretError::Unreadable {
        secret: told(secret),
        source,
    };
    let file = || (told(secret), path.to_owned());
    // To open a device can set it going.
    let found = fs_err::metadata(Path::new(path)).map_err(unreadable)?;
    let mut options = fs_err::OpenOptions::new();
    // Another file may be there by now: it must not hold up who opens it.
    options.read(true).custom_flags(libc::O_NONBLOCK);
    if !found.is_file() {
        let (secret, path) = file();
        return Err(SecretError::NoFile { secret, path });
    }
    let opened = options.open(path).map_err(unreadable)?;
    let found = opened.metadata().map_err(unreadable)?;
    if !found.is_file() {
        let (secret, path) = file();
        return Err(SecretError::NoFile { secret, path });
    }
    let mode = found.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS != 0 {
        let (secret, path) = file();
        return Err(SecretError::Writable { secret, path, mode });
    }
    // With room for all of it: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    opened
        .take(MAX_FILE_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
