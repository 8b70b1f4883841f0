//! Memory follows the bytes that arrived, not the lengths that were claimed.
//!
//! One test only: the allocator counts for the whole process.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use lazaret_protocol::{FrameDecoder, MAX_FRAME_BYTES, ShimMessage};

/// Remembers the largest allocation asked for.
struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

#[expect(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]
// SAFETY: every call is handed on to the system's allocator unchanged, which upholds the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller upholds the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by `alloc` or `realloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::SeqCst);
        // SAFETY: `pointer` came from `System` with this layout, and the caller vouches for `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most one of these streams may make the decoder allocate at once, in bytes.
const SMALL: usize = 4096;

#[test]
fn claimed_lengths_allocate_nothing() {
    let header = |bytes: usize| u32::try_from(bytes).expect("small").to_le_bytes();
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    let mut streams: Vec<(&str, Vec<u8>)> = vec![
        ("frame just under the limit, ten bytes of it there", {
            [&header(MAX_FRAME_BYTES)[..], &[0; 10]].concat()
        }),
        ("frame of 4 GiB", vec![0xff; 10]),
    ];
    let bodies = [
        ("engine name in `Hello`", vec![0, 1]),
        ("differences in `Refused`", vec![1]),
        ("functions in `Ready`", vec![2]),
        ("JSON in `Reply`", vec![3, 1, 0, 0]),
        ("bytes in `Reply`", vec![3, 1, 0, 1]),
        ("functions in `NoSuchFunction`", vec![3, 1, 1, 0]),
        ("text in `Log`", vec![4, 1]),
        ("name in `Crash`", vec![7]),
    ];
    for (name, mut body) in bodies {
        body.extend(huge);
        body.extend([1, b'x']);
        streams.push((name, [&header(body.len())[..], &body].concat()));
    }
    for (name, stream) in streams {
        let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
        LARGEST.store(0, Ordering::SeqCst);
        decoder.push(&stream);
        let result = decoder.next::<ShimMessage>();
        let largest = LARGEST.load(Ordering::SeqCst);
        assert!(!matches!(result, Ok(Some(_))), "{name}: {result:?}");
        assert!(largest <= SMALL, "{name}: {largest} bytes at once");
    }
}
