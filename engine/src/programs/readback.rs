//! What the kernel enforces on a program that was created and not started yet, looked at from
//! outside: there is no code of ours in its container that could look from inside.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use lazaret_guard::readback::{
    Masked, Space, compare_id_map, compare_limit, compare_masked, compare_mounts,
    compare_read_only, compare_space, compare_status, parse_id_map, parse_mounts, parse_status,
};
use lazaret_protocol::{Difference, Expected, ExpectedLimit};
use rustix::fs::{StatVfsMountFlags, statfs, statvfs};
use rustix::process::Rlimit;

/// Of each kind one of its own (namespaces(7)).
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// The names of limits in `/proc/PID/limits` (proc_pid_limits(5)).
const LIMITS: [(&str, &str); 8] = [
    ("RLIMIT_CORE", "Max core file size"),
    ("RLIMIT_FSIZE", "Max file size"),
    ("RLIMIT_MEMLOCK", "Max locked memory"),
    ("RLIMIT_MSGQUEUE", "Max msgqueue size"),
    ("RLIMIT_NICE", "Max nice priority"),
    ("RLIMIT_NOFILE", "Max open files"),
    ("RLIMIT_NPROC", "Max processes"),
    ("RLIMIT_RTPRIO", "Max realtime priority"),
];

/// Everything that is not as it must be, a line each. What cannot be read is a difference.
pub(super) fn differences(pid: u32, expected: &Expected) -> Vec<String> {
    let mut found = Vec::new();
    let mut read =
        |file: &str, compare: &dyn Fn(&str) -> Vec<Difference>| match fs_err::read_to_string(
            format!("/proc/{pid}/{file}"),
        ) {
            Ok(text) => found.extend(compare(&text)),
            Err(error) => found.push(difference(file, "readable", error)),
        };
    read("status", &|text| {
        compare_status("1", &parse_status(text), expected)
    });
    for (file, wanted) in [
        ("uid_map", &expected.uid_map),
        ("gid_map", &expected.gid_map),
    ] {
        read(file, &|text| {
            compare_id_map(file, parse_id_map(text).as_deref(), wanted)
        });
    }
    read("mountinfo", &|text| {
        compare_mounts(parse_mounts(text).as_deref(), expected)
    });
    read("limits", &|text| {
        let limits = expected.limits.iter();
        limits.filter_map(|limit| differs(limit, text)).collect()
    });
    for kind in NAMESPACES {
        let link = |process: &str| fs_err::read_link(format!("/proc/{process}/ns/{kind}"));
        let apart =
            matches!((link("self"), link(&pid.to_string())), (Ok(ours), Ok(its)) if ours != its);
        if !apart {
            found.push(difference(
                format!("namespace {kind}"),
                "its own",
                "the host's, or unreadable",
            ));
        }
    }
    let root = format!("/proc/{pid}/root");
    let sized = expected.mounts.iter().filter(|mount| mount.bytes.is_some());
    for mount in sized {
        match space(&format!("{root}{}", mount.target)) {
            Ok(space) => found.extend(compare_space(mount, space)),
            Err(error) => found.push(difference(&mount.target, "tells its size", error)),
        }
    }
    for path in &expected.masked {
        match masked(&format!("{root}{path}")) {
            Ok(seen) => found.extend(compare_masked(path, seen)),
            Err(error) => found.push(difference(path, "can be looked at", error)),
        }
    }
    for path in &expected.read_only {
        match read_only(&format!("{root}{path}")) {
            Ok(seen) => found.extend(compare_read_only(path, seen)),
            Err(error) => found.push(difference(path, "can be looked at", error)),
        }
    }
    let lines = found.into_iter();
    lines
        .map(|line| {
            format!(
                "{}: expected `{}`, found `{}`",
                line.what, line.expected, line.found
            )
        })
        .collect()
}

fn difference(what: impl ToString, expected: impl ToString, found: impl ToString) -> Difference {
    Difference {
        what: what.to_string(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

/// What differs from a limit, by the text of `/proc/PID/limits`.
fn differs(wanted: &ExpectedLimit, text: &str) -> Option<Difference> {
    let found = LIMITS
        .iter()
        .find(|(name, _)| *name == wanted.name)
        .and_then(|(_, title)| limit(title, text));
    match found {
        Some(found) => compare_limit(wanted, found),
        None => Some(difference(&wanted.name, wanted.value, "no such line")),
    }
}

/// The limit of this title: soft and hard, columns apart from the title and from the unit by spaces.
fn limit(title: &str, text: &str) -> Option<Rlimit> {
    let rest = text.lines().find_map(|line| line.strip_prefix(title))?;
    let mut numbers = rest.split_ascii_whitespace().map(|number| match number {
        "unlimited" => Some(None),
        number => number.parse().ok().map(Some),
    });
    Some(Rlimit {
        current: numbers.next()??,
        maximum: numbers.next()??,
    })
}

fn space(path: &str) -> io::Result<Space> {
    let found = statfs(path)?;
    Ok(Space {
        // A negative number is none that is asked for.
        block: u64::try_from(found.f_bsize).unwrap_or(0),
        blocks: found.f_blocks,
        inodes: found.f_files,
    })
}

/// `None` where this kernel has no such file.
fn metadata(path: &str) -> io::Result<Option<Metadata>> {
    match fs_err::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_only(path: &str) -> io::Result<Option<bool>> {
    match metadata(path)? {
        Some(_) => Ok(Some(
            statvfs(path)?.f_flag.contains(StatVfsMountFlags::RDONLY),
        )),
        None => Ok(None),
    }
}

fn masked(path: &str) -> io::Result<Masked> {
    Ok(match metadata(path)? {
        None => Masked::Absent,
        Some(found) if found.file_type().is_char_device() => Masked::Device(found.rdev()),
        Some(found) if found.is_dir() => Masked::Directory {
            read_only: read_only(path)? == Some(true),
            filled: fs_err::read_dir(path)?.next().is_some(),
        },
        Some(_) => Masked::File,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Limit                     Soft Limit           Hard Limit           Units     \nMax core file size        0                    0                    bytes     \nMax processes             17                   unlimited            processes \n";

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let wanted = |name: &str, value| ExpectedLimit {
            name: name.to_owned(),
            value,
        };
        assert_eq!(differs(&wanted("RLIMIT_CORE", 0), TEXT), None);
        let found = differs(&wanted("RLIMIT_NPROC", 17), TEXT).unwrap();
        assert_eq!(found.found, "17 soft, unlimited hard");
        assert!(differs(&wanted("RLIMIT_NOFILE", 17), TEXT).is_some());
        assert!(differs(&wanted("RLIMIT_ODD", 17), TEXT).is_some());
    }

    #[test]
    fn a_process_of_the_host_is_nothing_like_a_program() {
        let expected = Expected {
            uid: 0x2000_03e8,
            gid: 0x2000_03e8,
            uid_map: vec![(0, 0x2000_0000, 65_536)],
            gid_map: vec![(0, 0x2000_0000, 65_536)],
            mounts: Vec::new(),
            masked: vec!["/proc/self/status".to_owned()],
            read_only: Vec::new(),
            devices: Vec::new(),
            limits: vec![ExpectedLimit {
                name: "RLIMIT_CORE".to_owned(),
                value: 1,
            }],
            hostname: "program".to_owned(),
        };
        let found = differences(std::process::id(), &expected);
        for part in [
            "NoNewPrivs",
            "Uid",
            "uid_map",
            "mount /",
            "RLIMIT_CORE",
            "namespace pid",
            "masked /proc/self/status",
        ] {
            assert!(
                found.iter().any(|line| line.contains(part)),
                "{part}: {found:?}"
            );
        }
    }
}
