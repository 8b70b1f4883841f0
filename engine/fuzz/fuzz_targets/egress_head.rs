//! Arbitrary bytes as the head of a `CONNECT`: whatever is let through names a host that is no
//! address, and means the same however it arrives.

#![no_main]

use std::net::IpAddr;

use lazaret::egress::head::{MAX_HEAD_BYTES, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let bytes = [b"CONNECT ", input].concat();
    let Ok(Some(head)) = read(&bytes) else { return };
    assert!(head.length <= MAX_HEAD_BYTES && bytes[..head.length].ends_with(b"\r\n\r\n"));
    let host = head.host.as_str();
    assert!(host.parse::<IpAddr>().is_err());
    let last = host.rsplit('.').next().unwrap_or_default();
    assert!(!last.bytes().all(|byte| byte.is_ascii_digit()));
    // As it comes, byte by byte, and with more behind it.
    for end in 0..head.length {
        assert_eq!(read(&bytes[..end]), Ok(None));
    }
    assert_eq!(read(&bytes[..head.length]), Ok(Some(head)));
});
