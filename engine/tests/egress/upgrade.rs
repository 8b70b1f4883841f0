//! WebSockets in the clear: what may change, and what holds for it then.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazaret::egress::Deadlines;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

use crate::ended::{ENDED, get, inside};
use crate::plugin::{
    Plugin, echoed, endpoints, ends, everybody_is_local, head, local, refusal_in, rules,
};
use crate::server;
use crate::tls::{Authority, serve_tls};

const HTTP: &str = "protocol: http";

pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) fn accept() -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(KEY.as_bytes());
    digest.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest.finish())
}

/// Answers with these lines, hands on what it heard, and goes on with the rest.
fn changing(
    answer: &'static str,
    rest: impl Fn(TcpStream) + Clone + Send + 'static,
) -> (SocketAddr, mpsc::Receiver<String>) {
    let (sender, heard) = mpsc::channel();
    let address = server::serve(move |mut stream| {
        let head = head(&mut stream);
        let accept = accept();
        let text = answer.replace("ACCEPT", &accept);
        write!(stream, "{text}\r\n\r\n").unwrap();
        sender.send(head).ok();
        rest(stream);
    });
    (address, heard)
}

pub(crate) const CHANGES: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-theirs: yes\r\n\
     lazaret-refusal: made up\r\nsec-websocket-accept: ACCEPT";

fn echo(mut stream: TcpStream) {
    let mut reader = stream.try_clone().unwrap();
    std::io::copy(&mut reader, &mut stream).ok();
    stream.shutdown(Shutdown::Write).ok();
}

fn request(server: SocketAddr, path: &str) -> String {
    let port = server.port();
    format!(
        "GET http://a.example:{port}{path} HTTP/1.1\r\nhost: a.example:{port}\r\n\
         connection: x-mine, Upgrade\r\nx-mine: 1\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    )
}

fn open(plugin: &Plugin, server: SocketAddr) -> UnixStream {
    let mut stream = plugin.socket();
    stream.write_all(request(server, "/").as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    stream
}

#[test]
fn a_websocket_is_asked_for_anew_and_then_bytes_go_both_ways_and_are_counted() {
    let (server, heard) = changing(CHANGES, echo);
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
    let mut stream = plugin.socket();
    let text = request(server, "/chat?room=1");
    // The first bytes come with the request.
    stream.write_all((text + "early\n").as_bytes()).unwrap();
    let answer = head(&mut stream).to_lowercase();
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for field in ["connection: upgrade", "upgrade: websocket", "x-theirs: yes"] {
        assert!(answer.contains(field), "{field} in {answer}");
    }
    assert!(answer.contains(&accept().to_lowercase()), "{answer}");
    // A server must not speak for the broker.
    assert!(!answer.contains("lazaret-refusal"), "{answer}");
    let heard = heard.recv().unwrap().to_lowercase();
    assert!(heard.starts_with("get /chat?room=1 http/1.1"), "{heard}");
    for field in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-key",
    ] {
        assert_eq!(heard.matches(field).count(), 1, "{field} in {heard}");
    }
    assert!(!heard.contains("x-mine"), "{heard}");
    let mut early = [0; 6];
    stream.read_exact(&mut early).unwrap();
    assert_eq!(&early, b"early\n");
    let sent = vec![b'x'; 1 << 20];
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    writing.join().unwrap();
    assert_eq!(all.len(), 1 << 20);
    let counts = plugin.handle().counts();
    let count = counts.iter().find(|count| count.host == "a.example");
    let count = count.unwrap();
    assert_eq!((count.connections, count.requests), (1, 1));
    assert!(
        count.sent > 1 << 20 && count.received > 1 << 20,
        "{count:?}"
    );
}

#[test]
fn whatever_else_a_request_would_change_to_is_left_out_of_it() {
    let (server, heard) = server::http();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
    let whole = request(server, "/");
    for other in [
        whole.replace("upgrade: websocket", "upgrade: h2c"),
        whole.replace("upgrade: websocket", "upgrade: websocket, h2c"),
        whole.replace("upgrade: websocket", "upgrade: websocket\r\nupgrade: h2c"),
        whole.replace(", Upgrade", ""),
        whole.replace("version: 13", "version: 8"),
        whole.replace(KEY, "short"),
        whole.replace("GET ", "POST "),
        whole.replace("\r\n\r\n", "\r\ncontent-length: 1\r\n\r\nx"),
    ] {
        let mut stream = plugin.socket();
        stream.write_all(other.as_bytes()).unwrap();
        let answer = head(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{other} {answer}");
        let heard = heard.recv().unwrap().head.to_lowercase();
        assert!(!heard.contains("upgrade"), "{heard}");
    }
}

#[test]
fn a_server_that_changes_unasked_or_to_something_else_gives_no_answer() {
    let plain = |server: SocketAddr| {
        let port = server.port();
        format!("GET http://a.example:{port}/ HTTP/1.1\r\nhost: a.example:{port}\r\n\r\n")
    };
    let whole = |server| request(server, "/");
    let wrong_key = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                     sec-websocket-accept: dGhlIHNhbXBsZSBub25jZQ==";
    let other = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\
                 sec-websocket-accept: ACCEPT";
    let bare = "HTTP/1.1 101 Switching Protocols";
    let cases: [(&str, &dyn Fn(SocketAddr) -> String); 5] = [
        (CHANGES, &plain),
        (bare, &plain),
        (bare, &whole),
        (wrong_key, &whole),
        (other, &whole),
    ];
    for (answer, asked) in cases {
        let (server, _heard) = changing(answer, |_| {});
        let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
        let mut stream = plugin.socket();
        stream.write_all(asked(server).as_bytes()).unwrap();
        let told = head(&mut stream);
        assert!(told.starts_with("HTTP/1.1 502 "), "{answer}: {told}");
        assert!(told.contains("not asked for"), "{told}");
    }
}

#[test]
fn it_is_decided_as_any_request_and_a_server_may_refuse_it() {
    let (server, heard) = server::http();
    let only = "protocol: http, methods: [GET], paths: ['/open']";
    let mut plugin = Plugin::with(&endpoints(&[local("a.example", server, only)]));
    let mut stream = plugin.socket();
    stream
        .write_all(request(server, "/closed").as_bytes())
        .unwrap();
    let told = refusal_in(&head(&mut stream));
    assert_eq!(told, "the policy does not grant the path `/closed` there");
    assert_eq!(plugin.report().refusal.to_string(), told);
    // This server knows no WebSockets: its answer is one like any other.
    stream
        .write_all(request(server, "/open").as_bytes())
        .unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(heard.recv().unwrap().head.contains("upgrade: websocket"));
}

#[test]
fn the_bytes_of_a_life_hold_for_it() {
    let (server, _heard) = changing(CHANGES, echo);
    let policy = format!(
        "network:\n  limits: {{ sent: 16KiB, received: 1MiB }}\n  endpoints: [ {} ]\n",
        local("a.example", server, HTTP)
    );
    let mut plugin = Plugin::with(&policy);
    let mut stream = open(&plugin, server);
    stream.write_all(&[b'x'; 32 * 1024]).ok();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).ok();
    assert!(all.len() <= 16 * 1024, "{}", all.len());
    let told = plugin.report().refusal.to_string();
    assert!(told.contains("network.limits.sent"), "{told}");
}

#[test]
fn other_rules_the_plugins_end_and_silence_close_it() {
    let (server, _heard) = changing(CHANGES, echo);
    let policy = endpoints(&[local("a.example", server, HTTP)]);
    let mut plugin = Plugin::with(&policy);
    let mut stream = open(&plugin, server);
    assert_eq!(echoed(&mut stream, "open"), "open\n");
    plugin.handle().set(rules("level: standard\n"));
    ends(stream);
    plugin.handle().set(rules(&policy));
    let mut stream = open(&plugin, server);
    assert_eq!(echoed(&mut stream, "again"), "again\n");
    drop(plugin.handle.take());
    ends(stream);
    let deadlines = Deadlines {
        idle: Duration::from_millis(200),
        ..Deadlines::default()
    };
    let plugin = Plugin::new(&policy, everybody_is_local(), deadlines);
    ends(open(&plugin, server));
}

#[test]
fn one_end_that_goes_ends_the_other_and_gives_its_place_back() {
    let (left, leaving) = mpsc::channel();
    let (server, _heard) = changing(CHANGES, move |mut stream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok();
        left.send(all).ok();
    });
    let policy = format!(
        "network:\n  limits: {{ connections: 1 }}\n  endpoints: [ {} ]\n",
        local("a.example", server, HTTP)
    );
    let plugin = Plugin::with(&policy);
    for _ in 0..3 {
        let mut stream = open(&plugin, server);
        stream.write_all(b"goodbye").unwrap();
        // While it is open there is no room for another.
        let mut other = plugin.socket();
        other.write_all(request(server, "/").as_bytes()).unwrap();
        assert!(refusal_in(&head(&mut other)).contains("network.limits.connections"));
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(leaving.recv().unwrap(), b"goodbye");
        ends(stream);
    }
}

#[test]
fn it_goes_on_within_tls_that_the_broker_ends() {
    let authority = Authority::new();
    let config = authority.hosts(&["a.example.com"], |_| {});
    let server = serve_tls(config, |mut stream| {
        head(&mut stream);
        let answer = CHANGES.replace("ACCEPT", &accept());
        write!(stream, "{answer}\r\n\r\n").unwrap();
        let mut heard = [0; 5];
        while stream.read_exact(&mut heard).is_ok() {
            stream.write_all(&heard).unwrap();
        }
    });
    let policy = endpoints(&[local("a.example.com", server, ENDED)]);
    let plugin = Plugin::kept_from(&policy, &[], &authority.pem());
    let mut stream = inside(&plugin, "a.example.com", server);
    let fields = format!(
        "connection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n"
    );
    let request = get("a.example.com", server, "/", &fields);
    stream.write_all(request.as_bytes()).unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    let mut back = [0; 5];
    for word in [b"hello", b"again"] {
        stream.write_all(word).unwrap();
        stream.read_exact(&mut back).unwrap();
        assert_eq!(&back, word);
    }
    plugin.handle().set(rules("level: standard\n"));
    ends(stream);
}
