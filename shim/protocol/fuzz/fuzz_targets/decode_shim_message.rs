//! Arbitrary chunks into the decoder that reads what a shim says to the engine.

#![no_main]

use lazaret_protocol::ShimMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lazaret_protocol_fuzz::feed::<ShimMessage>(input));
