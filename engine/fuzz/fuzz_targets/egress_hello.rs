//! Arbitrary bytes as the first of TLS: where a name is read, another reader that reads one reads
//! the same.

#![no_main]

use lazaret::egress::hello::{Hello, read};
use libfuzzer_sys::fuzz_target;
use rustls::server::Acceptor;

fuzz_target!(|input: &[u8]| {
    let bytes = [&[22, 3][..], input].concat();
    let Ok(Hello::Named(name)) = read(&bytes) else {
        return;
    };
    let mut acceptor = Acceptor::default();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        if acceptor.read_tls(&mut rest).is_err() {
            return;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let other = accepted
                    .client_hello()
                    .server_name()
                    .map(str::to_ascii_lowercase);
                assert!(other.is_none_or(|other| other == name));
                return;
            }
            Err(_) => return,
        }
    }
});
