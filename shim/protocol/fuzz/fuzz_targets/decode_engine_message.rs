//! Arbitrary chunks into the decoder that reads what the engine says to a shim.

#![no_main]

use lazaret_protocol::EngineMessage;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| lazaret_protocol_fuzz::feed::<EngineMessage>(input));
