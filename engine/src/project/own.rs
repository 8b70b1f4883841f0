//! That a plugin which is started again after each change cannot make the changes.

use std::path::{Path, PathBuf};

use lazaret_policy::{EffectivePolicy, Permission};

use crate::plugin::Plugin;

/// A plugin may write what it is started from.
#[derive(Debug, thiserror::Error)]
#[error(
    "the policy lets the plugin write `{granted}`, where it could change `{}`, with which it is started\n  hint: grant a directory outside of the plugin and of its policy",
    own.display()
)]
pub struct WritesOwn {
    /// The path that it may write.
    granted: String,
    /// What lies there, or holds it.
    own: PathBuf,
}

/// Checks that no path that the plugin may write holds, or lies in, its directory, its policy or one of these files.
///
/// # Errors
/// [`WritesOwn`].
pub fn check_own<'a>(
    plugin: &Plugin,
    policy: &EffectivePolicy,
    files: impl Iterator<Item = &'a Path>,
) -> Result<(), WritesOwn> {
    let modules = match plugin.is_single_file() {
        true => plugin.directory().join(plugin.entry()),
        false => plugin.directory().to_owned(),
    };
    let files = files.map(Path::to_owned).chain(plugin.policy_file());
    let own: Vec<PathBuf> = std::iter::once(modules).chain(files).collect();
    let granted = policy
        .writable()
        .into_iter()
        .map(|write| write.granted.permission);
    let observed = policy
        .observe()
        .iter()
        .map(|granted| granted.permission.clone());
    for permission in granted.chain(observed) {
        let Permission::FileWrite(granted) = permission else {
            continue;
        };
        let path = Path::new(granted.as_str());
        let reaches = |one: &PathBuf| one.starts_with(path) || path.starts_with(one);
        if let Some(own) = own.iter().find(|own| real(own).iter().any(reaches)) {
            return Err(WritesOwn {
                granted: granted.as_str().to_owned(),
                own: own.clone(),
            });
        }
    }
    Ok(())
}

/// Where a file is: the name, which could be given to another one, and what it leads to.
fn real(path: &Path) -> Vec<PathBuf> {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let named = full.parent().zip(full.file_name()).map(|(above, name)| {
        let above = above.canonicalize().unwrap_or_else(|_| above.to_owned());
        above.join(name)
    });
    full.canonicalize().ok().into_iter().chain(named).collect()
}

#[cfg(test)]
mod tests {
    use lazaret_policy::{SecurityLevel, SecurityPolicy};

    use super::*;

    #[test]
    fn a_plugin_does_not_write_what_it_is_started_from() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for name in ["plugins/one/data", "plugins/one-more", "policies", "links"] {
            fs_err::create_dir_all(root.join(name)).unwrap();
        }
        let main = root.join("plugins/one/main.js");
        fs_err::write(&main, "").unwrap();
        let named = root.join("policies/one.yaml");
        fs_err::write(&named, "").unwrap();
        std::os::unix::fs::symlink(&named, root.join("links/one.yaml")).unwrap();
        let plugin = Plugin::locate(&root.join("plugins/one")).unwrap();
        let file = Plugin::locate(&main).unwrap();
        let check = |plugin: &Plugin, below: &str| {
            let text = format!(
                "apiVersion: lazaret/v1\nkind: SecurityPolicy\npermissions: ['file:write:{}']\n",
                root.join(below).display()
            );
            let policy = SecurityPolicy::parse("p", &text).unwrap();
            let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
            let link = root.join("links/one.yaml");
            check_own(plugin, &policy, std::iter::once(link.as_path()))
        };
        for wrong in [
            "plugins",
            "plugins/one",
            "plugins/one/data",
            "policies",
            "policies/one.yaml",
            "links",
        ] {
            let error = check(&plugin, wrong).unwrap_err();
            assert_eq!(error.granted, root.join(wrong).to_str().unwrap());
        }
        for right in ["plugins/one-more", "elsewhere"] {
            assert!(check(&plugin, right).is_ok(), "{right}");
        }
        assert!(check(&file, "plugins/one/data").is_ok());
        assert!(check(&file, "plugins/one").is_err());
    }
}
