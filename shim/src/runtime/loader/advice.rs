//! What to do where a module is not found.

use crate::beneath::{PLUGIN, Places};

/// Why a specifier stands for no module of the plugin, and the next step.
pub(super) fn of_specifier(specifier: &str) -> String {
    let scheme = specifier.split_once(':').map(|(scheme, _)| scheme);
    match scheme {
        Some("node" | "bun") => {
            "there is no Node here: use what the platform has, as `fetch` and `crypto`".to_owned()
        }
        Some("npm" | "jsr") => {
            "packages come with the plugin: bundle it, or name its file in `imports` of `plugin.yaml`"
                .to_owned()
        }
        Some(_) => "a plugin imports only its own files, as `./other.js`".to_owned(),
        None if specifier.starts_with(['.', '/']) => {
            "it is outside of the plugin's directory: a plugin imports only its own files, as `./other.js`"
                .to_owned()
        }
        None => format!(
            "no such name: give it a file as `imports: {{ \"{}\": ./lib/file.js }}` in `plugin.yaml`, or import a file, as `./other.js`",
            specifier.escape_debug()
        ),
    }
}

/// A file that may have been meant by this path below the plugin's directory.
pub(super) fn near(places: &Places, path: &str) -> Option<String> {
    const ENDINGS: [&str; 8] = [
        ".ts",
        ".js",
        ".mts",
        ".mjs",
        ".json",
        "/index.ts",
        "/index.js",
        "/mod.ts",
    ];
    let other = [
        (".js", ".ts"),
        (".mjs", ".mts"),
        (".ts", ".js"),
        (".mts", ".mjs"),
    ]
    .into_iter()
    .filter_map(|(from, to)| Some(format!("{}{to}", path.strip_suffix(from)?)));
    let longer = ENDINGS.iter().map(|ending| format!("{path}{ending}"));
    let mut near = other.chain(longer);
    let found = near.find(|path| super::exists(places, path))?;
    Some(
        found
            .strip_prefix(PLUGIN)?
            .trim_start_matches('/')
            .to_owned(),
    )
}
