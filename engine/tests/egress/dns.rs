//! A name server that says what a test wants it to say (RFC 1035), over UDP.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let (asked, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, end) = (Arc::clone(&asked), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut query = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (name, kind, question) = question(&query[..length]);
                let before = match kind {
                    A => count.fetch_add(1, Ordering::SeqCst),
                    _ => count.load(Ordering::SeqCst).saturating_sub(1),
                };
                if let Some(reply) = reply(&query, &question, kind, answer(&name, before)) {
                    socket.send_to(&reply, from).unwrap();
                }
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
    }
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
