//! What the shim's tests load is what this compiler makes. `LAZARET_TESTS_WRITE_COMPILED=1` writes it anew.

use std::path::{Path, PathBuf};

use lazaret_compile::compile;
use lazaret_protocol::{COMPILED_DIRECTORY, Compiled, Source};

/// Every file below, hidden ones left out.
fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(directory).expect("directory") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn outcomes(plugin: &Path, file: &Path) -> Vec<(PathBuf, String)> {
    let path = file.strip_prefix(plugin).expect("below");
    let path = path.to_str().expect("UTF-8").to_owned();
    let text = fs_err::read_to_string(file).expect("source");
    let place = |ending: &str| {
        plugin
            .join(COMPILED_DIRECTORY)
            .join(format!("{path}{ending}"))
    };
    let (code, map, error) = (place(".js"), place(".map"), place(".error"));
    match compile(&Source { path, text }) {
        Compiled::Module {
            code: text,
            map: places,
            ..
        } => vec![(code, text), (map, places)],
        Compiled::Refused { path, problem } => vec![(error, problem.told(&path))],
    }
}

#[test]
fn what_the_shims_tests_load_is_what_the_compiler_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/typescript");
    let write = std::env::var_os("LAZARET_TESTS_WRITE_COMPILED").is_some();
    let mut count = 0;
    for plugin in fs_err::read_dir(root).expect("directory") {
        let plugin = plugin.expect("entry").path();
        let mut found = Vec::new();
        files(&plugin, &mut found);
        let sources = found.iter().filter(|file| {
            matches!(
                file.extension().and_then(|ending| ending.to_str()),
                Some("ts" | "mts")
            )
        });
        for (place, text) in sources.flat_map(|file| outcomes(&plugin, file)) {
            if write {
                fs_err::create_dir_all(place.parent().expect("parent")).expect("directory");
                fs_err::write(&place, &text).expect("written");
            }
            let there = fs_err::read_to_string(&place).expect("compiled");
            assert_eq!(there, text, "{}", place.display());
            count += 1;
        }
    }
    assert!(count > 10, "{count}");
}
