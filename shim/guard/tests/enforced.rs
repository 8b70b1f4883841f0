//! What the second filter does to a process, asked from inside one.
//!
//! A filter cannot be taken off again, so each question is asked by this test binary started
//! anew: the parent names the question in an argument that selects the ignored test below. There
//! is no first filter here: nothing that only that one refuses is asked.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use lazaret_guard::{filter, landlock};
use lazaret_protocol::Landlock;

/// Starts this binary again with only the test `name`, which installs the filter and asks.
fn ask(name: &str) -> ExitStatus {
    let own = std::env::current_exe().expect("own path");
    Command::new(own)
        .args(["--ignored", "--exact", name, "--test-threads=1", "--quiet"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("the test binary starts")
}

/// Ends the process at once: the test harness would want system calls that are gone.
fn leave(good: bool) -> ! {
    // SAFETY: `_exit` takes no pointer and does not return; no destructor is relied upon.
    #[expect(unsafe_code, reason = "exit without the harness's clean-up")]
    unsafe {
        libc::_exit(if good { 0 } else { 9 })
    }
}

/// Makes a system call with plain numbers and returns the error number, 0 when it went well.
fn errno_of(call: libc::c_long, arguments: [libc::c_long; 6]) -> i32 {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: every caller passes numbers or null pointers, which the kernel checks.
    #[expect(unsafe_code, reason = "asks the kernel directly")]
    let result = unsafe { libc::syscall(call, a, b, c, d, e, f) };
    if result == -1 {
        std::io::Error::last_os_error().raw_os_error().unwrap_or(-1)
    } else {
        0
    }
}

const PRIVATE: libc::c_long = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as libc::c_long;
const EXECUTABLE: libc::c_long = (libc::PROT_READ | libc::PROT_EXEC) as libc::c_long;

#[test]
fn a_denied_call_answers_eperm_and_the_process_lives() {
    assert_eq!(ask("inside_denied").code(), Some(0));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_denied() {
    filter::install(filter::Needs::default()).expect("filter");
    let denied = |call, arguments| errno_of(call, arguments) == libc::EPERM;
    leave(
        denied(libc::SYS_dup, [0; 6])
            && denied(libc::SYS_clone3, [0; 6])
            && denied(libc::SYS_getuid, [0; 6])
            && denied(libc::SYS_prctl, [0; 6])
            && denied(libc::SYS_tgkill, [1, 1, 0, 0, 0, 0])
            && denied(libc::SYS_mmap, [0, 4096, EXECUTABLE, PRIVATE, -1, 0])
            && denied(libc::SYS_fcntl, [0, libc::F_DUPFD.into(), 0, 0, 0, 0]),
    );
}

#[test]
fn an_allowed_call_still_works() {
    assert_eq!(ask("inside_allowed").code(), Some(0));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_allowed() {
    filter::install(filter::Needs::default()).expect("filter");
    let data = libc::c_long::from(libc::PROT_READ | libc::PROT_WRITE);
    let read = fs_err::read_to_string("/proc/self/status").is_ok();
    let mapped = errno_of(libc::SYS_mmap, [0, 4096, data, PRIVATE, -1, 0]) == 0;
    leave(read && mapped && errno_of(libc::SYS_getpid, [0; 6]) == 0);
}

#[test]
fn executable_memory_is_there_for_an_engine_that_needs_it() {
    assert_eq!(ask("inside_executable").code(), Some(0));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_executable() {
    filter::install(filter::Needs {
        executable_memory: true,
        egress: false,
    })
    .expect("filter");
    leave(errno_of(libc::SYS_mmap, [0, 4096, EXECUTABLE, PRIVATE, -1, 0]) == 0);
}

#[test]
fn execve_ends_the_process() {
    assert_eq!(ask("inside_execve").signal(), Some(libc::SIGSYS));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_execve() {
    filter::install(filter::Needs::default()).expect("filter");
    errno_of(libc::SYS_execve, [0; 6]);
    leave(false);
}

#[test]
fn a_thread_that_was_there_before_is_held_too() {
    assert_eq!(ask("inside_thread").code(), Some(0));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_thread() {
    let (ready, wait) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        wait.recv().expect("the filter is on");
        errno_of(libc::SYS_dup, [0; 6])
    });
    filter::install(filter::Needs::default()).expect("filter");
    ready.send(()).expect("the thread waits");
    leave(other.join().expect("the thread ends") == libc::EPERM);
}

#[test]
fn the_thread_that_installs_it_sees_what_landlock_hides_from_the_others() {
    assert_eq!(ask("inside_ahead").code(), Some(0));
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn inside_ahead() {
    let rules = Landlock {
        abi: landlock::abi(),
        readable: Vec::new(),
        sockets: Vec::new(),
    };
    let waiting = filter::ahead(filter::Needs::default()).expect("a thread");
    landlock::restrict(&rules).expect("restricted");
    let hidden = rules.abi == 0 || fs_err::read_dir("/proc/self/task").is_err();
    waiting.install().expect("filter");
    let denied = errno_of(libc::SYS_dup, [0; 6]) == libc::EPERM;
    let other = std::thread::Builder::new().spawn(|| ()).is_err();
    // Refused by the filter once all is done: no rules on top, and none that look like others'.
    let sealed = [
        libc::SYS_landlock_create_ruleset,
        libc::SYS_landlock_add_rule,
        libc::SYS_landlock_restrict_self,
    ];
    let sealed = sealed.map(|call| errno_of(call, [-1; 6]));
    leave(hidden && denied && other && sealed == [libc::EPERM; 3]);
}
