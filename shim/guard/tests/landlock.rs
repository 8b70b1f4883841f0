//! What Landlock does to a thread, asked from inside one: it holds that thread alone, so every
//! question is put twice, by a thread that is free and by one that is restricted.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lazaret_guard::landlock::{self, LandlockError};
use lazaret_protocol::Landlock;

/// A directory with one that is granted and one that is not.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("directory");
    for name in ["granted", "other"] {
        let place = directory.path().join(name);
        fs_err::create_dir(&place).expect("directory");
        fs_err::write(place.join("file"), name).expect("file");
    }
    directory
}

fn rules(readable: &[&Path]) -> Landlock {
    Landlock {
        abi: landlock::abi(),
        readable: readable
            .iter()
            .map(|path| path.to_str().expect("text").to_owned())
            .collect(),
        sockets: Vec::new(),
    }
}

/// Asks in a thread that may read `readable` and nothing else.
fn restricted<T: Send>(readable: &[&Path], ask: impl FnOnce() -> T + Send) -> T {
    let rules = rules(readable);
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            landlock::restrict(&rules).expect("restricted");
            ask()
        });
        thread.join().expect("the thread ends")
    })
}

fn kind<T>(result: std::io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Whether this kernel has the ABI that can deny what is asked about.
fn has(abi: u32) -> bool {
    landlock::abi() >= abi
}

const DENIED: Option<ErrorKind> = Some(ErrorKind::PermissionDenied);

#[test]
fn a_granted_path_is_read_and_no_other() {
    if !has(1) {
        return;
    }
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    let ask = || {
        [
            kind(fs_err::read(path("granted/file"))),
            kind(fs_err::read_dir(path("granted"))),
            kind(fs_err::read(path("other/file"))),
            kind(fs_err::read_dir(path("other"))),
            kind(fs_err::read(path("granted/../other/file"))),
        ]
    };
    assert_eq!(ask(), [None; 5]);
    assert_eq!(
        restricted(&[&path("granted")], ask),
        [None, None, DENIED, DENIED, DENIED]
    );
    let only_file = restricted(&[&path("granted/file")], ask);
    assert_eq!(only_file[..2], [None, DENIED]);
}

#[test]
fn nothing_is_written_made_renamed_or_removed_even_where_reading_is_granted() {
    if !has(1) {
        return;
    }
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    let ask = || {
        let append = |name| fs_err::OpenOptions::new().append(true).open(path(name));
        vec![
            kind(append("granted/file")),
            kind(fs_err::create_dir(path("granted/made"))),
            kind(fs_err::write(path("granted/new"), "")),
            kind(fs_err::os::unix::fs::symlink("file", path("granted/link"))),
            kind(fs_err::hard_link(
                path("granted/file"),
                path("granted/hard"),
            )),
            kind(fs_err::rename(path("granted/file"), path("granted/moved"))),
            kind(fs_err::remove_file(path("granted/moved"))),
        ]
    };
    let granted = path("granted");
    let refused = restricted(&[&granted], ask);
    // The last one is not there to be removed.
    assert_eq!(refused[..6], vec![DENIED; 6]);
    assert_eq!(ask(), vec![None; 7]);
}

#[test]
fn a_socket_that_is_left_is_connected_to_and_another_is_not_where_the_kernel_denies_sockets() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    let listeners = ["left", "other.sock"].map(|name| UnixListener::bind(path(name)));
    let text = |name: &str| path(name).to_str().expect("text").to_owned();
    let rules = Landlock {
        abi: landlock::abi(),
        readable: Vec::new(),
        sockets: vec![text("left")],
    };
    let ask = || ["left", "other.sock"].map(|name| kind(UnixStream::connect(path(name))));
    let inside = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            landlock::restrict(&rules).expect("restricted");
            ask()
        });
        thread.join().expect("joined")
    });
    assert_eq!(inside, [None, if has(9) { DENIED } else { None }]);
    assert_eq!(ask(), [None, None]);
    drop(listeners);
}

#[test]
fn a_file_is_not_truncated() {
    if !has(3) {
        return;
    }
    let directory = directory();
    let file = directory.path().join("granted/file");
    let held = fs_err::OpenOptions::new().write(true).open(&file);
    let held = held.expect("a descriptor from before");
    let truncate = || kind(rustix::fs::ftruncate(&held, 0).map_err(Into::into));
    assert_eq!(
        truncate(),
        None,
        "a descriptor from before stays what it is"
    );
    let by_path = || {
        let path = std::ffi::CString::new(file.to_str().expect("text")).expect("no NUL");
        #[expect(unsafe_code, reason = "the safe wrappers truncate by descriptor only")]
        // SAFETY: the text ends in a NUL byte and lives until the call is over.
        match unsafe { libc::truncate(path.as_ptr(), 0) } {
            0 => None,
            _ => Some(std::io::Error::last_os_error().kind()),
        }
    };
    assert_eq!(by_path(), None);
    assert_eq!(restricted(&[directory.path()], by_path), DENIED);
}

#[test]
fn no_program_is_executed_even_where_reading_is_granted() {
    if !has(1) {
        return;
    }
    let ask = || kind(Command::new("/bin/true").stdin(Stdio::null()).status());
    assert_eq!(ask(), None);
    assert_eq!(
        restricted(&[Path::new("/bin"), Path::new("/usr")], ask),
        DENIED
    );
}

#[test]
fn no_tcp_port_is_bound_or_reached() {
    if !has(4) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let ask = || {
        [
            kind(TcpListener::bind("127.0.0.1:0")),
            kind(TcpStream::connect(address)),
        ]
    };
    assert_eq!(ask(), [None; 2]);
    assert_eq!(restricted(&[], ask), [DENIED; 2]);
}

#[test]
fn no_abstract_socket_of_others_is_reached() {
    if !has(6) {
        return;
    }
    let name = format!("lazaret-guard-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let _listener = UnixListener::bind_addr(&address).expect("a socket");
    let ask = || kind(UnixStream::connect_addr(&address));
    assert_eq!(ask(), None);
    assert_eq!(restricted(&[], ask), DENIED);
}

#[test]
fn a_device_is_not_controlled() {
    if !has(5) {
        return;
    }
    let zero = Path::new("/dev/zero");
    let ask = || {
        let file = fs_err::File::open(zero).expect("a device that may be read");
        rustix::io::ioctl_fionread(&file).err()
    };
    // Without Landlock the device itself says that it knows no such request.
    assert_eq!(ask(), Some(rustix::io::Errno::NOTTY));
    assert_eq!(restricted(&[zero], ask), Some(rustix::io::Errno::ACCESS));
}

#[test]
fn no_process_of_others_is_signalled() {
    if !has(6) {
        return;
    }
    let mut child = Command::new("/bin/cat")
        .stdin(Stdio::piped())
        .spawn()
        .expect("a process");
    let ask = |child: &Child| {
        let id = i32::try_from(child.id()).expect("an id");
        let id = rustix::process::Pid::from_raw(id).expect("an id");
        kind(rustix::process::test_kill_process(id).map_err(Into::into))
    };
    assert_eq!(ask(&child), None);
    assert_eq!(restricted(&[], || ask(&child)), DENIED);
    // Its standard input ends, and it with it.
    drop(child.stdin.take());
    child.wait().expect("the process ends");
}

#[test]
fn threads_started_afterwards_are_held_as_well() {
    if !has(1) {
        return;
    }
    let directory = directory();
    let file = directory.path().join("other/file");
    let inner = || std::thread::spawn(move || kind(fs_err::read(file))).join();
    assert_eq!(restricted(&[], inner).expect("the thread ends"), DENIED);
}

#[test]
fn another_version_than_expected_is_refused() {
    let mut rules = rules(&[]);
    rules.abi += 1;
    let refused = std::thread::spawn(move || landlock::restrict(&rules)).join();
    let error = refused.expect("the thread ends").expect_err("refused");
    assert!(matches!(error, LandlockError::Abi { .. }), "{error}");
    let found = landlock::abi();
    assert!(error.to_string().contains(&format!("`{found}`")), "{error}");
}

#[test]
fn rules_that_grant_what_no_policy_grants_are_not_taken_for_enforced() {
    if !has(1) {
        return;
    }
    let rules = rules(&[Path::new("/")]);
    let refused = std::thread::spawn(move || landlock::restrict(&rules)).join();
    let error = refused.expect("the thread ends").expect_err("refused");
    assert!(
        matches!(error, LandlockError::NotEnforced { .. }),
        "{error}"
    );
}

#[test]
fn a_path_that_is_not_there_is_named() {
    if !has(1) {
        return;
    }
    let rules = rules(&[Path::new("/no/such/path")]);
    let refused = std::thread::spawn(move || landlock::restrict(&rules)).join();
    let error = refused.expect("the thread ends").expect_err("refused");
    assert!(error.to_string().contains("`/no/such/path`"), "{error}");
}
