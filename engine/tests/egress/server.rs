//! Servers of all kinds on the loopback, good and bad.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;

/// Serves each connection in a thread of its own.
pub(crate) fn serve(each: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    serve_on(TcpListener::bind("127.0.0.1:0").unwrap(), each)
}

fn serve_on(
    listener: TcpListener,
    each: impl Fn(TcpStream) + Clone + Send + 'static,
) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let each = each.clone();
            std::thread::spawn(move || each(stream));
        }
    });
    address
}

/// Says again what it hears.
pub(crate) fn echo() -> SocketAddr {
    on(TcpListener::bind("127.0.0.1:0").unwrap())
}

/// Says again what it hears there.
pub(crate) fn on(listener: TcpListener) -> SocketAddr {
    serve_on(listener, |mut stream| {
        let mut reader = stream.try_clone().unwrap();
        std::io::copy(&mut reader, &mut stream).ok();
        stream.shutdown(Shutdown::Write).ok();
    })
}

/// Hears all of it, and then says how much it was.
pub(crate) fn counts() -> SocketAddr {
    serve(|mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        write!(stream, "{} bytes", all.len()).unwrap();
    })
}

/// A request as a server of HTTP read it.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Answers every request with its own request line, and hands on what it heard.
pub(crate) fn http() -> (SocketAddr, mpsc::Receiver<Heard>) {
    let (sender, heard) = mpsc::channel();
    (serve(move |stream| answers(stream, &sender)), heard)
}

/// Answers the requests of a connection, each with its own request line.
pub(crate) fn answers(stream: impl Read + Write, sender: &mpsc::Sender<Heard>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = request(&mut reader) {
        let line = request.head.lines().next().unwrap_or_default().to_owned();
        let fields =
            "content-type: text/plain\r\nkeep-alive: timeout=5\r\nlazaret-refusal: made up";
        let length = line.len();
        // Before the answer, so that who has that finds this.
        sender.send(request).ok();
        let answer =
            format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {length}\r\n\r\n{line}");
        reader.get_mut().write_all(answer.as_bytes()).ok();
        reader.get_mut().flush().ok();
    }
}

fn request(reader: &mut impl BufRead) -> Option<Heard> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let field = |name: &str| {
        let lower = head.to_lowercase();
        let value = lower
            .lines()
            .find_map(|line| line.strip_prefix(name).map(str::to_owned));
        value.map(|value| value.trim().to_owned())
    };
    let mut body = Vec::new();
    if let Some(length) = field("content-length:") {
        body.resize(length.parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    } else if field("transfer-encoding:").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk).ok()?;
            body.extend(&chunk[..length]);
            if length == 0 {
                break;
            }
        }
    }
    Some(Heard { head, body })
}
