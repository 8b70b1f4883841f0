//! Reading against hostile trees.

use super::*;

fn limits(ignore: &[&str]) -> FileLimits {
    FileLimits {
        ignore: ignore.iter().map(|&name| name.to_owned()).collect(),
        read_bytes: 16,
    }
}

fn places(directory: &Path) -> Places {
    let place = |seen: &str, real: &str, directory_: bool| Place {
        seen: seen.to_owned(),
        real: directory.join(real),
        directory: directory_,
    };
    Places::new(
        vec![
            place("/plugin", "plugin", true),
            place("/srv/data", "granted", true),
            place("/etc/motd", "motd", false),
        ],
        limits(&[]),
    )
}

fn host() -> tempfile::TempDir {
    let host = tempfile::tempdir().expect("directory");
    for directory in ["plugin/lib", "granted"] {
        fs_err::create_dir_all(host.path().join(directory)).expect("directory");
    }
    for (file, text) in [
        ("plugin/main.js", "code"),
        ("granted/a.txt", "granted"),
        ("motd", "hello"),
        ("secret", "secret"),
    ] {
        fs_err::write(host.path().join(file), text).expect("file");
    }
    host
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let host = host();
    places(host.path())
        .read(path, 16)
        .map_err(|error| error.to_string())
}

#[test]
fn files_of_the_plugin_and_granted_ones_are_read() {
    assert_eq!(read("/plugin/main.js").as_deref(), Ok(&b"code"[..]));
    assert_eq!(read("lib/../main.js").as_deref(), Ok(&b"code"[..]));
    assert_eq!(read("/srv/data/a.txt").as_deref(), Ok(&b"granted"[..]));
    assert_eq!(read("/etc/motd").as_deref(), Ok(&b"hello"[..]));
}

#[test]
fn anything_else_names_the_missing_permission() {
    for (path, permission) in [
        ("/etc/shadow", "file:read:/etc/shadow"),
        ("../etc/shadow", "file:read:/etc/shadow"),
        ("/plugin/../etc//shadow/", "file:read:/etc/shadow"),
        ("/srv/database", "file:read:/srv/database"),
        ("/etc/motd/x", "file:read:/etc/motd/x"),
        ("/", "file:read:/"),
    ] {
        assert_eq!(
            read(path),
            Err(format!("`{permission}` is not granted")),
            "{path}"
        );
    }
}

#[test]
fn a_link_that_leads_out_is_not_followed() {
    let host = host();
    for (name, target) in [("up", "../secret"), ("absolute", "/etc/passwd")] {
        std::os::unix::fs::symlink(target, host.path().join("plugin").join(name)).expect("link");
        let error = places(host.path()).read(name, 16).expect_err("refused");
        assert!(matches!(error, ReadError::System { .. }), "{error}");
    }
}

#[test]
fn directories_pipes_and_missing_files_are_told_apart() {
    assert_eq!(
        read("/plugin/lib"),
        Err("no regular file: `/plugin/lib`".to_owned())
    );
    assert_eq!(
        read("/plugin"),
        Err("no regular file: `/plugin`".to_owned())
    );
    assert_eq!(
        read("/plugin/no"),
        Err("no such file: `/plugin/no`".to_owned())
    );
    let host = host();
    rustix::fs::mknodat(
        CWD,
        host.path().join("plugin/pipe"),
        FileType::Fifo,
        Mode::RUSR,
        0,
    )
    .expect("pipe");
    let error = places(host.path()).read("pipe", 16).expect_err("refused");
    assert!(matches!(error, ReadError::NotRegular { .. }));
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let host = host();
    fs_err::write(host.path().join("plugin/big"), [0; 17]).expect("file");
    let error = places(host.path()).read("big", 16).expect_err("refused");
    assert!(matches!(error, ReadError::TooLarge { limit: 16, .. }));
}

#[test]
fn a_path_with_a_nul_byte_is_no_path() {
    assert_eq!(read("/plugin/a\0b"), Err("no usable path".to_owned()));
}
