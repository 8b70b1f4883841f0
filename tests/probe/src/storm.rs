//! Attacks on what plugins share: each goes on for as many milliseconds as it is told to and then
//! answers with how often it did what it does, so that it can be started and stopped.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use lazaret_protocol::{CallId, Figures, ShimMessage, encode};
use serde_json::{Value, json};

use crate::Ask;
use crate::answer::{number, text};
use crate::channel::send_bytes;
use crate::{calls, files, flood, memory, processes};

pub(crate) const ASKS: &[Ask] = &[
    ("storm_calls", |arguments| {
        let name = text(arguments, "name");
        again(arguments, || {
            calls::call(name);
        })
    }),
    ("storm_cpu", cpu),
    ("storm_descriptors", |arguments| {
        again(arguments, descriptors)
    }),
    ("storm_figures", |arguments| {
        say(arguments, &ShimMessage::Metrics(Figures::default()))
    }),
    ("storm_files", |arguments| again(arguments, fill)),
    ("storm_forks", |arguments| {
        again(arguments, || {
            processes::fork_bomb(10);
        })
    }),
    ("storm_inodes", |arguments| {
        again(arguments, || {
            files::fill_inodes("/tmp");
        })
    }),
    ("storm_lines", |arguments| {
        say(arguments, &flood::line(size(arguments), 0))
    }),
    ("storm_memory", |arguments| {
        let mib = number(arguments, "mib");
        again(arguments, || memory::touch_and_give_back(mib))
    }),
    ("storm_silence", |arguments| {
        std::thread::sleep(span(arguments));
        json!({ "times": 1 })
    }),
    ("storm_threads", |arguments| {
        again(arguments, || {
            processes::threads(1000);
        })
    }),
    ("storm_violations", |arguments| {
        let permission = "file:read:/".to_owned() + &"x".repeat(size(arguments));
        let call = Some(CallId(1));
        say(arguments, &ShimMessage::Violation { permission, call })
    }),
];

fn span(arguments: &Value) -> Duration {
    Duration::from_millis(number(arguments, "milliseconds"))
}

fn size(arguments: &Value) -> usize {
    usize::try_from(number(arguments, "bytes")).unwrap_or(0)
}

fn again(arguments: &Value, mut act: impl FnMut()) -> Value {
    let end = Instant::now() + span(arguments);
    let mut times = 0_u64;
    while Instant::now() < end {
        act();
        times += 1;
    }
    json!({ "times": times })
}

/// As many messages as there is time for, each on its own: so the socket holds few of them when the
/// time is over, and the answer behind them comes soon.
fn say(arguments: &Value, message: &ShimMessage) -> Value {
    let frame = encode(message).unwrap_or_default();
    again(arguments, || send_bytes(&frame))
}

/// Computes in several threads.
fn cpu(arguments: &Value) -> Value {
    let end = Instant::now() + span(arguments);
    let compute = move || {
        while Instant::now() < end {
            std::hint::spin_loop();
        }
    };
    let others = (1..number(arguments, "threads")).map(|_| std::thread::spawn(compute));
    let others: Vec<_> = others.collect();
    compute();
    let times = 1 + others
        .into_iter()
        .filter_map(|other| other.join().ok())
        .count();
    json!({ "times": times })
}

/// Opens as many descriptors as there may be and closes them.
fn descriptors() {
    let mut held: Vec<File> = Vec::new();
    while let Ok(file) = files::open("/dev/null") {
        held.push(file);
    }
}

/// Writes into a file until no more goes in, and empties it.
fn fill() {
    let chunk = [1_u8; 64 * 1024];
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    if let Ok(mut file) = options.open("/tmp/storm") {
        while file.write(&chunk).is_ok_and(|count| count > 0) {}
    }
}
