//! A plugin as the broker sees it: whoever speaks on its socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazaret::egress::{
    Broker, Deadlines, EgressHandle, Ending, NameServers, Options, Report, Rules,
};
use lazaret::secrets::{Handout, Secrets};
use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};
use tokio::sync::mpsc;

use crate::dns::{Answer, Dns, addresses};

/// How long anything may take before a test fails; nothing comes near it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A broker with a name server, and one plugin.
pub(crate) struct Plugin {
    pub(crate) dns: Dns,
    pub(crate) broker: Broker,
    pub(crate) handle: Option<EgressHandle>,
    pub(crate) reports: mpsc::Receiver<Report>,
    /// The certificate of whoever ends its TLS, as PEM.
    pub(crate) authority: Option<String>,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn policy(body: &str) -> EffectivePolicy {
    let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}");
    let policy = SecurityPolicy::parse("policy.yaml", &text).unwrap();
    EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
}

/// A policy's rules.
pub(crate) fn rules(body: &str) -> Rules {
    Rules::of(&policy(body))
}

/// A policy's secrets, each the name of the variable that it comes from.
pub(crate) fn secrets(body: &str) -> Vec<Arc<Handout>> {
    secrets_of(body, |name| name.to_owned())
}

/// A policy's secrets, from these variables.
pub(crate) fn secrets_of(body: &str, variable: impl Fn(&str) -> String) -> Vec<Arc<Handout>> {
    let secrets = Secrets::read(&policy(body), |name| Some(variable(name).into()));
    secrets.unwrap().handouts().to_vec()
}

/// Leave to speak any bytes, or what `more` says, to a host on the loopback.
pub(crate) fn local(host: &str, server: SocketAddr, more: &str) -> String {
    let port = server.port();
    format!("{{ host: '{host}', port: {port}, addresses: [loopback], {more} }}")
}

/// A section with these endpoints.
pub(crate) fn endpoints(list: &[String]) -> String {
    format!(
        "network:\n  limits: {{ connections: 4096, connects: 10000, sent: 1GiB, received: 1GiB, bandwidth: 4GiB }}\n  \
         endpoints: [ {} ]\n",
        list.join(", ")
    )
}

/// Every name is this host.
pub(crate) fn everybody_is_local() -> Dns {
    Dns::start(|_, _| addresses(&["127.0.0.1"]))
}

impl Plugin {
    pub(crate) fn with(policy: &str) -> Self {
        Self::new(policy, everybody_is_local(), Deadlines::default())
    }

    pub(crate) fn with_dns(
        policy: &str,
        answer: impl Fn(&str, usize) -> Answer + Send + 'static,
    ) -> Self {
        let deadlines = Deadlines {
            resolve: Duration::from_secs(2),
            ..Deadlines::default()
        };
        Self::new(policy, Dns::start(answer), deadlines)
    }

    pub(crate) fn new(policy: &str, dns: Dns, deadlines: Deadlines) -> Self {
        // As many as most hosts give, so that tests do not hang on this one's limit.
        Self::with_descriptors(policy, dns, deadlines, 40_000)
    }

    pub(crate) fn with_descriptors(
        policy: &str,
        dns: Dns,
        deadlines: Deadlines,
        descriptors: u32,
    ) -> Self {
        let broker = Broker::start(&Options {
            name_servers: NameServers::These(vec![dns.address]),
            deadlines,
            descriptors: Some(descriptors),
        })
        .unwrap();
        Self::served(dns, broker, rules(policy), None)
    }

    /// A plugin with secrets, and with a broker that ends TLS and trusts this authority.
    pub(crate) fn kept_from(policy: &str, secrets: &[Arc<Handout>], trusted: &str) -> Self {
        Self::kept_with(policy, secrets, trusted, everybody_is_local())
    }

    /// The same, with this name server.
    pub(crate) fn kept_with(
        policy: &str,
        secrets: &[Arc<Handout>],
        trusted: &str,
        dns: Dns,
    ) -> Self {
        let broker = Broker::start(&Options {
            name_servers: NameServers::These(vec![dns.address]),
            ..Options::default()
        });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("authorities.pem");
        fs_err::write(&path, trusted).unwrap();
        let mut rules = rules(policy);
        rules.secrets = secrets.to_vec();
        let ending = Ending::of(&rules, &path).unwrap();
        Self::served(dns, broker.unwrap(), rules, ending)
    }

    fn served(dns: Dns, broker: Broker, rules: Rules, ending: Option<Ending>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("egress.sock");
        let (sender, reports) = mpsc::channel(1024);
        let listener = UnixListener::bind(&path).unwrap();
        let authority = ending.as_ref().map(Ending::certificate_pem);
        let handle = broker.serve(listener, rules, sender, ending).unwrap();
        Self {
            dns,
            broker,
            handle: Some(handle),
            reports,
            authority,
            path,
            _directory: directory,
        }
    }

    pub(crate) fn handle(&self) -> &EgressHandle {
        self.handle.as_ref().unwrap()
    }

    pub(crate) fn socket(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks for a connection; gives the stream, and the head of the answer.
    pub(crate) fn ask(&self, host: &str, port: u16) -> (UnixStream, String) {
        let mut stream = self.socket();
        write!(
            stream,
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
        )
        .unwrap();
        let head = head(&mut stream);
        (stream, head)
    }

    pub(crate) fn connect(&self, host: &str, server: SocketAddr) -> UnixStream {
        let (stream, head) = self.ask(host, server.port());
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        stream
    }

    /// Sends this as it is, ends sending and reads all there is.
    pub(crate) fn say(&self, text: &[u8]) -> String {
        let mut stream = self.socket();
        // It may be refused before all of it is read.
        stream.write_all(text).ok();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The refusal that is told next.
    pub(crate) fn report(&mut self) -> Report {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let next = async { tokio::time::timeout(PATIENCE, self.reports.recv()).await };
        runtime.block_on(next).unwrap().unwrap()
    }

    /// What it is told is missing when it asks for this.
    pub(crate) fn refusal(&mut self, host: &str, port: u16) -> String {
        let (_, head) = self.ask(host, port);
        let told = refusal_in(&head);
        let report = self.report();
        assert!(!report.let_through);
        assert_eq!(report.refusal.to_string(), told);
        told
    }
}

/// The field that says why, of a refusal.
pub(crate) fn refusal_in(head: &str) -> String {
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    let field = head
        .lines()
        .find_map(|line| line.strip_prefix("lazaret-refusal: "));
    field.expect(head).to_owned()
}

/// The head of an answer, byte by byte: what follows is left in the stream.
pub(crate) fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// One line of an echo.
pub(crate) fn echoed(stream: &mut (impl Read + Write), line: &str) -> String {
    writeln!(stream, "{line}").unwrap();
    let mut echo = String::new();
    BufReader::new(stream).read_line(&mut echo).unwrap();
    echo
}

/// Reads until the other end is gone, one way or the other.
pub(crate) fn ends(mut stream: impl Read) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).ok();
}
