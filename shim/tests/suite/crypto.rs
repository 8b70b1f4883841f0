//! Web Cryptography: answers that standards and another implementation give, and what is refused.

use lazaret_protocol::{CallError, CallLimits};

use crate::harness::{GENEROUS, Plugin, Shim};

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
    let functions = [
        "elliptic",
        "rsaEncryption",
        "rsaNew",
        "rsaSignatures",
        "secrets",
    ];
    hold(include_str!("crypto/formats.js"), &functions);
}

#[test]
fn what_cannot_be_is_refused_with_the_error_of_the_standard() {
    let functions = ["broken", "noKeys", "notAllowed", "notCloned", "tooMuch"];
    hold(include_str!("crypto/refusals.js"), &functions);
}

#[test]
fn a_plugin_that_spoils_the_language_changes_and_sees_no_key() {
    let mut shim = plugin(include_str!("crypto/spoilt.js"));
    assert_eq!(
        shim.json("spoilt", "[]"),
        r#""1 3 true true InvalidAccessError DataError sign 0""#
    );
}

#[test]
fn what_takes_long_is_answered_at_its_limit_of_cpu_time() {
    let mut shim = Plugin::new(
        "const derive = async (iterations) => {
           const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
           const salt = new Uint8Array(8);
           await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt, iterations }, key, 512);
         };
         export const again = async () => { for (;;) await derive(10); };
         export const once = () => derive(4000000);
         export const ok = () => derive(1).then(() => 1);",
    )
    .ready();
    let short = CallLimits {
        cpu_ms: 50,
        ..GENEROUS
    };
    let over = Err(CallError::CpuTime { limit_ms: 50 });
    assert_eq!(shim.call_within("again", "[]", short), over);
    assert_eq!(shim.json("ok", "[]"), "1");
    // Nothing interrupts this; the warden answers all the same.
    assert_eq!(shim.call_within("once", "[]", short), over);
}
