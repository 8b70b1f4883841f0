//! The listener beside a real filter, on a thread of this process.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

#[test]
fn calls_have_names_and_foreign_ones_numbers() {
    assert_eq!(
        name_of(syscalls::Sysno::mount as i32, kernel::NATIVE),
        "mount"
    );
    assert_eq!(
        name_of(21, 0x4000_0003),
        "number 21 of architecture 0x40000003"
    );
    assert_eq!(
        name_of(-1, kernel::NATIVE),
        format!("number -1 of architecture {:#x}", kernel::NATIVE)
    );
}

#[test]
fn only_optional_calls_that_are_left_are_observed() {
    let groups = |names: &[&str]| {
        let calls = names.iter().map(|name| optional(name).expect("a group"));
        calls.collect::<Vec<_>>()
    };
    let left = groups(&["flock", "setitimer"]);
    for (name, group) in [("flock", "file-locks"), ("timerfd_create", "timers")] {
        let (found, call) = observed(&left, name).expect(name);
        assert_eq!((found.name, call), (group, name));
        assert!(observed(&[], name).is_none(), "{name}");
    }
    for name in [
        "inotify_init1",
        "mount",
        "clone",
        "read",
        "number 73 of architecture 0x40000003",
    ] {
        assert!(observed(&left, name).is_none(), "{name}");
    }
    for name in lazaret_protocol::REPORTED_SYSTEM_CALLS {
        assert!(observed(&left, name).is_none(), "{name}");
    }
}

/// A thread of this process under a filter that reports one call.
struct Caller {
    listener: Listener,
    thread: libc::pthread_t,
    go: mpsc::Sender<()>,
    answers: mpsc::Receiver<Option<i32>>,
}

impl Caller {
    fn start() -> Self {
        Self::start_with(libc::SYS_vhangup, Vec::new())
    }

    fn start_with(number: libc::c_long, groups: Vec<&'static Group>) -> Self {
        let (go, told_to_go) = mpsc::channel();
        let (answer, answers) = mpsc::channel();
        let (give, given) = mpsc::channel();
        std::thread::spawn(move || {
            give.send(filtered::install(number)).unwrap();
            while told_to_go.recv().is_ok() {
                answer.send(filtered::call(number)).unwrap();
            }
        });
        let (thread, descriptor) = given.recv().unwrap();
        Self {
            listener: Listener::new(descriptor, groups).unwrap(),
            thread,
            go,
            answers,
        }
    }

    /// Has the call made, and waits until the reactor has told of it.
    async fn make(&mut self) {
        self.go.send(()).unwrap();
        while !matches!(
            look(self.listener.descriptor.get_ref()).unwrap(),
            Look::Waiting
        ) {
            std::thread::yield_now();
        }
        drop(self.listener.descriptor.readable().await.unwrap());
    }

    fn take_back(&self) {
        filtered::interrupt(self.thread);
        assert_eq!(self.answers.recv().unwrap(), Some(libc::EINTR));
    }

    async fn next(&mut self) -> Reported {
        let next = self.listener.next();
        let told = tokio::time::timeout(Duration::from_secs(60), next).await;
        told.expect("it is told of").unwrap()
    }

    async fn hears_nothing(&mut self) {
        let next = self.listener.next();
        let told = tokio::time::timeout(Duration::from_millis(20), next).await;
        assert!(told.is_err(), "{told:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_taken_back_before_it_is_read_is_told_of_once() {
    let mut caller = Caller::start();
    caller.hears_nothing().await;
    for _ in 0..3 {
        caller.make().await;
        caller.take_back();
        assert!(matches!(caller.next().await, Reported::Withdrawn));
        caller.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_call_that_waits_for_its_answer_is_told_of_once() {
    let mut caller = Caller::start();
    for _ in 0..3 {
        caller.make().await;
        let Reported::Asked(asked) = caller.next().await else {
            panic!("it waits");
        };
        assert_eq!(asked.call.name, "vhangup");
        caller.hears_nothing().await;
        caller.listener.refuse(&asked).unwrap();
        assert_eq!(caller.answers.recv().unwrap(), Some(libc::EPERM));
        caller.hears_nothing().await;
    }
}

#[tokio::test]
async fn an_observed_call_goes_on_and_one_that_is_not_is_refused() {
    let number = libc::SYS_inotify_rm_watch;
    let groups = optional("inotify_rm_watch").into_iter().collect();
    let mut caller = Caller::start_with(number, groups);
    for _ in 0..3 {
        caller.make().await;
        let Reported::Observed(call) = caller.next().await else {
            panic!("it waits");
        };
        assert_eq!(
            (call.group.name, call.call),
            ("inotify", "inotify_rm_watch")
        );
        caller.listener.let_go_on(&call).unwrap();
        // The kernel's own answer: there is no such descriptor.
        assert_eq!(caller.answers.recv().unwrap(), Some(libc::EBADF));
    }
    let mut caller = Caller::start_with(number, Vec::new());
    caller.make().await;
    let Reported::Asked(asked) = caller.next().await else {
        panic!("it waits");
    };
    caller.listener.refuse(&asked).unwrap();
    assert_eq!(caller.answers.recv().unwrap(), Some(libc::EPERM));
}

#[expect(unsafe_code, reason = "filters and signals have no safe wrapper")]
mod filtered {
    use std::os::fd::{FromRawFd, OwnedFd};

    /// Has one call of this thread reported, and has a signal interrupt it.
    pub(super) fn install(number: libc::c_long) -> (libc::pthread_t, OwnedFd) {
        extern "C" fn nothing(_: libc::c_int) {}
        let step = |code: u32, jt, jf, k| libc::sock_filter {
            code: code as u16,
            jt,
            jf,
            k,
        };
        // The number of the call is what `seccomp_data` starts with (seccomp(2)).
        let number = number as u32;
        let mut steps = [
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
            step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
            step(
                libc::BPF_RET | libc::BPF_K,
                0,
                0,
                libc::SECCOMP_RET_USER_NOTIF,
            ),
            step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog {
            len: steps.len() as u16,
            filter: steps.as_mut_ptr(),
        };
        // SAFETY: all zero is a value of `sigaction`, and its handler does nothing. The
        // program and its steps live until the calls are over; the kernel copies them. A
        // result that is not negative is a new descriptor that nobody else owns.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = nothing as *const () as usize;
            let none = std::ptr::null_mut();
            assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, none), 0);
            assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
            let descriptor = libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            );
            assert!(descriptor >= 0, "{}", std::io::Error::last_os_error());
            let descriptor = OwnedFd::from_raw_fd(descriptor as i32);
            (libc::pthread_self(), descriptor)
        }
    }

    /// Makes the call; its error.
    pub(super) fn call(number: libc::c_long) -> Option<i32> {
        // SAFETY: `vhangup` takes nothing and does not pass the filter; `inotify_rm_watch` takes
        // no pointer, and this descriptor is none.
        let result = unsafe { libc::syscall(number, -1, -1) };
        let error = std::io::Error::last_os_error();
        (result != 0).then(|| error.raw_os_error()).flatten()
    }

    pub(super) fn interrupt(thread: libc::pthread_t) {
        // SAFETY: the thread waits in its call and does not end before it was interrupted.
        let result = unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        assert_eq!(result, 0);
    }
}
