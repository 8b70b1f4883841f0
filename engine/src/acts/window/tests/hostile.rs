//! What listens where a display should be, and is none.

use std::io::Write;
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

/// Listens, lets one client in and says this; then the second, again and again, until the client goes. Gives how many
/// bytes it got rid of.
fn speaker(said: Vec<u8>, again: Vec<u8>) -> (tempfile::TempDir, JoinHandle<usize>) {
    let directory = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(directory.path().join("X")).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (mut next, mut bytes) = (&said, 0);
        while client.write_all(next).is_ok() {
            bytes += next.len();
            next = &again;
            if again.is_empty() {
                std::io::copy(&mut client, &mut std::io::sink()).ok();
                break;
            }
        }
        bytes
    });
    (directory, thread)
}

/// How an act fails at a display that says this, and then nothing.
fn asked(said: Vec<u8>, patience: Duration) -> (Failure, String) {
    asked_of(speaker(said, Vec::new()), patience).0
}

/// And how many bytes the display got rid of.
fn asked_of(
    (directory, thread): (tempfile::TempDir, JoinHandle<usize>),
    patience: Duration,
) -> ((Failure, String), usize) {
    let socket = directory.path().join("X");
    let rules = Rules {
        patience,
        ..rules(&socket, None, &ALL)
    };
    let failed = failed_as(perform(&WindowAct::List, &rules));
    (failed, thread.join().unwrap())
}

fn other(message: &str) -> (Failure, String) {
    (Failure::Other, message.to_owned())
}

const NONSENSE: &str = "the display's answer makes no sense";

const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_display_that_never_answers_is_given_up_at_every_step() {
    for said in [
        Vec::new(),
        vec![1],
        setup(),
        [setup(), reply(1, 0)].concat(),
    ] {
        let late = "the display does not answer in time".to_owned();
        assert_eq!(asked(said, SHORT), (Failure::TimedOut, late));
    }
}

#[test]
fn a_display_that_speaks_nonsense_is_believed_nothing() {
    let mut few = setup();
    // No screen at all.
    few[28] = 0;
    // Nothing comes after it and the connection stays: who believed it would wait.
    for (number, said) in [
        vec![0xff; 8 + 0xffff * 4],
        vec![1; 8 + 257 * 4],
        vec![1, 0, 0, 0, 0, 0, 0, 0],
        b"HTTP/1.1 200 OK\r\n\r\n".repeat(10_000),
        few,
        // The answer to a question that was not asked.
        [setup(), reply(9, 0)].concat(),
        // It says that more comes than is ever read in one, and that 16 GiB come.
        [setup(), reply(1, 128 * 1024 + 1)].concat(),
        [setup(), reply(1, u32::MAX)].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(asked(said, PATIENCE), other(NONSENSE), "{number}");
    }
    let refused = [vec![0, 2, 11, 0, 0, 0, 1, 0], b"no  ".to_vec()].concat();
    let message = "the display refuses the engine";
    assert_eq!(asked(refused, PATIENCE), other(message));
}

#[test]
fn a_display_that_never_stops_telling_is_given_up() {
    // Events that nobody asked for, small and large, and errors of what was not asked.
    let mut large = reply(0, 128 * 1024);
    large[0] = 35;
    large.resize(32 + 512 * 1024, 0);
    for again in [vec![22; 32], large, vec![0; 32]] {
        let kind = again[0];
        let (failed, bytes) = asked_of(speaker(setup(), again), PATIENCE);
        assert_eq!(failed, other(NONSENSE), "{kind}");
        // What a socket holds, and what is written in one, may come on top of it.
        assert!((3 << 20..6 << 20).contains(&bytes), "{kind}: {bytes}");
    }
}

#[test]
fn a_display_that_goes_away_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("X");
    let listener = UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(&setup()[..20]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        std::io::copy(&mut client, &mut std::io::sink()).ok();
    });
    let rules = rules(&socket, None, &ALL);
    let failed = failed_as(perform(&WindowAct::List, &rules));
    assert_eq!(failed, other("the display closed the connection"));
    thread.join().unwrap();
}

#[test]
fn where_nobody_listens_or_nobody_lets_in_nothing_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("X");
    let rules = rules(&socket, None, &ALL);
    let failed = failed_as(perform(&WindowAct::List, &rules));
    assert_eq!(failed, other("the display cannot be reached"));
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
