//! Somebody on the host who swaps names while the engine acts.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

/// Swaps two names back and forth while `work` is done.
pub(super) fn while_swapping(one: &Path, other: &Path, work: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        // Also where the work fails: nobody waits for a thread that swaps for ever.
        let _over = Over(&over);
        work();
    });
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does an act until both of its outcomes were seen often, or many times.
pub(super) fn repeat(mut act: impl FnMut(u32) -> Outcome) {
    let (mut done, mut refused) = (0, 0);
    for number in 0..1_000_000 {
        match act(number) {
            Ok(_) => done += 1,
            Err(_) => refused += 1,
        }
        // A busy machine may leave the names as they are for a long while.
        if (done >= 50 && refused >= 50) || (done > 0 && number >= 3000) {
            break;
        }
    }
    assert!(done > 0, "nothing was ever done");
}

#[test]
fn a_directory_swapped_for_a_link_is_no_way_out() {
    let tree = Tree::with(&["granted"], u64::MAX);
    symlink("../other", tree.at("granted/link")).unwrap();
    let (directory, link) = (tree.at("granted/in"), tree.at("granted/link"));
    while_swapping(&directory, &link, || {
        repeat(|_| tree.replace("/in/secret", "changed"));
        repeat(|_| tree.append("/in/added", "a"));
        repeat(|number| tree.make_directory(&format!("/in/{number}"), false));
        repeat(|number| {
            let name = format!("/in/r{number}");
            tree.make_directory(&name, false)
                .and_then(|_| tree.remove(&name))
        });
        repeat(|number| {
            let name = format!("/n{number}");
            tree.replace(&name, "")
                .and_then(|_| tree.rename(&name, "/in/renamed"))
        });
    });
    let beside = tree
        .names()
        .into_iter()
        .filter(|name| name.starts_with("other"));
    assert_eq!(beside.collect::<Vec<_>>(), ["other", "other/secret"]);
    assert_eq!(tree.text("other/secret"), "secret");
}

#[test]
fn a_file_swapped_for_a_link_is_never_written_through() {
    let tree = Tree::with(&["granted"], u64::MAX);
    symlink("../secret", tree.at("granted/link")).unwrap();
    while_swapping(&tree.at("granted/old"), &tree.at("granted/link"), || {
        repeat(|_| tree.append("/old", "x"));
    });
    assert_eq!(tree.text("secret"), "secret");
}

#[test]
fn a_granted_file_swapped_for_a_link_is_never_written_through() {
    let tree = Tree::with(&["granted/old"], u64::MAX);
    symlink("../secret", tree.at("granted/link")).unwrap();
    while_swapping(&tree.at("granted/old"), &tree.at("granted/link"), || {
        repeat(|_| tree.replace("/old", "x"));
        repeat(|_| tree.append("/old", "x"));
    });
    assert_eq!(tree.text("secret"), "secret");
}

#[test]
fn what_is_replaced_is_seen_whole_or_not_at_all() {
    let tree = Tree::with(&["granted"], u64::MAX);
    let contents = ["a".repeat(400), "b".repeat(300)];
    assert_eq!(tree.replace("/old", &contents[0]), DONE);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = Over(&over);
            for number in 0..300 {
                assert_eq!(tree.replace("/old", &contents[number % 2]), DONE);
            }
        });
        while !over.load(Ordering::Relaxed) {
            let text = tree.text("granted/old");
            assert!(contents.contains(&text), "{text}");
        }
    });
}
