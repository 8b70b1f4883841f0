//! Shims made by hand (the smallest ELF files that are one thing or another), and all there is
//! below a directory.

use std::{
    collections::BTreeMap,
    fs::Permissions,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// `e_machine` of this host, from elf.h.
pub(crate) const THIS_MACHINE: u16 = if cfg!(target_arch = "x86_64") {
    62
} else {
    183
};

pub(crate) const PT_LOAD: u32 = 1;
pub(crate) const PT_DYNAMIC: u32 = 2;
pub(crate) const PT_INTERP: u32 = 3;

const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: usize = 56;

/// A 64-bit little-endian ELF executable with these segments (type and bytes), one after the
/// other.
pub(crate) fn elf(machine: u16, kind: u16, segments: &[(u32, &[u8])]) -> Vec<u8> {
    let data_start = HEADER_BYTES + SEGMENT_BYTES * segments.len();
    let mut file = vec![];
    // 64-bit, little-endian, version 1.
    file.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    file.extend(kind.to_le_bytes());
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    file.extend(0x40_0000_u64.to_le_bytes());
    // Program headers follow at once; there are no sections.
    file.extend((HEADER_BYTES as u64).to_le_bytes());
    file.extend([0; 12]);
    let count = u16::try_from(segments.len()).expect("few segments");
    for value in [HEADER_BYTES as u16, SEGMENT_BYTES as u16, count, 64, 0, 0] {
        file.extend(value.to_le_bytes());
    }
    let mut offset = data_start as u64;
    for (kind, bytes) in segments {
        let size = bytes.len() as u64;
        file.extend(kind.to_le_bytes());
        file.extend(5_u32.to_le_bytes());
        for value in [
            offset,
            0x40_0000 + offset,
            0x40_0000 + offset,
            size,
            size,
            1,
        ] {
            file.extend(value.to_le_bytes());
        }
        offset += size;
    }
    for (_, bytes) in segments {
        file.extend(*bytes);
    }
    file
}

/// A static executable with this many bytes to load.
pub(crate) fn static_elf(bytes: usize) -> Vec<u8> {
    elf(THIS_MACHINE, 2, &[(PT_LOAD, &vec![0x90; bytes])])
}

/// A file that can be the shim, in a directory of its own.
pub(crate) fn shim(bytes: usize) -> (Home, PathBuf) {
    file(&static_elf(bytes))
}

/// A file with these bytes, in a directory of its own.
pub(crate) fn file(bytes: &[u8]) -> (Home, PathBuf) {
    let home = Home(tempfile::tempdir().expect("temporary directory"));
    let path = home.path().join("shim");
    fs_err::write(&path, bytes).expect("write the shim");
    (home, path)
}

/// A temporary directory that goes away even with directories in it that cannot be written to,
/// which only root may remove as they are.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        make_writable(self.path());
    }
}

fn make_writable(directory: &Path) {
    let writable = Permissions::from_mode(0o700);
    fs_err::set_permissions(directory, writable).expect("a directory of this test");
    for name in names(directory) {
        let path = directory.join(name);
        if fs_err::symlink_metadata(&path).expect("metadata").is_dir() {
            make_writable(&path);
        }
    }
}

/// Names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs_err::read_dir(directory)
        .expect("read the directory")
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    names
}

/// Kind and mode, modification time and bytes of everything below a directory.
pub(crate) type Snapshot = BTreeMap<String, (u32, i64, Vec<u8>)>;

pub(crate) fn snapshot(root: &Path) -> Snapshot {
    fn visit(root: &Path, path: &Path, into: &mut Snapshot) {
        let metadata = fs_err::symlink_metadata(path).expect("metadata");
        let name = path
            .strip_prefix(root)
            .expect("below")
            .display()
            .to_string();
        let bytes = if metadata.is_dir() {
            for child in names(path) {
                visit(root, &path.join(child), into);
            }
            vec![]
        } else if metadata.is_symlink() {
            let target = fs_err::read_link(path).expect("read the link");
            target.into_os_string().into_encoded_bytes()
        } else {
            fs_err::read(path).expect("read")
        };
        into.insert(name, (metadata.mode(), metadata.mtime(), bytes));
    }
    let mut all = Snapshot::new();
    visit(root, root, &mut all);
    all
}
