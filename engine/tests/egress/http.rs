//! Plain HTTP: what is passed on, what is held back, what the plugin hears.

use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::plugin::{Plugin, endpoints, ends, head, local, refusal_in};
use crate::server;

const HTTP: &str = "protocol: http";

pub(crate) fn body_after(mut stream: impl Read, head: &str) -> String {
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect(head).parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn get(host: &str, server: SocketAddr, path: &str) -> String {
    let port = server.port();
    format!("GET http://{host}:{port}{path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n")
}

#[test]
fn a_request_is_passed_on_with_its_own_host_and_without_what_is_for_the_broker() {
    let (server, heard) = server::http();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
    let mut stream = plugin.socket();
    let port = server.port();
    write!(
        stream,
        "GET http://A.example:{port}/v1/x?y=z HTTP/1.1\r\nhost: a.example:{port}\r\naccept: */*\r\n\
         connection: keep-alive, x-mine\r\nx-mine: 1\r\nproxy-authorization: secret\r\nupgrade: h2c\r\nte: trailers\r\n\r\n"
    )
    .unwrap();
    let answer = head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("content-type: text/plain"), "{answer}");
    // A server must not speak for the broker.
    assert!(
        !answer.contains("lazaret-refusal") && !answer.contains("timeout=5"),
        "{answer}"
    );
    assert_eq!(body_after(&stream, &answer), "GET /v1/x?y=z HTTP/1.1");
    let heard = heard.recv().unwrap().head.to_lowercase();
    assert!(
        heard.contains(&format!("host: a.example:{port}\r\n")),
        "{heard}"
    );
    assert!(heard.contains("accept: */*"), "{heard}");
    for gone in ["x-mine", "proxy-authorization", "upgrade", "te:"] {
        assert!(!heard.contains(gone), "{gone} in {heard}");
    }
}

#[test]
fn bodies_go_along_however_they_are_framed() {
    let (server, heard) = server::http();
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
    let port = server.port();
    let start = format!("POST http://a.example:{port}/ HTTP/1.1\r\nhost: a.example:{port}\r\n");
    for rest in [
        "content-length: 11\r\n\r\nhello world",
        "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    ] {
        let mut stream = plugin.socket();
        write!(stream, "{start}{rest}").unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 200 OK"));
        assert_eq!(heard.recv().unwrap().body, b"hello world");
    }
}

#[test]
fn each_request_of_a_connection_is_decided_on_its_own() {
    let (server, heard) = server::http();
    let list = [
        local(
            "a.example",
            server,
            "protocol: http, methods: [GET], paths: ['/v1/*']",
        ),
        local("b.example", server, HTTP),
    ];
    let mut plugin = Plugin::with(&endpoints(&list));
    let mut stream = plugin.socket();
    // All at once, so that the later ones follow the first one's head.
    let requests = [
        get("a.example", server, "/v1/one"),
        get("a.example", server, "/v2/two"),
        get("b.example", server, "/three"),
        get("c.example", server, "/four"),
        get("a.example", server, "/v1/../five"),
        get("a.example", server, "/v1/six").replace("GET", "PUT"),
        get("a.example", server, "/v1/seven"),
    ];
    stream.write_all(requests.concat().as_bytes()).unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..requests.len() {
        let answer = head(&mut stream);
        if answer.starts_with("HTTP/1.1 200 ") {
            outcomes.push(body_after(&stream, &answer));
        } else {
            outcomes.push(refusal_in(&answer));
            assert_eq!(
                plugin.report().refusal.to_string(),
                *outcomes.last().unwrap()
            );
        }
    }
    let missing = format!("network:connect:c.example:{}", server.port());
    assert_eq!(
        outcomes,
        [
            "GET /v1/one HTTP/1.1",
            "the policy does not grant the path `/v2/two` there",
            "GET /three HTTP/1.1",
            &missing,
            "the policy does not grant the path `/v1/../five` there",
            "the policy does not grant method `PUT` there",
            "GET /v1/seven HTTP/1.1",
        ]
    );
    let lines: Vec<String> = heard.try_iter().map(|request| request.head).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn plain_http_is_not_spoken_where_another_protocol_is_granted() {
    let (server, heard) = server::http();
    let list = [
        local("a.example", server, "protocol: https"),
        local("b.example", server, HTTP),
    ];
    let mut plugin = Plugin::with(&endpoints(&list));
    let told = refusal_in(&plugin.say(get("a.example", server, "/").as_bytes()));
    assert_eq!(told, "the policy grants HTTPS there, not HTTP in the clear");
    plugin.report();
    let told = plugin.refusal("b.example", server.port());
    assert_eq!(
        told,
        "the policy grants HTTP in the clear there, not a connection"
    );
    assert!(heard.try_recv().is_err());
}

#[test]
fn a_server_that_speaks_no_http_is_unreachable() {
    for answer in [
        "",
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
    ] {
        let server = server::serve(move |mut stream| {
            drop(head(&mut stream));
            stream.write_all(answer.as_bytes()).ok();
        });
        let mut plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
        let told = plugin.say(get("a.example", server, "/").as_bytes());
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 502 "),
            "{answer:?}: {told}"
        );
        assert!(plugin.reports.try_recv().is_err());
    }
}

#[test]
fn an_answer_that_breaks_off_is_heard_as_far_as_it_came() {
    let server = server::serve(|mut stream| {
        drop(head(&mut stream));
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
            .ok();
    });
    let plugin = Plugin::with(&endpoints(&[local("a.example", server, HTTP)]));
    let mut stream = plugin.socket();
    stream
        .write_all(get("a.example", server, "/").as_bytes())
        .unwrap();
    assert!(head(&mut stream).contains("content-length: 100"));
    let mut body = Vec::new();
    stream.read_to_end(&mut body).ok();
    assert!(body.len() < 100);
    ends(stream);
}
