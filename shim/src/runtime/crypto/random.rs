//! Random numbers from the kernel.

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{CryptoRng, Error, RngCore};

/// The kernel's generator.
pub(super) struct Kernel;

impl RngCore for Kernel {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        SystemRandom::new()
            .fill(bytes)
            .expect("getrandom(2) fails for no buffer, and the filters let it through");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Kernel {}
