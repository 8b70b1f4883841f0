//! Reading against hostile trees.

mod races;

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
        granted: seen != PLUGIN,
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
fn a_file_is_read_in_parts_and_only_while_its_name_is_not_hidden() {
    let host = host();
    let mut places = places(host.path());
    places.set_limits(FileLimits {
        read_bytes: 4,
        ..limits(&[])
    });
    let mut file = places.open_file("/srv/data/a.txt").expect("opened");
    let mut space = [0; 16];
    assert_eq!(places.read_part(&mut file, &mut space).expect("read"), 4);
    assert_eq!(places.read_part(&mut file, &mut space).expect("read"), 3);
    assert_eq!(&space[..4], b"tedn", "what was read before stays behind it");
    assert_eq!(places.read_part(&mut file, &mut space).expect("read"), 0);
    file.seek(std::io::SeekFrom::Start(0)).expect("sought");
    places.set_limits(limits(&["*.txt"]));
    let error = places.read_part(&mut file, &mut space).expect_err("hidden");
    assert!(matches!(error, ReadError::NotFound { .. }));
    for (path, what) in [
        ("/srv/data", "no regular file"),
        ("/etc/shadow", "`file:read:"),
    ] {
        let error = places.open_file(path).expect_err("no file").to_string();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn a_real_path_has_no_links_in_it_and_never_leads_out() {
    let host = host();
    let at = |name: &str| host.path().join("granted").join(name);
    fs_err::create_dir(at("in")).expect("directory");
    fs_err::write(at("in/b"), "").expect("file");
    for (name, target) in [("to", "in"), ("out", "../secret"), ("root", "/")] {
        std::os::unix::fs::symlink(target, at(name)).expect("link");
    }
    let places = places(host.path());
    let real = |path: &str| places.real_path(path).map_err(|error| error.to_string());
    assert_eq!(real("/srv/data/to/b").as_deref(), Ok("/srv/data/in/b"));
    assert_eq!(real("/srv/data/to/.."), Ok("/srv/data".to_owned()));
    assert_eq!(real("/etc/motd").as_deref(), Ok("/etc/motd"));
    for path in ["/srv/data/out", "/srv/data/root", "/srv/data/none", "/srv"] {
        assert!(real(path).is_err(), "{path}");
    }
}

#[test]
fn a_walk_tells_directory_after_directory_and_nothing_hidden() {
    let host = host();
    let at = |name: &str| host.path().join("granted").join(name);
    fs_err::create_dir_all(at("b/.git/x")).expect("directory");
    fs_err::create_dir_all(at("a/c")).expect("directory");
    for name in ["b/1", "a/c/2", "a/key.pem", "b/.git/3"] {
        fs_err::write(at(name), "").expect("file");
    }
    std::os::unix::fs::symlink("..", at("a/up")).expect("link");
    let mut places = places(host.path());
    places.set_limits(limits(&[".git", "*.pem"]));
    let walked = |places: &Places, path: &str, recursive| {
        let mut walk = places.walk(path, recursive).expect("a directory");
        let mut names = Vec::new();
        while let Some(visited) = walk.next(places).expect("walked") {
            names.push(walk.path_of(&visited.below));
        }
        names.join(" ")
    };
    let data = "/srv/data";
    let all = "a a.txt b a/c a/up a/c/2 b/1".replace(' ', " /srv/data/");
    assert_eq!(walked(&places, data, true), format!("{data}/{all}"));
    let flat = "a a.txt b".replace(' ', " /srv/data/");
    assert_eq!(walked(&places, data, false), format!("{data}/{flat}"));
    places.set_limits(limits(&[]));
    assert!(walked(&places, data, true).contains("/.git/x"));
    let error = places.walk("/etc/motd", true).expect_err("a file");
    assert!(matches!(error, ReadError::NotADirectory { .. }), "{error}");
}

#[test]
fn a_walk_ends_where_directories_lie_too_deep_in_one_another() {
    let host = host();
    let deep = "d/".repeat(70);
    fs_err::create_dir_all(host.path().join("granted").join(deep)).expect("directory");
    let places = places(host.path());
    let mut walk = places.walk("/srv/data", true).expect("a directory");
    let error = loop {
        match walk.next(&places) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it went to the end"),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, ReadError::TooMuch { limit: 64, .. }),
        "{error}"
    );
}

#[test]
fn a_path_with_a_nul_byte_is_no_path() {
    assert_eq!(read("/plugin/a\0b"), Err("no usable path".to_owned()));
}

#[test]
fn names_are_hidden_also_where_a_grant_has_the_name_of_the_plugins_own() {
    for own in [PLUGIN, TEMPORARY] {
        let host = host();
        fs_err::write(host.path().join("granted/key.pem"), "secret").expect("file");
        let place = |granted, real: &str| Place {
            seen: own.to_owned(),
            real: host.path().join(real),
            directory: true,
            granted,
        };
        let all = vec![place(false, "plugin"), place(true, "granted")];
        let places = Places::new(all, limits(&["*.pem"]));
        let hidden = format!("{own}/key.pem");
        let read = places.read(&hidden, 16);
        assert!(matches!(read, Err(ReadError::NotFound { .. })), "{read:?}");
        let names = places.list(own).expect("listed");
        assert!(names.iter().all(|entry| entry.name != "key.pem"));
        assert!(places.granted(&format!("{own}/a.txt")).is_some());
    }
}

#[test]
fn names_that_are_hidden_count_among_those_that_are_looked_at() {
    let host = host();
    for number in 0..=64 * 1024 {
        let name = format!("granted/{number}.pem");
        fs_err::File::create(host.path().join(name)).expect("file");
    }
    let mut places = places(host.path());
    places.set_limits(limits(&["*.pem"]));
    let listed = places.list("/srv/data");
    assert!(matches!(listed, Err(ReadError::TooMany { .. })));
}

#[test]
fn a_step_of_a_walk_looks_into_one_directory() {
    let host = host();
    for name in ["a/b/c", "d"] {
        fs_err::create_dir_all(host.path().join("plugin").join(name)).expect("directory");
    }
    let places = places(host.path());
    let mut walk = places.walk("/plugin", true).expect("a directory");
    let mut steps = Vec::new();
    loop {
        match walk.step(&places).expect("walked") {
            Step::Name(visited) => steps.push(visited.entry.name),
            Step::Nothing => steps.push("-".to_owned()),
            Step::End => break,
        }
    }
    assert_eq!(steps.join(" "), "- a d lib main.js - b - c - - -");
}
