//! System calls made by the kernel on a plugin's behalf, which no filter sees (io_uring(7)).

use std::io;
use std::os::fd::AsRawFd;

use libc::{AF_INET, MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE, SOCK_STREAM, c_long};
use serde_json::Value;

use super::{At, Tried, owned, told};
use crate::Ask;
use crate::calls::raw;

pub(crate) const ASKS: &[Ask] = &[("dial_by_ring", |_| told(dial_by_ring()))];

/// `struct io_uring_params` in 32-bit words, and where in it the offsets are.
const PARAMETERS: usize = 30;
const SUBMISSION: usize = 10;
const COMPLETION: usize = 20;

/// Offsets at which the parts of a ring are mapped.
const RINGS: c_long = 0;
const ENTRIES: c_long = 0x1000_0000;

const OPERATION_CONNECT: u8 = 16;
const OPERATION_SOCKET: u8 = 45;

/// One ring, mapped until the process ends.
struct Ring {
    descriptor: std::os::fd::OwnedFd,
    rings: *mut u8,
    entry: *mut [u8; 64],
    parameters: [u32; PARAMETERS],
}

/// Has the kernel make a socket and connect it to the metadata address.
fn dial_by_ring() -> Tried {
    let ring = Ring::new().at("io_uring_setup")?;
    let mut entry = [0_u8; 64];
    entry[0] = OPERATION_SOCKET;
    entry[4..8].copy_from_slice(&AF_INET.to_ne_bytes());
    entry[8..16].copy_from_slice(&u64::from(SOCK_STREAM.cast_unsigned()).to_ne_bytes());
    let socket = ring.run(entry).at("socket")?;
    // `struct sockaddr_in` (ip(7)).
    let mut address = [0_u8; 16];
    address[..2].copy_from_slice(&2_u16.to_ne_bytes());
    address[2..8].copy_from_slice(&[0, 80, 169, 254, 169, 254]);
    let mut entry = [0_u8; 64];
    entry[0] = OPERATION_CONNECT;
    entry[4..8].copy_from_slice(&socket.to_ne_bytes());
    entry[8..16].copy_from_slice(&16_u64.to_ne_bytes());
    entry[16..24].copy_from_slice(&(address.as_ptr() as u64).to_ne_bytes());
    ring.run(entry).at("connect")?;
    Ok(Value::Null)
}

impl Ring {
    fn new() -> io::Result<Self> {
        let mut parameters = [0_u32; PARAMETERS];
        let place = parameters.as_mut_ptr() as c_long;
        let descriptor = owned(raw(libc::SYS_io_uring_setup, [1, place, 0, 0, 0, 0])?)?;
        let map = |offset| {
            let protection = (PROT_READ | PROT_WRITE).into();
            let flags = (MAP_SHARED | MAP_POPULATE).into();
            let number = descriptor.as_raw_fd().into();
            raw(libc::SYS_mmap, [0, 4096, protection, flags, number, offset])
        };
        Ok(Self {
            rings: map(RINGS)? as *mut u8,
            entry: map(ENTRIES)? as *mut [u8; 64],
            descriptor,
            parameters,
        })
    }

    /// A word of the shared rings; its offset is the one the kernel gave.
    fn word(&self, at: usize) -> *mut u32 {
        self.rings.wrapping_add(self.parameters[at] as usize).cast()
    }

    /// Hands one operation in and waits for what came of it.
    fn run(&self, entry: [u8; 64]) -> io::Result<i32> {
        let tail = self.word(SUBMISSION + 1);
        #[expect(unsafe_code, reason = "the rings are memory shared with the kernel")]
        // SAFETY: both places are in the mappings made by `new`, at offsets the kernel gave; one
        // entry is in use at a time, and the kernel looks at it only in the call below.
        unsafe {
            self.entry.write_volatile(entry);
            tail.write_volatile(tail.read_volatile().wrapping_add(1));
        }
        let number = self.descriptor.as_raw_fd().into();
        const WAIT: c_long = 1;
        raw(libc::SYS_io_uring_enter, [number, 1, 1, WAIT, 0, 0])?;
        let head = self.word(COMPLETION);
        let mask = self.word(COMPLETION + 2);
        #[expect(unsafe_code, reason = "the rings are memory shared with the kernel")]
        // SAFETY: as above; the call has waited for one completion, of 16 bytes each, whose
        // result is its third word.
        let result = unsafe {
            let at = head.read_volatile() & mask.read_volatile();
            let results = self.word(COMPLETION + 5).cast::<i32>();
            let result = results.add(at as usize * 4 + 2).read_volatile();
            head.write_volatile(head.read_volatile().wrapping_add(1));
            result
        };
        if result < 0 {
            Err(io::Error::from_raw_os_error(-result))
        } else {
            Ok(result)
        }
    }
}
