use std::sync::Arc;

use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

/// What a client of rustls says first.
fn said_to(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// The name that rustls reads, where it reads a hello.
fn read_by_another(bytes: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return accepted.client_hello().server_name().map(str::to_owned);
        }
    }
    None
}

fn named(name: &str) -> Result<Hello, HelloError> {
    Ok(Hello::Named(name.to_owned()))
}

/// A hello with these extensions and nothing else of note.
fn with_extensions(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, content) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((content.len() as u16).to_be_bytes());
        list.extend(content);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    let mut message = vec![CLIENT_HELLO];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    in_records(&message, MAX_RECORD_BYTES)
}

fn in_records(message: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in message.chunks(size) {
        bytes.extend([HANDSHAKE, 3, 1]);
        bytes.extend((piece.len() as u16).to_be_bytes());
        bytes.extend(piece);
    }
    bytes
}

fn name(text: &str) -> (u16, Vec<u8>) {
    let mut entry = vec![HOST_NAME];
    entry.extend((text.len() as u16).to_be_bytes());
    entry.extend(text.as_bytes());
    let mut list = (entry.len() as u16).to_be_bytes().to_vec();
    list.extend(entry);
    (SERVER_NAME, list)
}

#[test]
fn the_name_is_read_however_the_hello_comes() {
    let bytes = said_to("api.example.com");
    assert_eq!(read(&bytes), named("api.example.com"));
    for length in 0..bytes.len() {
        assert_eq!(read(&bytes[..length]), Ok(Hello::Partial), "{length}");
    }
    for size in [1, 2, 7, 100] {
        let pieces = in_records(&bytes[5..], size);
        assert_eq!(read(&pieces), named("api.example.com"), "{size}");
    }
    assert_eq!(
        read(&with_extensions(&[name("API.example.COM")])),
        named("api.example.com")
    );
}

#[test]
fn what_is_no_hello_to_one_name_is_refused() {
    let list_of_two = {
        let (kind, mut first) = name("a.example");
        let (_, second) = name("b.example");
        first.extend(&second[2..]);
        let length = (first.len() - 2) as u16;
        first[..2].copy_from_slice(&length.to_be_bytes());
        (kind, first)
    };
    let followed = [said_to("a.example"), vec![HANDSHAKE, 3, 3, 0, 1, 0]].concat();
    for (bytes, error) in [
        (b"GET / HTTP/1.1\r\n".to_vec(), HelloError::NotTls),
        (b"SSH-2.0".to_vec(), HelloError::NotTls),
        (vec![HANDSHAKE, 2, 0], HelloError::NotTls),
        (vec![HANDSHAKE, 3, 1, 0, 0], HelloError::NotTls),
        (vec![HANDSHAKE, 3, 1, 0xff, 0xff], HelloError::NotTls),
        (vec![HANDSHAKE, 3, 1, 0, 4, 2], HelloError::NotTls),
        (
            vec![HANDSHAKE, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
            HelloError::TooLong,
        ),
        (with_extensions(&[]), HelloError::NoName),
        (said_to("::1"), HelloError::NoName),
        (with_extensions(&[name("")]), HelloError::NotTls),
        (
            with_extensions(&[name("b\u{fc}cher.example")]),
            HelloError::NotTls,
        ),
        (
            with_extensions(&[name("a.example"), name("a.example")]),
            HelloError::NotTls,
        ),
        (with_extensions(&[list_of_two]), HelloError::NotTls),
        (
            with_extensions(&[(SERVER_NAME, vec![0, 1])]),
            HelloError::NotTls,
        ),
        (
            with_extensions(&[name("a.example"), (ENCRYPTED_CLIENT_HELLO, vec![0; 9])]),
            HelloError::Hidden,
        ),
        (
            in_records(
                &[&[CLIENT_HELLO, 0, 0x7f, 0xff][..], &[0; 32 * 1024 - 200]].concat(),
                64,
            ),
            HelloError::TooLong,
        ),
    ] {
        let shown = &bytes[..bytes.len().min(40)];
        assert!(
            matches!(read(&bytes), Err(found) if found == error),
            "{shown:?} {:?}",
            read(&bytes)
        );
    }
    // What follows in a record of its own is not looked at: it goes on once the name is right.
    assert_eq!(read(&followed), named("a.example"));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[&[HANDSHAKE, 3, 1][..], &bytes].concat());
    }

    /// Where both read a name it is the same one: nobody can show us one name and a server another.
    #[test]
    fn a_hello_means_to_us_what_it_means_to_another_reader(
        changes in proptest::collection::vec((0_usize..600, proptest::num::u8::ANY), 0..4),
    ) {
        let mut bytes = said_to("api.example.com");
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let (Ok(Hello::Named(ours)), Some(theirs)) = (read(&bytes), read_by_another(&bytes)) {
            proptest::prop_assert_eq!(ours, theirs.to_ascii_lowercase());
        }
    }
}

#[test]
fn a_hello_that_comes_byte_by_byte_is_not_read_again_from_its_start() {
    let whole = said_to("api.example.com");
    for size in [1, 7, 100, MAX_RECORD_BYTES] {
        let mut bytes = in_records(&whole[5..], size);
        let mut reader = Reader::default();
        let last = bytes.len() - 1;
        for length in 0..=last {
            assert_eq!(reader.read(&bytes[..length]), Ok(Hello::Partial));
        }
        // Nobody looks at records again that were whole.
        let taken = reader.at;
        bytes[..taken].fill(0);
        assert_eq!(taken > 0, size < whole.len());
        assert_eq!(reader.read(&bytes), named("api.example.com"));
    }
}
