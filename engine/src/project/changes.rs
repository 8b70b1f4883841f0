//! Whether anything of a plugin is other than it was, told by what is in its files.

use lazaret_policy::EffectivePolicy;
use sha2::{Digest, Sha256};

use crate::plugin::{Plugin, ReadError};

/// Everything a plugin is run with, in a few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a plugin that cannot be run: why.
    pub fn of_failure(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// With one more text.
    #[must_use]
    pub fn with(self, text: &str) -> Self {
        let mut digest = Sha256::new_with_prefix(self.0);
        digest.update(text);
        Self(digest.finalize().into())
    }
}

/// Reads every file of a plugin.
///
/// # Errors
/// They cannot be read, or are more than its policy lets it have.
pub fn fingerprint(plugin: &Plugin, policy: &EffectivePolicy) -> Result<Fingerprint, ReadError> {
    let mut digest = Sha256::new();
    for file in plugin.read(policy.runtime())? {
        let path = file.path.as_os_str().as_encoded_bytes();
        for part in [path, file.content.as_slice()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
    }
    // With the places of its values: a policy that was written anew is read anew.
    digest.update(format!("{policy:?}"));
    Ok(Fingerprint(digest.finalize().into()))
}

#[cfg(test)]
mod tests {
    use lazaret_policy::SecurityLevel;

    use super::*;

    #[test]
    fn a_change_of_content_counts_and_a_new_time_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p");
        fs_err::create_dir(&path).unwrap();
        let of = |level| {
            let plugin = Plugin::locate(&path).unwrap();
            fingerprint(&plugin, &EffectivePolicy::of(level)).unwrap()
        };
        let write = |name: &str, text: &str| fs_err::write(path.join(name), text).unwrap();
        write("main.js", "1");
        let first = of(SecurityLevel::Standard);
        write("main.js", "1");
        write(".swap", "an editor's own");
        assert_eq!(of(SecurityLevel::Standard), first);
        assert_ne!(of(SecurityLevel::Minimal), first);
        write("main.js", "2");
        let second = of(SecurityLevel::Standard);
        assert_ne!(second, first);
        write("main.js", "");
        write("m", "ain.js2");
        assert_ne!(of(SecurityLevel::Standard), second);
    }
}
