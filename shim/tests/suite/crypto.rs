//! Web Cryptography: answers that standards and another implementation give, and what is refused.

use crate::harness::{Plugin, Shim};

fn plugin(main: &str) -> Shim {
    Plugin::new(main)
        .with("check.js", include_str!("crypto/check.js"))
        .with("openssl.js", include_str!("crypto/openssl.js"))
        .ready()
}

fn hold(main: &str, functions: &[&str]) {
    let mut shim = plugin(main);
    let wrong: Vec<_> = functions
        .iter()
        .filter_map(|name| shim.call(name, "[]").err())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_answers_of_standards_are_given() {
    let functions = [
        "agreement",
        "authenticated",
        "blocks",
        "derivation",
        "ecdsa",
        "edwards",
        "hmac",
        "wrapping",
    ];
    hold(include_str!("crypto/vectors.js"), &functions);
}

#[test]
fn keys_of_another_implementation_come_in_and_go_out() {
    let functions = ["elliptic", "rsaEncryption", "rsaSignatures", "secrets"];
    hold(include_str!("crypto/formats.js"), &functions);
}

#[test]
fn what_cannot_be_is_refused_with_the_error_of_the_standard() {
    let functions = ["broken", "noKeys", "notAllowed", "tooMuch"];
    hold(include_str!("crypto/refusals.js"), &functions);
}
