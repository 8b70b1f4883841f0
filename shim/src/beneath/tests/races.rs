//! Somebody who swaps names while they are read, listed and walked.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{RenameFlags, renameat_with};

use super::*;

/// How often each is done at least.
const TIMES: usize = 2000;

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Swaps two names back and forth while `work` is done.
fn while_swapping(one: &Path, other: &Path, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("both are there");
            }
        });
        // Also where the work fails: nobody waits for a thread that swaps for ever.
        let _over = Over(&over);
        work();
    });
}

/// Does it until both of its outcomes were seen often, or very many times.
fn repeat(mut act: impl FnMut() -> bool) {
    let (mut seen, mut refused) = (0, 0);
    for number in 0..1_000_000 {
        match act() {
            true => seen += 1,
            false => refused += 1,
        }
        // A busy machine may leave the names as they are for a long while.
        if number >= TIMES && ((seen >= 50 && refused >= 50) || (seen > 0 && number >= 4 * TIMES)) {
            break;
        }
    }
    assert!(seen > 0, "it never went well");
}

/// A granted directory `in` with a file, and beside the grant one of the same look with another.
/// `link` leads out of the grant.
fn swapped() -> tempfile::TempDir {
    let host = tempfile::tempdir().expect("directory");
    let at = |name: &str| host.path().join(name);
    for directory in ["granted/in/deep", "outside/deep"] {
        fs_err::create_dir_all(at(directory)).expect("directory");
    }
    for (name, text) in [
        ("granted/in/a", "granted"),
        ("granted/in/deep/b", "granted"),
        ("outside/a", "secret"),
        ("outside/secret", "secret"),
        ("outside/deep/secret", "secret"),
    ] {
        fs_err::write(at(name), text).expect("file");
    }
    symlink("../outside", at("granted/link")).expect("link");
    host
}

/// With names hidden and without: links are followed in one of them.
fn for_each(work: impl Fn(&Places, &Path, &Path)) {
    for ignore in [&[][..], &["*.pem"]] {
        let host = swapped();
        let granted = Place {
            seen: "/srv/data".to_owned(),
            real: host.path().join("granted"),
            directory: true,
            granted: true,
        };
        let places = Places::new(vec![granted], limits(ignore));
        let (directory, link) = ("granted/in", "granted/link");
        work(
            &places,
            &host.path().join(directory),
            &host.path().join(link),
        );
    }
}

#[test]
fn a_directory_swapped_for_a_link_is_never_read_through() {
    for_each(|places, directory, link| {
        while_swapping(directory, link, || {
            repeat(|| match places.read("/srv/data/in/a", 16) {
                Ok(bytes) => {
                    assert_eq!(bytes, b"granted");
                    true
                }
                Err(_) => false,
            });
            repeat(|| match places.open_file("/srv/data/in/a") {
                Ok(mut file) => {
                    let mut space = [0; 16];
                    let read = places.read_part(&mut file, &mut space).expect("read");
                    assert_eq!(&space[..read], b"granted");
                    true
                }
                Err(_) => false,
            });
        });
    });
}

#[test]
fn a_directory_swapped_for_a_link_is_never_listed_or_looked_at_through() {
    for_each(|places, directory, link| {
        while_swapping(directory, link, || {
            repeat(|| match places.list("/srv/data/in") {
                Ok(entries) => {
                    let names: Vec<_> = entries.iter().map(|entry| &*entry.name).collect();
                    assert_eq!(names, ["a", "deep"]);
                    true
                }
                Err(_) => false,
            });
            repeat(|| match places.metadata("/srv/data/in/a", true) {
                Ok(metadata) => {
                    assert_eq!(metadata.size, 7);
                    true
                }
                Err(_) => false,
            });
            repeat(|| match places.real_path("/srv/data/in/a") {
                // The kernel tells the name that the directory has by then.
                Ok(path) => {
                    let names = ["/srv/data/in/a", "/srv/data/link/a"];
                    assert!(names.contains(&&*path), "{path}");
                    true
                }
                Err(_) => false,
            });
        });
    });
}

#[test]
fn a_walk_never_goes_where_a_directory_was_swapped_for_a_link() {
    for_each(|places, directory, link| {
        while_swapping(directory, link, || {
            repeat(|| {
                let mut walk = places.walk("/srv/data", true).expect("the root stays");
                let mut found = 0;
                while let Some(visited) = walk.next(places).expect("the root stays") {
                    let name = &visited.entry.name;
                    assert!(!visited.below.contains("secret"), "{}", visited.below);
                    if visited.entry.kind == EntryKind::File
                        && let Some(file) = walk.open(name)
                    {
                        let mut text = String::new();
                        let read = std::fs::File::from(file).read_to_string(&mut text);
                        read.expect("a file that is open");
                        assert_eq!(text, "granted");
                        found += 1;
                    }
                }
                found == 2
            });
            let paths = ["/srv/data".to_owned()];
            repeat(|| {
                let looked = places.snapshot(&paths, true).expect("the root stays");
                let told = looked.since(&Snapshot::default());
                assert!(told.iter().all(|(_, path)| !path.contains("secret")));
                told.len() == 6
            });
        });
    });
}
