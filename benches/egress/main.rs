//! What the egress broker costs: bytes a second through it beside a direct connection over the
//! loopback, the time it adds to a connect, and a thousand connections at once.
//!
//! `cargo bench -p lazaret-benches --bench egress`. Needs no root. Fails where fewer than 80 % of a
//! direct connection's bytes a second go through either way, where a connect takes 200 µs longer or
//! more at the median, or where one of a thousand connections does not echo.
//!
//! Rounds are short, and each measures both, in turn one and the other first: what else the machine
//! does is the same for both. What is told is the median of the rounds' own ratios.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::ensure;
use lazaret::egress::{Broker, EgressHandle, Options, Report, Rules};
use lazaret_benches::machine;
use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};
use tokio::sync::mpsc;

/// Of a direct connection's bytes a second.
const LEAST_THROUGHPUT: f64 = 0.8;

/// The median of what is added to a connect is to be below this.
const MOST_ADDED: Duration = Duration::from_micros(200);

const BYTES: u64 = 256 << 20;
const ROUNDS: usize = 21;
const CONNECTS: usize = 2000;
const AT_ONCE: usize = 1000;

fn main() -> anyhow::Result<ExitCode> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", machine::describe("egress")?)?;
    writeln!(
        output,
        "load:    {}",
        fs_err::read_to_string("/proc/loadavg")?
    )?;
    let sink = serve(|mut stream| {
        let mut buffer = vec![0; 256 * 1024];
        let mut all = 0_u64;
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            all += read as u64;
        }
        stream.write_all(&all.to_le_bytes()).ok();
    })?;
    let echo = serve(|mut stream| {
        let Ok(mut reader) = stream.try_clone() else {
            return;
        };
        drop(std::io::copy(&mut reader, &mut stream));
    })?;
    let source = serve(|mut stream| {
        let buffer = vec![7; 256 * 1024];
        for _ in 0..BYTES / buffer.len() as u64 {
            if stream.write_all(&buffer).is_err() {
                return;
            }
        }
    })?;
    let plugin = Plugin::start(&[sink, source, echo])?;

    let mut parts = Vec::new();
    for (way, server) in [(Way::There, sink), (Way::Back, source)] {
        let (mut direct, mut through, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let mut rates = [0.0; 2];
            for which in [round % 2, 1 - round % 2] {
                rates[which] = match which {
                    0 => rate(TcpStream::connect(server)?, way)?,
                    _ => rate(plugin.connect(server)?, way)?,
                };
            }
            direct.push(rates[0]);
            through.push(rates[1]);
            ratios.push(rates[1] / rates[0] * 100.0);
        }
        table(&mut output, way.name())?;
        row(&mut output, "direct, GiB/s", &mut direct)?;
        row(&mut output, "through the broker, GiB/s", &mut through)?;
        row(&mut output, "of direct, in a round, %", &mut ratios)?;
        writeln!(output)?;
        parts.push(median(&mut ratios) / 100.0);
    }

    let (mut plain, mut brokered) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTS {
        plain.push(timed(|| {
            TcpStream::connect(echo).map(drop).map_err(Into::into)
        })?);
        brokered.push(timed(|| plugin.connect(echo).map(drop))?);
    }
    let added = median(&mut brokered) - median(&mut plain);
    table(&mut output, "µs")?;
    row(&mut output, "connect, direct", &mut plain)?;
    row(&mut output, "connect, through the broker", &mut brokered)?;
    writeln!(output, "{:32}{added:>12.1}\n", "added at the median")?;

    let began = Instant::now();
    let mut streams = (0..AT_ONCE)
        .map(|_| plugin.connect(echo))
        .collect::<Result<Vec<_>, _>>()?;
    for stream in &mut streams {
        writeln!(stream, "here")?;
    }
    for stream in streams {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        ensure!(line == "here\n", "a connection says {line:?}");
    }
    let took = began.elapsed();
    writeln!(
        output,
        "{AT_ONCE} connections open at once, an echo on each: {took:.0?}"
    )?;

    let least = parts.iter().copied().fold(f64::INFINITY, f64::min);
    let held = least >= LEAST_THROUGHPUT && added < MOST_ADDED.as_secs_f64() * 1e6;
    if !held {
        writeln!(
            output,
            "not held: at least {LEAST_THROUGHPUT} of the bytes, less than {MOST_ADDED:?} added"
        )?;
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A broker and a plugin that may reach these servers.
struct Plugin {
    path: PathBuf,
    _handle: EgressHandle,
    _reports: mpsc::Receiver<Report>,
    _broker: Broker,
    _directory: tempfile::TempDir,
}

impl Plugin {
    fn start(servers: &[SocketAddr]) -> anyhow::Result<Self> {
        let endpoints: Vec<String> = servers
            .iter()
            .map(|server| {
                let port = server.port();
                format!("{{ host: localhost, port: {port}, protocol: tcp, addresses: [loopback] }}")
            })
            .collect();
        let text = format!(
            "apiVersion: lazaret/v1\nkind: SecurityPolicy\nnetwork:\n  \
             limits: {{ connections: 4096, connects: 10000, sent: 64GiB, received: 64GiB, bandwidth: 16GiB }}\n  \
             endpoints: [ {} ]\n",
            endpoints.join(", ")
        );
        let policy = SecurityPolicy::parse("bench", &text)?;
        let policy = EffectivePolicy::of(SecurityLevel::Standard).layer(&policy);
        let broker = Broker::start(&Options::default())?;
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("egress.sock");
        let (sender, reports) = mpsc::channel(16);
        let handle = broker.serve(UnixListener::bind(&path)?, Rules::of(&policy), sender, None)?;
        Ok(Self {
            path,
            _handle: handle,
            _reports: reports,
            _broker: broker,
            _directory: directory,
        })
    }

    /// As the shim connects: a socket, a `CONNECT` and its answer.
    fn connect(&self, server: SocketAddr) -> anyhow::Result<UnixStream> {
        connect(&self.path, server.port())
    }
}

fn connect(path: &Path, port: u16) -> anyhow::Result<UnixStream> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("CONNECT localhost:{port} HTTP/1.1\r\n\r\n").as_bytes())?;
    let mut answer = [0; 19];
    stream.read_exact(&mut answer)?;
    ensure!(&answer == b"HTTP/1.1 200 OK\r\n\r\n", "the broker refuses");
    Ok(stream)
}

fn serve(each: impl Fn(TcpStream) + Copy + Send + 'static) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || each(stream));
        }
    });
    Ok(address)
}

/// A stream that can be ended on one side.
trait Stream: Read + Write {
    fn end(&self) -> std::io::Result<()>;
}

impl Stream for TcpStream {
    fn end(&self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for UnixStream {
    fn end(&self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

/// Where the bytes go.
#[derive(Clone, Copy)]
enum Way {
    There,
    Back,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::There => "to the server",
            Self::Back => "from the server",
        }
    }
}

/// GiB a second: to the server until it says that it has all of it, or from it.
fn rate(mut stream: impl Stream, way: Way) -> anyhow::Result<f64> {
    let mut buffer = vec![7_u8; 256 * 1024];
    let began = Instant::now();
    let mut all = 0;
    match way {
        Way::There => {
            for _ in 0..BYTES / buffer.len() as u64 {
                stream.write_all(&buffer)?;
            }
            stream.end()?;
            let mut told = [0; 8];
            stream.read_exact(&mut told)?;
            all = u64::from_le_bytes(told);
        }
        Way::Back => {
            while let read @ 1.. = stream.read(&mut buffer)? {
                all += read as u64;
            }
        }
    }
    ensure!(all == BYTES, "{all} of {BYTES} bytes came");
    Ok(BYTES as f64 / began.elapsed().as_secs_f64() / f64::from(1 << 30))
}

/// Microseconds.
fn timed(act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let began = Instant::now();
    act()?;
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn table(output: &mut impl Write, unit: &str) -> std::io::Result<()> {
    writeln!(
        output,
        "{:32}{:>12}{:>12}{:>12}{:>12}{:>7}",
        unit, "median", "min", "p90", "max", "runs"
    )
}

fn row(output: &mut impl Write, name: &str, figures: &mut [f64]) -> std::io::Result<()> {
    let median = median(figures);
    let at = |part: usize| figures[(figures.len() - 1) * part / 10];
    writeln!(
        output,
        "{name:32}{median:>12.2}{:>12.2}{:>12.2}{:>12.2}{:>7}",
        at(0),
        at(9),
        at(10),
        figures.len()
    )
}
