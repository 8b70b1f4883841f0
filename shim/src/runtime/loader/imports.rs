//! Names that a plugin's modules import by, from `imports` of its `plugin.yaml`.

use std::collections::BTreeMap;

use deno_core::ModuleSpecifier;
use lazaret_protocol::IMPORTS_FILE;

use crate::beneath::{PLUGIN, Places, ReadError};

/// The largest import map in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// What names stand for: a path below the plugin's directory each.
#[derive(Default)]
pub(super) struct Imports {
    paths: BTreeMap<String, String>,
}

impl Imports {
    /// Those of the plugin. It need not have any.
    ///
    /// # Errors
    ///
    /// There is a file, and it cannot be read or is no import map.
    pub(super) fn read(places: &Places) -> Result<Self, String> {
        let path = format!("{PLUGIN}/{IMPORTS_FILE}");
        let text = match places.read(&path, MAX_BYTES) {
            Err(ReadError::NotFound { .. }) => return Ok(Self::default()),
            read => read.map_err(|error| format!("failed to read the import map: {error}"))?,
        };
        let paths = serde_json::from_slice(&text);
        let paths = paths.map_err(|error| format!("the import map is broken: {error}"))?;
        Ok(Self { paths })
    }

    /// The module a name stands for: that of the name itself, else of the longest beginning of it that ends in `/`.
    pub(super) fn find(&self, name: &str) -> Option<ModuleSpecifier> {
        let plugin = format!("file://{PLUGIN}/");
        let base = ModuleSpecifier::parse(&plugin).ok()?;
        if let Some(path) = self.paths.get(name) {
            return base.join(path).ok();
        }
        let below = self.paths.iter().filter(|(key, _)| key.ends_with('/'));
        let below = below.filter_map(|(key, path)| Some((name.strip_prefix(key.as_str())?, path)));
        let (rest, path) = below.min_by_key(|(rest, _)| rest.len())?;
        let directory = base.join(path).ok()?;
        // Relative, whatever it looks like, and without a way out.
        let url = directory.join(&format!("./{rest}")).ok()?;
        url.as_str().starts_with(directory.as_str()).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Option<String> {
        let paths = [
            ("lodash", "./vendor/lodash.js"),
            ("lodash/", "./vendor/lodash/"),
            ("lodash/fp/", "./fp/"),
            ("@scope/name", "./vendor/name.mjs"),
            ("all/", "./"),
        ];
        let paths = paths.map(|(name, path)| (name.to_owned(), path.to_owned()));
        let imports = Imports {
            paths: paths.into(),
        };
        imports.find(name).map(|url| url.to_string())
    }

    #[test]
    fn a_name_or_the_longest_beginning_of_it_is_found() {
        for (name, path) in [
            ("lodash", "vendor/lodash.js"),
            ("lodash/map.js", "vendor/lodash/map.js"),
            ("lodash/fp/map.js", "fp/map.js"),
            ("@scope/name", "vendor/name.mjs"),
            ("all/a/b.ts", "a/b.ts"),
        ] {
            let url = format!("file:///plugin/{path}");
            assert_eq!(find(name), Some(url), "{name}");
        }
    }

    #[test]
    fn no_name_leads_out_of_what_it_stands_for() {
        for name in [
            "lodash/../../secret.js",
            "lodash/%2e%2e/%2e%2e/secret.js",
            "lodash/fp/..",
            "all/../../etc/passwd.js",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
        for name in [
            "all//etc/a.js",
            "all/file:///etc/a.js",
            "all/https://x/a.js",
        ] {
            assert!(find(name).is_some_and(|url| url.starts_with("file:///plugin/")));
        }
        assert_eq!(find("lodas"), None);
        assert_eq!(find("lodashes"), None);
        assert_eq!(find("@scope/name/x"), None);
    }
}
