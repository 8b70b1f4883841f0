//! Reads the settings that the bundle mounts into the container.

use std::io::Read;
use std::path::Path;

use lazaret_protocol::ShimSettings;

/// The longest settings file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("failed to read the settings")]
    Read(#[source] std::io::Error),
    /// The file is longer than any settings are.
    #[error("settings are longer than `{MAX_BYTES}` bytes")]
    TooLong,
    /// The text is not the JSON of [`ShimSettings`].
    #[error("settings are not understood")]
    Parse(#[source] serde_json::Error),
}

/// Reads and parses the settings file; unknown keys are errors.
///
/// # Errors
///
/// [`SettingsError`].
pub fn read(path: &Path) -> Result<ShimSettings, SettingsError> {
    let file = fs_err::File::open(path).map_err(SettingsError::Read)?;
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(SettingsError::Read)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(SettingsError::TooLong);
    }
    serde_json::from_slice(&text).map_err(SettingsError::Parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &[u8]) -> Result<ShimSettings, SettingsError> {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("settings.json");
        fs_err::write(&path, text).expect("file");
        read(&path)
    }

    const GOOD: &str = r#"{
        "plugin": "weather", "entry": "main.js",
        "expected": {
            "uid": 1000, "gid": 1000, "uid_map": [[1000, 231072, 1]], "gid_map": [],
            "mounts": [
                {"target": "/plugin", "options": ["ro"], "fstype": null, "bytes": null, "inodes": null}
            ],
            "masked": ["/proc/keys"], "read_only": ["/proc/sys"], "devices": ["/dev/null"],
            "limits": [{"name": "RLIMIT_NOFILE", "value": 64}], "hostname": "weather"
        },
        "files": [{"path": "/srv/data", "mounted_at": "/granted/0", "directory": true}],
        "file_limits": {"ignore": [".git"], "read_bytes": 8388608},
        "environment": {"values": {"MODE": "batch"}, "unset": ["TZ"]},
        "config": "{}", "state": {"kv": false, "windows": false, "log_level": "Info"},
        "https": [{"host": "api.example.com", "port": 443, "methods": ["GET"], "paths": null}], "connections": 64, "egress": true, "learns": false,
        "time": {"startup_ms": 1000, "call_ms": 1000, "cpu_per_call_ms": 500},
        "log_line_bytes": 4096, "log_bytes_per_second": 65536, "result_bytes": 1048576,
        "deny_executable_memory": true,
        "landlock": {"abi": 7, "readable": ["/plugin"], "sockets": []}
    }"#;

    #[test]
    fn good_settings_are_read() {
        let settings = read_text(GOOD.as_bytes()).expect("settings");
        assert_eq!(settings.plugin, "weather");
        assert_eq!(settings.expected.uid_map, [(1000, 231_072, 1)]);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = GOOD.replacen("\"plugin\"", "\"plugn\": 1, \"plugin\"", 1);
        assert!(matches!(
            read_text(text.as_bytes()),
            Err(SettingsError::Parse(_))
        ));
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let text = vec![b' '; usize::try_from(MAX_BYTES).expect("small") + 1];
        assert!(matches!(read_text(&text), Err(SettingsError::TooLong)));
    }
}
