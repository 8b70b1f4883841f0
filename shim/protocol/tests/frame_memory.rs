//! Memory follows the bytes that arrived, not the lengths that were claimed, nor what small items
//! take as values.
//!
//! One test only: the allocator counts for the whole process.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use lazaret_protocol::{FrameDecoder, FrameError, MAX_FRAME_BYTES, ShimMessage};

/// Counts the bytes that are held, and remembers the most.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn take(bytes: usize) {
    let before = HELD.fetch_add(bytes, Ordering::SeqCst);
    MOST.fetch_max(before + bytes, Ordering::SeqCst);
}

/// The most bytes held at a time while this is done, besides those held before.
fn most_held<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.load(Ordering::SeqCst);
    MOST.store(before, Ordering::SeqCst);
    let done = work();
    (done, MOST.load(Ordering::SeqCst) - before)
}

#[expect(
    unsafe_code,
    reason = "an allocator that counts cannot be written without"
)]
// SAFETY: every call is handed on to the system's allocator unchanged, which upholds the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller upholds the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: `pointer` came from `System` by `alloc` or `realloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        take(size);
        // SAFETY: `pointer` came from `System` with this layout, and the caller vouches for `size`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that claims may make the decoder hold, in bytes.
const SMALL: usize = 4096;

/// The most that a list of the most items there may be takes, while it grows, in bytes.
const LIST: usize = 256 * 1024;

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("small").to_le_bytes();
    [&length[..], body].concat()
}

#[test]
fn neither_claims_nor_small_items_take_memory() {
    claimed_lengths();
    small_items();
}

fn claimed_lengths() {
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
        ("path in `Write`", vec![8, 1, 0, 0]),
        ("content in `Write`", vec![8, 1, 0, 0, 1, b'/', 0, 0]),
        ("arguments in `Run`", vec![8, 1, 0, 4, 1, b'p']),
    ];
    for (name, mut body) in bodies {
        body.extend(huge);
        body.extend([1, b'x']);
        streams.push((name, framed(&body)));
    }
    for (name, stream) in streams {
        let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
        let (result, most) = most_held(|| {
            decoder.push(&stream);
            decoder.next::<ShimMessage>()
        });
        assert!(!matches!(result, Ok(Some(_))), "{name}: {result:?}");
        assert!(most <= SMALL, "{name}: {most} bytes");
    }
}

fn small_items() {
    let (functions, differences) = ("list of functions", "list of differences");
    let arguments = "list of arguments";
    // Behind a list of arguments comes the input, which is empty.
    type List<'a> = (&'a str, &'a [u8], &'a [u8], &'a [u8]);
    let lists: [List<'_>; 8] = [
        (arguments, &[9, 1, 0, 5, 1, b'p'], &[0], &[0]),
        (arguments, &[9, 1, 0, 5, 1, b'p'], &[1, b'x'], &[0]),
        (functions, &[2], &[0], &[]),
        (functions, &[2], &[1, b'x'], &[]),
        (functions, &[3, 1, 1, 0], &[0], &[]),
        (functions, &[3, 1, 1, 0], &[1, b'x'], &[]),
        (differences, &[1], &[0, 0, 0], &[]),
        (differences, &[1], &[1, b'x', 0, 1, b'x'], &[]),
    ];
    // 1024, 1025 and 1048576 as the wire format writes them.
    let lengths: [(usize, &[u8], bool); 3] = [
        (1024, &[0x80, 0x08], true),
        (1025, &[0x81, 0x08], false),
        (1 << 20, &[0x80, 0x80, 0x40], false),
    ];
    for (list, start, item, end) in lists {
        for (count, length, fits) in lengths {
            let stream = framed(&[start, length, &item.repeat(count), end].concat());
            let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
            decoder.push(&stream);
            let (result, most) = most_held(|| decoder.next::<ShimMessage>());
            if fits {
                assert!(matches!(result, Ok(Some(_))), "{list}: {result:?}");
            } else {
                assert_eq!(result, Err(FrameError::TooManyItems { list }));
            }
            assert!(most <= LIST, "{list} of {count}: {most} bytes");
        }
    }
}
