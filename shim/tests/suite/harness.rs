//! A shim in this process: its threads over a socket pair, without the read-back and the filter,
//! which need a container.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use lazaret_protocol::{
    CallError, CallId, CallLimits, EngineMessage, Environment, FileLimits, FrameDecoder,
    GivenSecret, LogLevel, MAX_FRAME_BYTES, Payload, PluginError, ShimMessage, StateLimits, encode,
};
use lazaret_shim::beneath::{Place, Places};
use lazaret_shim::channel::{Channel, Reader};
use lazaret_shim::javascript::{self, Job};
use lazaret_shim::runtime::{Asks, Config, Egress, ModuleLimits};
use lazaret_shim::warden::watch::{Budgets, Watch};
use lazaret_shim::warden::{self, Backlog, Ending, Guard, Intake};

/// Longer than anything here takes; only a broken shim gets there.
const PATIENCE: Duration = Duration::from_secs(60);

/// Far more than any call here takes.
pub(crate) const GENEROUS: CallLimits = CallLimits {
    wall_ms: 50_000,
    cpu_ms: 50_000,
};

/// Something is kept, and every line of the log is told.
pub(crate) const STATE: StateLimits = StateLimits {
    kv: true,
    log_level: LogLevel::Debug,
    windows: false,
};

/// What the shim's `main` does first.
fn quiet_engine() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for switch in lazaret_shim::boot::ENGINE_SWITCHES {
            #[expect(unsafe_code, reason = "the engine takes these from nowhere else")]
            // SAFETY: the tests' other threads read the environment through the standard library,
            // whose lock this takes; an engine, which does not, starts only after this.
            unsafe {
                std::env::set_var(switch, "1");
            }
        }
    });
}

/// What can be chosen for a plugin.
pub(crate) struct Plugin {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) entry: &'static str,
    pub(crate) limits: FileLimits,
    pub(crate) environment: Environment,
    pub(crate) config: String,
    pub(crate) secrets: Vec<GivenSecret>,
    pub(crate) state: StateLimits,
    pub(crate) learns: bool,
    pub(crate) granted: Vec<Place>,
    pub(crate) egress: Option<Egress>,
    pub(crate) log_line_bytes: u64,
    pub(crate) log_bytes_per_second: u64,
    pub(crate) result_bytes: u64,
    pub(crate) startup_ms: u64,
    pub(crate) background_ms: u64,
    pub(crate) modules: ModuleLimits,
    pub(crate) deny_executable_memory: bool,
}

impl Plugin {
    /// A plugin of one module.
    pub(crate) fn new(main: &str) -> Self {
        Self {
            files: vec![("main.js".to_owned(), main.to_owned())],
            entry: "main.js",
            limits: FileLimits {
                ignore: Vec::new(),
                read_bytes: 1_000_000,
            },
            environment: Environment::default(),
            config: "{}".to_owned(),
            secrets: Vec::new(),
            state: STATE,
            learns: false,
            granted: Vec::new(),
            egress: None,
            log_line_bytes: 1000,
            log_bytes_per_second: 100_000,
            result_bytes: 1_000_000,
            startup_ms: 50_000,
            background_ms: 50_000,
            modules: ModuleLimits::default(),
            deny_executable_memory: false,
        }
    }

    /// One more file.
    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Every file below a directory.
    pub(crate) fn with_directory(mut self, directory: &Path) -> Self {
        let mut below = vec![directory.to_owned()];
        while let Some(next) = below.pop() {
            for entry in fs_err::read_dir(next).expect("directory") {
                let path = entry.expect("entry").path();
                if path.is_dir() {
                    below.push(path);
                    continue;
                }
                let text = fs_err::read_to_string(&path).expect("text");
                let name = path.strip_prefix(directory).expect("below");
                self = self.with(name.to_str().expect("UTF-8"), &text);
            }
        }
        self
    }

    /// Starts it.
    pub(crate) fn start(self) -> Shim {
        self.start_after(|| {})
    }

    /// Starts it, with a step between the runtime and the plugin's code.
    pub(crate) fn start_after(self, step: impl FnOnce()) -> Shim {
        quiet_engine();
        let directory = tempfile::tempdir().expect("directory");
        let plugin = directory.path().join("plugin");
        let scratch = directory.path().join("tmp");
        fs_err::create_dir(&scratch).expect("directory");
        for (path, text) in &self.files {
            let path = plugin.join(path);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs_err::write(path, text).expect("file");
        }
        let place = |seen: &str, real| Place {
            seen: seen.to_owned(),
            real,
            directory: true,
            granted: false,
        };
        let own = [place("/plugin", plugin), place("/tmp", scratch)];
        let places = own.into_iter().chain(self.granted).collect();
        let places = Places::new(places, self.limits);
        let (ours, theirs) = UnixStream::pair().expect("socket pair");
        ours.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let channel = Arc::new(Channel::new(theirs.into()).expect("channel"));
        let budgets = Budgets {
            load: Duration::from_millis(self.startup_ms),
            background: Duration::from_millis(self.background_ms),
        };
        let guard = Arc::new(Guard::new(Watch::new(budgets), Some(channel.clone())));
        let ending = Arc::new(Ending::new(channel.clone()));
        let backlog = Arc::new(Backlog::default());
        let reader = Reader::default();
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
            config: Config {
                plugin: "nosy".to_owned(),
                places,
                environment: self.environment,
                config: self.config,
                secrets: self.secrets,
                state: self.state,
                egress: self.egress,
                log_line_bytes: self.log_line_bytes,
                log_bytes_per_second: self.log_bytes_per_second,
                result_bytes: self.result_bytes,
                modules: self.modules,
                sink: channel.clone(),
                asks: Some(asks),
                learns: self.learns,
            },
            deny_executable_memory: self.deny_executable_memory,
            entry: self.entry.to_owned(),
            guard: guard.clone(),
            backlog,
            intake: Some(intake.clone()),
            end: Box::new({
                let ending = ending.clone();
                move |code| ending.set(code)
            }),
        };
        let thread = javascript::start(job).expect("runtime");
        let warden = std::thread::spawn(move || warden::run(&intake, &guard, &ending));
        step();
        thread.go();
        Shim {
            socket: ours,
            decoder: FrameDecoder::new(MAX_FRAME_BYTES),
            warden: Some(warden),
            directory,
            last: 0,
            seen: Vec::new(),
        }
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn ready(self) -> Shim {
        let mut shim = self.start();
        match shim.next() {
            ShimMessage::Ready { .. } => shim,
            other => panic!("not ready: {other:?}"),
        }
    }

    /// Starts a plugin that does not load, and says why.
    pub(crate) fn crash(self) -> PluginError {
        let mut shim = self.start();
        let error = shim.next_crash();
        assert_eq!(shim.exit_code(), 1);
        error
    }
}

/// A running shim, from the engine's side.
pub(crate) struct Shim {
    socket: UnixStream,
    decoder: FrameDecoder,
    warden: Option<JoinHandle<i32>>,
    pub(crate) directory: tempfile::TempDir,
    last: u64,
    /// Messages that were passed over while waiting for another.
    pub(crate) seen: Vec<ShimMessage>,
}

impl Shim {
    /// The next message but for figures.
    pub(crate) fn next(&mut self) -> ShimMessage {
        loop {
            match self.decoder.next().expect("frame") {
                Some(ShimMessage::Metrics(_)) => {}
                Some(message) => return message,
                None => {
                    let mut chunk = [0; 65536];
                    let count = self.socket.read(&mut chunk).expect("a message in time");
                    assert_ne!(count, 0, "the shim is gone");
                    self.decoder.push(&chunk[..count]);
                }
            }
        }
    }

    /// The next crash; what comes before it goes to `seen`.
    pub(crate) fn next_crash(&mut self) -> PluginError {
        loop {
            match self.next() {
                ShimMessage::Crash { error } => return error,
                other => self.seen.push(other),
            }
        }
    }

    /// The next reply; what comes before it goes to `seen`.
    pub(crate) fn next_reply(&mut self) -> (CallId, Result<Payload, CallError>) {
        loop {
            match self.next() {
                ShimMessage::Reply { id, result } => return (id, result),
                ShimMessage::Crash { error } => panic!("crash instead of a reply: {error:?}"),
                other => self.seen.push(other),
            }
        }
    }

    pub(crate) fn send(&mut self, message: &EngineMessage) {
        let frame = encode(message).expect("frame");
        self.socket.write_all(&frame).expect("the shim reads");
    }

    /// Sends a call and does not wait.
    pub(crate) fn begin(
        &mut self,
        function: &str,
        arguments: Payload,
        limits: CallLimits,
    ) -> CallId {
        self.begin_with(function, arguments, limits, None)
    }

    /// Sends a call that takes a stream, with so much credit.
    pub(crate) fn begin_stream(&mut self, function: &str, json: &str, window: u64) -> CallId {
        self.begin_within(function, json, GENEROUS, window)
    }

    /// The same, with limits.
    pub(crate) fn begin_within(
        &mut self,
        function: &str,
        json: &str,
        limits: CallLimits,
        window: u64,
    ) -> CallId {
        let arguments = Payload::Json(json.to_owned());
        self.begin_with(function, arguments, limits, Some(window))
    }

    fn begin_with(
        &mut self,
        function: &str,
        arguments: Payload,
        limits: CallLimits,
        window: Option<u64>,
    ) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.send(&EngineMessage::Call {
            id,
            function: function.to_owned(),
            arguments,
            limits,
            window,
        });
        id
    }

    /// A call that has time enough, and its answer.
    pub(crate) fn call(&mut self, function: &str, json: &str) -> Result<Payload, CallError> {
        self.call_within(function, json, GENEROUS)
    }

    /// A call and its answer.
    pub(crate) fn call_within(
        &mut self,
        function: &str,
        json: &str,
        limits: CallLimits,
    ) -> Result<Payload, CallError> {
        let id = self.begin(function, Payload::Json(json.to_owned()), limits);
        let (answered, result) = self.next_reply();
        assert_eq!(answered, id);
        result
    }

    /// The JSON text of a call that succeeds.
    pub(crate) fn json(&mut self, function: &str, json: &str) -> String {
        match self.call(function, json) {
            Ok(Payload::Json(text)) => text,
            other => panic!("no JSON: {other:?}"),
        }
    }

    /// The error of a call that throws.
    pub(crate) fn thrown(&mut self, function: &str) -> PluginError {
        match self.call(function, "[]") {
            Err(CallError::Exception(error)) => error,
            other => panic!("no exception: {other:?}"),
        }
    }

    /// Console lines seen so far: level, text, dropped before.
    pub(crate) fn lines(&self) -> Vec<(LogLevel, &str, u64)> {
        let lines = self.seen.iter().filter_map(|message| match message {
            ShimMessage::Log {
                level,
                text,
                dropped,
                ..
            } => Some((*level, text.as_str(), *dropped)),
            _ => None,
        });
        lines.collect()
    }

    /// Closes the engine's end and waits for the exit code.
    pub(crate) fn close(self) -> i32 {
        self.socket
            .shutdown(std::net::Shutdown::Write)
            .expect("shutdown");
        self.exit_code()
    }

    /// Waits for the exit code.
    pub(crate) fn exit_code(mut self) -> i32 {
        self.warden
            .take()
            .expect("one warden")
            .join()
            .expect("exit code")
    }
}
