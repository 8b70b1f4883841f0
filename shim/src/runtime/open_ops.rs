//! Ops on files that are held open, to be read in parts.

use std::collections::BTreeMap;
use std::io::SeekFrom;

use deno_core::{Extension, OpState, extension, op2};
use deno_error::JsErrorBox;

use super::extension::{Host, to_js};
use super::file_ops::metadata_of;
use crate::beneath::OpenFile;

/// The ops, sorted.
pub(super) const OPS: &[&str] = &[
    "op_lazaret_file_close",
    "op_lazaret_file_open",
    "op_lazaret_file_read",
    "op_lazaret_file_seek",
    "op_lazaret_file_stat",
    "op_lazaret_real_path",
];

extension!(
    lazaret_open_files,
    ops = [
        op_lazaret_file_close,
        op_lazaret_file_open,
        op_lazaret_file_read,
        op_lazaret_file_seek,
        op_lazaret_file_stat,
        op_lazaret_real_path,
    ],
    state = |state| state.put(OpenFiles::default()),
);

/// The extension; its ops need the state of [`super::extension`].
pub(super) fn extension() -> Extension {
    lazaret_open_files::init()
}

/// The most files a plugin holds open. Its process has other uses for descriptors.
const MOST_OPEN: usize = 64;

/// The files a plugin holds open, by numbers that are used once.
#[derive(Default)]
struct OpenFiles {
    last: u32,
    all: BTreeMap<u32, OpenFile>,
}

impl OpenFiles {
    fn get(&mut self, id: u32) -> Result<&mut OpenFile, JsErrorBox> {
        let closed = || JsErrorBox::new("BadResource", "the file is closed");
        self.all.get_mut(&id).ok_or_else(closed)
    }
}

/// Opens a regular file.
#[op2(fast)]
fn op_lazaret_file_open(state: &mut OpState, #[string] path: &str) -> Result<u32, JsErrorBox> {
    if state.borrow::<OpenFiles>().all.len() >= MOST_OPEN {
        let message = format!("more than {MOST_OPEN} files are open");
        return Err(JsErrorBox::new("Busy", message));
    }
    let file = state.borrow::<Host>().places.open_file(path);
    let file = file.map_err(|error| to_js(&error))?;
    let files = state.borrow_mut::<OpenFiles>();
    files.last = files.last.wrapping_add(1);
    files.all.insert(files.last, file);
    Ok(files.last)
}

/// Reads into `space`. How many bytes; none at the end.
#[op2(fast)]
fn op_lazaret_file_read(
    state: &mut OpState,
    id: u32,
    #[buffer] space: &mut [u8],
) -> Result<u32, JsErrorBox> {
    let mut files = state.take::<OpenFiles>();
    let places = &state.borrow::<Host>().places;
    let read = files.get(id).and_then(|file| {
        let read = places.read_part(file, space);
        read.map_err(|error| to_js(&error))
    });
    state.put(files);
    Ok(u32::try_from(read?).unwrap_or(u32::MAX))
}

/// Goes on elsewhere: so many bytes from the start, from where it is, or from the end. The place it
/// goes on at.
#[op2(fast)]
#[number]
fn op_lazaret_file_seek(
    state: &mut OpState,
    id: u32,
    #[number] offset: i64,
    whence: u32,
) -> Result<i64, JsErrorBox> {
    let negative = || JsErrorBox::type_error("there is nothing before the start of a file");
    let to = match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| negative())?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(JsErrorBox::type_error("no way to seek")),
    };
    let place = state.borrow_mut::<OpenFiles>().get(id)?.seek(to);
    let place = place.map_err(|error| to_js(&error))?;
    Ok(i64::try_from(place).unwrap_or(i64::MAX))
}

/// As `op_lazaret_metadata`.
#[op2]
#[string]
fn op_lazaret_file_stat(state: &mut OpState, id: u32) -> Result<String, JsErrorBox> {
    let metadata = state.borrow_mut::<OpenFiles>().get(id)?.metadata();
    metadata
        .map(|file| metadata_of(&file))
        .map_err(|error| to_js(&error))
}

/// Closes it. False where it is closed already.
#[op2(fast)]
fn op_lazaret_file_close(state: &mut OpState, id: u32) -> bool {
    state.borrow_mut::<OpenFiles>().all.remove(&id).is_some()
}

#[op2]
#[string]
fn op_lazaret_real_path(state: &OpState, #[string] path: &str) -> Result<String, JsErrorBox> {
    let real = state.borrow::<Host>().places.real_path(path);
    real.map_err(|error| to_js(&error))
}
