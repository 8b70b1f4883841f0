use super::*;

fn refusal(text: &str) -> String {
    match read(text.as_bytes()) {
        Err(refusal) => refusal.to_string(),
        Ok(other) => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_head_is_read_once_it_is_whole() {
    let text = "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\nUser-Agent: x\r\n\r\nmore";
    let length = text.len() - "more".len();
    for end in 0..length {
        assert_eq!(read(&text.as_bytes()[..end]), Ok(None), "{end}");
    }
    let head = read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(
        (head.host.as_str(), head.port.number()),
        ("api.example.com", 443)
    );
    assert_eq!(head.length, length);
    let without = read(b"CONNECT h.example:1 HTTP/1.1\r\n\r\n")
        .unwrap()
        .unwrap();
    assert_eq!(without.host.as_str(), "h.example");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let start = "CONNECT h.example:443 HTTP/1.1\r\n";
    for rest in [
        "Host: g.example\r\n\r\n",
        "Host: h.example:444\r\n\r\n",
        "Host: h.example\r\nHost: h.example\r\n\r\n",
        "Host:\r\n\r\n",
        "Content-Length: 5\r\n\r\nGET /",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "content-length: 0\r\n\r\n",
        "X: a\r\n b\r\n\r\n",
        "X : a\r\n\r\n",
        "X: a\nY: b\r\n\r\n",
        "X: a\rY: b\r\n\r\n",
        "X: \0\r\n\r\n",
        "X\r\n\r\n",
        ": x\r\n\r\n",
    ] {
        refusal(&format!("{start}{rest}"));
    }
    for line in [
        "CONNECT h.example:443 HTTP/1.0",
        "CONNECT h.example:443 HTTP/2.0",
        "CONNECT h.example:443",
        "CONNECT  h.example:443 HTTP/1.1",
        "CONNECT h.example:443  HTTP/1.1",
        "CONNECT h.example:443 x HTTP/1.1",
        "CONNECT http://h.example:443/ HTTP/1.1",
        "CONNECT /h.example:443 HTTP/1.1",
        "CONNECT h.example HTTP/1.1",
        "CONNECT u@h.example:443 HTTP/1.1",
        "CONNECT 127.0.0.1:443 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT h.example.:443 HTTP/1.1",
        "CONNECT\th.example:443 HTTP/1.1",
        "connect h.example:443 HTTP/1.1",
        "GET http://h.example/ HTTP/1.1",
    ] {
        refusal(&format!("{line}\r\nHost: h.example:443\r\n\r\n"));
    }
}

#[test]
fn a_head_is_bounded_in_bytes_and_fields() {
    let start = "CONNECT h.example:443 HTTP/1.1\r\n";
    let fields = |number: usize| format!("{start}{}\r\n", "X: y\r\n".repeat(number));
    assert!(read(fields(MAX_FIELDS).as_bytes()).is_ok());
    refusal(&fields(MAX_FIELDS + 1));
    let long = format!("{start}X: {}", "a".repeat(MAX_HEAD_BYTES));
    assert!(refusal(&long).contains("longer than 16384 bytes"));
    assert!(refusal(&format!("{long}\r\n\r\n")).contains("longer than 16384 bytes"));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[CONNECT, &bytes, b"\r\n\r\n"].concat());
    }
}

#[test]
fn the_end_of_a_head_is_looked_for_in_what_is_new() {
    let head = b"CONNECT a.example:1 HTTP/1.1\r\n\r\n";
    let length = head.len();
    for seen in 0..length {
        assert!(may_end(head, seen), "{seen}");
        assert!(!may_end(&head[..seen], 0), "{seen}");
    }
    // Nobody looks at what was seen again.
    assert!(!may_end(head, length));
    assert!(may_end(&[b'x'; MAX_HEAD_BYTES], MAX_HEAD_BYTES - 1));
}
