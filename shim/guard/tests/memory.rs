//! A process's own memory as a file, before and after it is closed: asked from inside a process of
//! its own, this test binary started anew, since it cannot be opened again.

use std::process::Command;

use lazaret_guard::{filter, memory, readback};
use lazaret_protocol::Expected;
use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};

/// A user that owns nothing (`nobody`).
const NOBODY: libc::uid_t = 65_534;

/// Starts this binary again with only the test `name`, and asserts that it is content.
fn assert_good(name: &str) {
    let own = std::env::current_exe().expect("own path");
    let output = Command::new(own)
        .args([
            "--ignored",
            "--exact",
            name,
            "--test-threads=1",
            "--nocapture",
        ])
        .output()
        .expect("the test binary starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{:?} {said}", output.status);
}

/// What a container's process is: no root, no capabilities, dumpable as any program just started.
fn become_nobody() {
    if geteuid().is_root() {
        // SAFETY: no pointer is read for no groups, the other two take numbers. JUSTIFICATION: the
        // C library changes all threads, the harness's too; a safe wrapper changes one.
        #[expect(unsafe_code, reason = "no safe wrapper changes the whole process")]
        let changed = unsafe {
            [
                libc::setgroups(0, std::ptr::null()),
                libc::setresgid(NOBODY, NOBODY, NOBODY),
                libc::setresuid(NOBODY, NOBODY, NOBODY),
            ]
        };
        assert_eq!(changed, [0; 3]);
        // A change of user takes it away.
        set_dumpable_behavior(DumpableBehavior::Dumpable).expect("dumpable");
    }
}

fn opens_for_writing(file: &str) -> bool {
    fs_err::OpenOptions::new().write(true).open(file).is_ok()
}

#[test]
fn memory_is_a_file_until_it_is_closed() {
    assert_good("inside_closed");
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_closed() {
    become_nobody();
    let files = ["/proc/self/mem", "/proc/self/task/self/mem"]
        .map(|file| file.replace("task/self", &format!("task/{}", rustix::thread::gettid())));
    assert!(files.iter().all(|file| opens_for_writing(file)));
    assert_eq!(memory::close(), []);
    assert!(!files.iter().any(|file| opens_for_writing(file)));
}

#[test]
fn the_read_back_still_reads_once_memory_is_closed() {
    assert_good("inside_read_back");
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_read_back() {
    become_nobody();
    assert_eq!(memory::close(), []);
    let nothing = Expected {
        uid: 0,
        gid: 0,
        uid_map: Vec::new(),
        gid_map: Vec::new(),
        mounts: Vec::new(),
        masked: Vec::new(),
        read_only: Vec::new(),
        devices: Vec::new(),
        limits: Vec::new(),
        hostname: String::new(),
    };
    let unreadable = readback::differences(&nothing)
        .into_iter()
        .find(|found| found.expected == "readable" || found.found == "malformed");
    assert_eq!(unreadable, None);
    // Needed of a process that is not root, and given in a container.
    rustix::thread::set_no_new_privs(true).expect("no new privileges");
    filter::install(filter::Needs::default()).expect("the filter is on, and every task says so");
    // The harness would want system calls that are gone.
    // SAFETY: `_exit` takes no pointer and does not return; no destructor is relied upon.
    #[expect(unsafe_code, reason = "exit without the harness's clean-up")]
    unsafe {
        libc::_exit(0)
    }
}

#[test]
fn memory_that_opens_all_the_same_is_a_difference() {
    if !geteuid().is_root() {
        // Only root is beyond the owner and the mode of a file.
        return;
    }
    assert_good("inside_root");
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_root() {
    let found = memory::close();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].found, "opened for writing");
}
