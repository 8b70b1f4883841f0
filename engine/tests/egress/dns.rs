//! A name server that says what a test wants it to say (RFC 1035), over UDP, and what is too long for that over TCP.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// One record of an answer.
#[derive(Clone)]
pub(crate) enum Record {
    Address(IpAddr),
    /// Another name, and its address.
    Alias(&'static str, IpAddr),
}

/// What is said to a question.
pub(crate) enum Answer {
    Records(Vec<Record>),
    /// This error (RFC 1035, section 4.1.1).
    Error(u8),
    Nothing,
}

pub(crate) fn addresses(addresses: &[&str]) -> Answer {
    let records = addresses
        .iter()
        .map(|text| Record::Address(text.parse().unwrap()));
    Answer::Records(records.collect())
}

/// What fits into a datagram.
const DATAGRAM: usize = 512;

/// A name server; its answers are never kept by who asks.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

impl Dns {
    /// Answers by the name and by how many questions there were for addresses of the fourth
    /// version before.
    pub(crate) fn start(answer: impl Fn(&str, usize) -> Answer + Send + 'static) -> Self {
        let (socket, listener) = sockets();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let count = Arc::clone(&asked);
        let reply = move |query: &[u8]| {
            let (name, kind, question) = question(query);
            let before = match kind {
                A => count.fetch_add(1, Ordering::SeqCst),
                _ => count.load(Ordering::SeqCst).saturating_sub(1),
            };
            reply(query, &question, kind, answer(&name, before))
        };
        let reply = Arc::new(Mutex::new(reply));
        let (replies, end) = (Arc::clone(&reply), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let query = &query[..length];
                let Some(mut whole) = (replies.lock().unwrap())(query) else {
                    continue;
                };
                if whole.len() > DATAGRAM {
                    whole = truncated(query);
                }
                socket.send_to(&whole, from).unwrap();
            }
        });
        let end = Arc::clone(&over);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let reply = Arc::clone(&reply);
                std::thread::spawn(move || tell(stream, |query| (reply.lock().unwrap())(query)));
            }
        });
        Self {
            address,
            asked,
            over,
        }
    }

    /// How many questions there were for addresses of the fourth version.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        waker.send_to(&[0; 12], self.address).unwrap();
        TcpStream::connect(self.address).unwrap();
    }
}

/// One of each kind at the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(listener) = TcpListener::bind(socket.local_addr().unwrap()) {
            return (socket, listener);
        }
    }
}

/// Tells the whole of each answer.
fn tell(mut stream: TcpStream, reply: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).ok()?;
        let whole = reply(&query)?;
        let length = u16::try_from(whole.len()).unwrap();
        stream.write_all(&length.to_be_bytes()).ok()?;
        stream.write_all(&whole).ok()?;
    }
}

/// Says that the answer did not fit.
fn truncated(query: &[u8]) -> Vec<u8> {
    let mut reply = query[..2].to_vec();
    reply.extend([0x87, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
    reply.extend(question(query).2);
    reply
}

/// The name asked for, the kind of record, and the whole question as it stands.
fn question(query: &[u8]) -> (String, u16, Vec<u8>) {
    let mut labels = Vec::new();
    let mut at = 12;
    while query.get(at).is_some_and(|length| *length > 0) {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    let end = (at + 5).min(query.len());
    let kind = query
        .get(at + 1..at + 3)
        .map_or(0, |kind| u16::from_be_bytes([kind[0], kind[1]]));
    (
        labels.join("."),
        kind,
        query.get(12..end).unwrap_or_default().to_vec(),
    )
}

fn reply(query: &[u8], question: &[u8], kind: u16, answer: Answer) -> Option<Vec<u8>> {
    let (records, error) = match answer {
        Answer::Records(records) => (records, 0),
        Answer::Error(error) => (Vec::new(), error),
        Answer::Nothing => return None,
    };
    let mut body = Vec::new();
    let mut count = 0_u16;
    // By default a record is of the name asked for, which begins after the header.
    let mut add = |owner: &[u8], kind: u16, data: &[u8]| {
        body.extend(owner);
        body.extend(kind.to_be_bytes());
        body.extend([0, 1, 0, 0, 0, 0]);
        body.extend((data.len() as u16).to_be_bytes());
        body.extend(data);
        count += 1;
    };
    for record in records {
        let (owner, address) = match record {
            Record::Address(address) => (vec![0xc0, 12], address),
            Record::Alias(name, address) => {
                let name = encoded(name);
                add(&[0xc0, 12], CNAME, &name);
                (name, address)
            }
        };
        match address {
            IpAddr::V4(address) if kind == A => add(&owner, A, &address.octets()),
            IpAddr::V6(address) if kind == AAAA => add(&owner, AAAA, &address.octets()),
            _ => {}
        }
    }
    let mut reply = query[..2].to_vec();
    reply.extend([0x85, 0x80 | error, 0, 1]);
    reply.extend(count.to_be_bytes());
    reply.extend([0; 4]);
    reply.extend(question);
    reply.extend(body);
    Some(reply)
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
