//! What listens where a display should be, and is none.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;

/// What a small display says of itself: 40 bytes, the name of its maker, and a screen without visuals.
fn setup() -> Vec<u8> {
    let mut setup = vec![1, 0, 11, 0, 0, 0];
    setup.extend(18_u16.to_ne_bytes());
    setup.extend([0; 20 - 8]);
    // Mask of numbers, then sizes; maker of no letters; one screen, no formats.
    setup.extend([0; 4]);
    setup.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    setup.extend([0; 8]);
    let mut screen = vec![0; 40];
    screen[0] = 7;
    setup.extend(screen);
    assert_eq!(setup.len(), 8 + 18 * 4);
    setup
}

/// Of a reply to the request of this number: its head, and how many units of four bytes it says come.
fn reply(sequence: u16, units: u32) -> Vec<u8> {
    let mut reply = vec![0; 32];
    reply[0] = 1;
    reply[2..4].copy_from_slice(&sequence.to_ne_bytes());
    reply[4..8].copy_from_slice(&units.to_ne_bytes());
    reply
}

/// Listens, lets one client in and says this; then nothing until the client goes, or that it is all.
fn speaker(said: Vec<u8>, all: bool) -> (tempfile::TempDir, JoinHandle<()>) {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("X")).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let said = client.write_all(&said);
        let mut rest = Vec::new();
        if all {
            client.shutdown(Shutdown::Write).ok();
        }
        if said.is_ok() {
            client.read_to_end(&mut rest).ok();
        }
    });
    (directory, thread)
}

fn asked(said: Vec<u8>, patience: Duration) -> Failure {
    let (directory, thread) = speaker(said, patience == PATIENCE);
    let socket = directory.path().join("X");
    let rules = Rules {
        patience,
        ..rules(&socket, None, &ALL)
    };
    let failure = failure(perform(&WindowAct::List, &rules));
    thread.join().unwrap();
    failure
}

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_display_that_never_answers_is_given_up_at_every_step() {
    for said in [
        Vec::new(),
        vec![1],
        setup(),
        [setup(), reply(1, 0)].concat(),
    ] {
        assert_eq!(asked(said, SHORT), Failure::TimedOut);
    }
}

#[test]
fn a_display_that_speaks_nonsense_is_believed_nothing() {
    let mut few = setup();
    // No screen at all.
    few[28] = 0;
    let refused = [vec![0, 2, 11, 0, 0, 0, 1, 0], b"no  ".to_vec()].concat();
    for (number, said) in [
        vec![0xff; 1000],
        vec![1; 8 + 257 * 4],
        vec![1, 0, 0, 0, 0, 0, 0, 0],
        b"HTTP/1.1 200 OK\r\n\r\n".repeat(10_000),
        refused,
        few,
        // The answer to a question that was not asked.
        [setup(), reply(9, 0)].concat(),
        // It says that 16 GiB come.
        [setup(), reply(1, u32::MAX)].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(asked(said, PATIENCE), Failure::Other, "{number}");
    }
}

#[test]
fn a_display_that_never_stops_telling_is_given_up() {
    // Events without end, which nobody asked for.
    let mut event = [0; 32];
    event[0] = 22;
    let said = [setup(), event.repeat(5 << 15)].concat();
    assert_eq!(asked(said, PATIENCE), Failure::Other);
}

#[test]
fn where_nobody_listens_or_nobody_lets_in_nothing_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("X");
    let rules = rules(&socket, None, &ALL);
    assert_eq!(failure(perform(&WindowAct::List, &rules)), Failure::Other);
    let listener = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let address = rustix::net::SocketAddrUnix::new(&socket).unwrap();
    rustix::net::bind(&listener, &address).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    // It lets in as many as wait, and then none.
    let _waiting = UnixStream::connect(&socket).unwrap();
    assert_eq!(failure(perform(&WindowAct::List, &rules)), Failure::Busy);
}
