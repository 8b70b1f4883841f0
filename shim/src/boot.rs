//! The order in which a container comes to life. Every step that does not go as it must ends the
//! process before plugin code is read.

use std::io::Write;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lazaret_guard::{filter, landlock, memory, readback};
use lazaret_protocol::{CHANNEL_FD, Difference, SETTINGS_PATH, ShimMessage, ShimSettings};

use crate::channel::{Channel, Reader};
use crate::javascript::{self, Job};
use crate::runtime::{Asks, Config};
use crate::warden::watch::{Budgets, Watch};
use crate::warden::{self, Backlog, Ending, Guard, Intake};
use crate::{allocator, exit, handshake, settings, standalone};

/// Set for the engine's own use: QuickJS keeps no bytecode on disk and has no WebAssembly.
/// Both are read once, when a runtime starts.
pub const ENGINE_SWITCHES: [&str; 2] = ["V82JSC_NO_BC_CACHE", "QJS_NO_WASM"];

/// Boots and runs to the end. Returns the exit code.
///
/// Must be called first thing in `main`, on the only thread.
#[must_use]
pub fn run(arguments: &[String]) -> i32 {
    allocator::use_one_arena();
    for switch in ENGINE_SWITCHES {
        #[expect(unsafe_code, reason = "the engine takes these from nowhere else")]
        // SAFETY: no other thread exists yet that could read the environment; the caller calls
        // this first thing in `main`.
        unsafe {
            std::env::set_var(switch, "1");
        }
    }
    // Before anything is opened that could get that number.
    let channel = take_channel();
    let settings = match settings::read(Path::new(SETTINGS_PATH)) {
        Ok(settings) => settings,
        Err(error) => return fail(&error, exit::CONFIG),
    };
    match channel {
        Some(socket) => connected(settings, socket),
        None => standalone::run(settings, arguments),
    }
}

fn connected(settings: ShimSettings, socket: OwnedFd) -> i32 {
    let channel = match Channel::new(socket) {
        Ok(channel) => Arc::new(channel),
        Err(error) => return fail(&error, exit::SYSTEM),
    };
    let mut reader = Reader::default();
    let given = match handshake::greet(&channel, &mut reader) {
        Ok(given) => given,
        Err(error) => return fail(&error, exit::PROTOCOL),
    };
    let filter = match confine(&settings) {
        Ok(filter) => filter,
        Err(differences) => return refuse(&channel, differences),
    };
    let guard = Arc::new(Guard::new(
        Watch::new(budgets(&settings)),
        Some(channel.clone()),
    ));
    let ending = Arc::new(Ending::new(channel.clone()));
    let backlog = Arc::new(Backlog::default());
    let asks = Arc::new(Asks::default());
    let intake = Intake::new(
        channel.clone(),
        reader,
        guard.clone(),
        backlog.clone(),
        asks.clone(),
    );
    let intake = Arc::new(intake);
    let job = Job {
        config: Config::of(&settings, given, channel.clone(), Some(asks)),
        deny_executable_memory: settings.deny_executable_memory,
        entry: settings.entry.clone(),
        guard: guard.clone(),
        backlog,
        intake: Some(intake.clone()),
        end: Box::new({
            let ending = ending.clone();
            move |code| ending.set(code)
        }),
    };
    let thread = match javascript::start(job) {
        Ok(thread) => thread,
        Err(error) => return fail(&error, exit::SYSTEM),
    };
    if let Err(error) = filter.install() {
        return refuse(&channel, vec![filter_difference(&error)]);
    }
    thread.go();
    warden::run(&intake, &guard, &ending)
}

/// Compares all the kernel enforces with the settings, and puts Landlock on this thread and those
/// it starts from here on. Returns the one thread that Landlock does not hold: the one that will
/// install the second filter, and is gone when that is done.
pub(crate) fn confine(settings: &ShimSettings) -> Result<filter::Waiting, Vec<Difference>> {
    // Closes what only the process itself can close.
    let mut found = memory::close();
    // After it, so that what is read back is what will hold.
    found.extend(readback::differences(&settings.expected));
    if !found.is_empty() {
        return Err(found);
    }
    let needs = filter::Needs {
        executable_memory: !settings.deny_executable_memory,
        egress: settings.egress,
    };
    let filter = filter::ahead(needs).map_err(|error| vec![filter_difference(&error)])?;
    landlock::restrict(&settings.landlock).map_err(|error| {
        vec![unmet(
            "landlock",
            "everything denied but what is granted",
            &error,
        )]
    })?;
    Ok(filter)
}

/// The limits that belong to no call.
pub(crate) fn budgets(settings: &ShimSettings) -> Budgets {
    Budgets {
        load: Duration::from_millis(settings.time.startup_ms),
        background: Duration::from_millis(settings.time.cpu_per_call_ms),
    }
}

/// A filter that is not on, as the engine is told.
pub(crate) fn filter_difference(error: &filter::FilterError) -> Difference {
    let what = "second system call filter";
    unmet(what, "installed on every thread", error)
}

fn unmet(what: &str, expected: &str, error: &dyn std::error::Error) -> Difference {
    Difference {
        what: what.to_owned(),
        expected: expected.to_owned(),
        found: chain(error),
    }
}

/// Says on standard error why the process ends.
pub(crate) fn fail(error: &dyn std::error::Error, code: i32) -> i32 {
    // Nobody may be listening; the exit code says the kind of failure as well.
    let _ = writeln!(std::io::stderr(), "error: {}", chain(error));
    code
}

fn refuse(channel: &Channel, differences: Vec<Difference>) -> i32 {
    // A refusal is small: a few mounts and lines of text.
    let _ = channel.post(&ShimMessage::Refused { differences });
    channel.flush(Duration::from_secs(2));
    exit::REFUSED
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Takes the engine's socket if it was handed over.
fn take_channel() -> Option<OwnedFd> {
    #[expect(
        unsafe_code,
        reason = "a safe wrapper takes only descriptors that are open"
    )]
    // SAFETY: asks about a number; a closed descriptor is an error, nothing else.
    let flags = unsafe { libc::fcntl(CHANNEL_FD, libc::F_GETFD) };
    (flags != -1).then(|| {
        #[expect(unsafe_code, reason = "the descriptor arrives as a number")]
        // SAFETY: the descriptor is open and handed over by the launcher; nothing has opened one
        // before that is still open, and this runs only once.
        unsafe {
            OwnedFd::from_raw_fd(CHANNEL_FD)
        }
    })
}
