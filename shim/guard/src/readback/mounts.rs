//! `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)): what is mounted, and how.

use lazaret_protocol::{Difference, Expected, ExpectedMount};

use super::difference;

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Mount point, its octal escapes undone.
    pub target: String,
    /// Options of this mount.
    pub options: Vec<String>,
    /// File system type.
    pub fstype: String,
    /// Options of the file system, shared by all its mounts.
    pub super_options: Vec<String>,
}

impl Mount {
    /// Read-only holds when either the mount or the file system says so; the other options are
    /// the mount's alone.
    fn has(&self, option: &str) -> bool {
        let in_list = |options: &[String]| options.iter().any(|found| found == option);
        in_list(&self.options) || (option == "ro" && in_list(&self.super_options))
    }
}

/// Reads the text of the file. `None` when any line is not understood.
#[must_use]
pub fn parse_mounts(text: &str) -> Option<Vec<Mount>> {
    text.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Mount> {
    let mut fields = line.split(' ');
    let target = unescape(fields.nth(4)?)?;
    let options = list(fields.next()?);
    fields.find(|field| *field == "-")?;
    let fstype = fields.next()?.to_owned();
    let _source = fields.next()?;
    let super_options = list(fields.next()?);
    (target.starts_with('/') && fields.next().is_none()).then_some(Mount {
        target,
        options,
        fstype,
        super_options,
    })
}

fn list(options: &str) -> Vec<String> {
    options.split(',').map(str::to_owned).collect()
}

/// Undoes `\040` and the like: space, tab, newline, backslash and `#`.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (octal, rest) = part.split_at_checked(3)?;
        bytes.push(u8::from_str_radix(octal, 8).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// What differs. `mounts` is `None` when the file was not understood.
#[must_use]
pub fn compare_mounts(mounts: Option<&[Mount]>, expected: &Expected) -> Vec<Difference> {
    let Some(mounts) = mounts else {
        return vec![difference("mounts", "well-formed mountinfo", "malformed")];
    };
    let mut found = Vec::new();
    let at = |target: &str| -> Vec<&Mount> {
        mounts
            .iter()
            .filter(|mount| mount.target == target)
            .collect()
    };
    let root = at("/");
    if root.len() != 1 || !root[0].has("ro") {
        let value = match root.as_slice() {
            [] => "not mounted".to_owned(),
            [mount] => mount.options.join(","),
            several => format!("{} mounts", several.len()),
        };
        found.push(difference("mount /", "one mount, ro", value));
    }
    for wanted in &expected.mounts {
        let what = format!("mount {}", wanted.target);
        match at(&wanted.target).as_slice() {
            [mount] => found.extend(compare_mount(&what, mount, wanted)),
            [] => found.push(difference(what, "mounted", "not mounted")),
            several => {
                found.push(difference(
                    what,
                    "one mount",
                    format!("{} mounts", several.len()),
                ));
            }
        }
    }
    let covers = [&expected.masked, &expected.read_only, &expected.devices];
    for mount in mounts {
        let known = mount.target == "/"
            || expected
                .mounts
                .iter()
                .any(|wanted| wanted.target == mount.target)
            || covers.iter().any(|paths| paths.contains(&mount.target));
        if !known {
            let what = format!("mount {}", mount.target);
            let value = format!("{} {}", mount.fstype, mount.options.join(","));
            found.push(difference(what, "not mounted", value));
        }
    }
    found
}

fn compare_mount(what: &str, mount: &Mount, wanted: &ExpectedMount) -> Vec<Difference> {
    let mut found = Vec::new();
    for option in &wanted.options {
        if !mount.has(option) {
            found.push(difference(what, option, mount.options.join(",")));
        }
    }
    if let Some(fstype) = &wanted.fstype
        && *fstype != mount.fstype
    {
        found.push(difference(
            what,
            format!("type {fstype}"),
            format!("type {}", mount.fstype),
        ));
    }
    found
}

#[cfg(test)]
pub(crate) mod tests {
    use lazaret_protocol::ExpectedLimit;

    use super::*;

    const CONTAINER: &str = include_str!("../../tests/fixtures/mountinfo-container");

    pub(crate) fn expected() -> Expected {
        let mount = |target: &str, options: &[&str], fstype: Option<&str>| ExpectedMount {
            target: target.to_owned(),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            fstype: fstype.map(str::to_owned),
            bytes: None,
            inodes: None,
        };
        let paths = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        Expected {
            uid: 1000,
            gid: 1000,
            uid_map: vec![(1000, 231_072, 1)],
            gid_map: vec![(1000, 231_072, 1)],
            mounts: vec![
                mount("/proc", &["nosuid", "nodev", "noexec"], Some("proc")),
                mount("/dev", &["nosuid"], Some("tmpfs")),
                mount("/tmp", &["nosuid", "nodev", "noexec"], Some("tmpfs")),
                mount("/plugin", &["ro", "nosuid", "nodev", "noexec"], None),
                mount("/run/lazaret/settings.json", &["ro", "nosuid"], None),
            ],
            masked: paths(&["/proc/acpi", "/proc/kcore"]),
            read_only: paths(&["/proc/sys"]),
            devices: paths(&["/dev/null"]),
            limits: vec![ExpectedLimit {
                name: "RLIMIT_NOFILE".to_owned(),
                value: 64,
            }],
            hostname: "weather".to_owned(),
        }
    }

    fn differences(text: &str) -> Vec<String> {
        compare_mounts(parse_mounts(text).as_deref(), &expected())
            .into_iter()
            .map(|found| format!("{}: {} / {}", found.what, found.expected, found.found))
            .collect()
    }

    #[test]
    fn the_expected_mounts_have_no_differences() {
        assert_eq!(differences(CONTAINER), Vec::<String>::new());
    }

    #[test]
    fn a_writable_plugin_directory_is_reported() {
        let text = CONTAINER.replace("/plugin ro,", "/plugin rw,");
        assert_eq!(
            differences(&text),
            ["mount /plugin: ro / rw,nosuid,nodev,noexec,relatime"]
        );
    }

    #[test]
    fn a_writable_root_is_reported() {
        let text = CONTAINER
            .replace(" / / ro,relatime", " / / rw,relatime")
            .replace("overlay overlay ro,", "overlay overlay rw,");
        assert_eq!(differences(&text), ["mount /: one mount, ro / rw,relatime"]);
    }

    #[test]
    fn a_mount_nobody_asked_for_is_reported() {
        let text = format!("{CONTAINER}90 20 8:1 / /mnt\\040host rw - ext4 /dev/sda rw\n");
        assert_eq!(
            differences(&text),
            ["mount /mnt host: not mounted / ext4 rw"]
        );
    }

    #[test]
    fn a_mount_below_the_kernels_own_trees_is_reported_unless_it_covers_what_it_may() {
        for target in [
            "/dev/sda",
            "/dev/null/x",
            "/proc/meminfo",
            "/proc/sys/kernel",
        ] {
            let text = format!("{CONTAINER}90 20 8:1 / {target} rw - ext4 /dev/sda rw\n");
            assert_eq!(
                differences(&text),
                [format!("mount {target}: not mounted / ext4 rw")]
            );
        }
    }

    #[test]
    fn a_second_mount_over_an_expected_one_is_reported() {
        let text = format!("{CONTAINER}90 20 8:1 / /tmp ro - ext4 /dev/sda rw\n");
        assert_eq!(differences(&text), ["mount /tmp: one mount / 2 mounts"]);
    }

    #[test]
    fn a_missing_mount_and_a_wrong_type_are_reported() {
        let text: String = CONTAINER
            .lines()
            .filter(|line| !line.contains(" /plugin "))
            .map(|line| line.replace("- tmpfs tmpfs", "- ext4 /dev/sda") + "\n")
            .collect();
        let found = differences(&text);
        assert!(found.contains(&"mount /plugin: mounted / not mounted".to_owned()));
        assert!(found.contains(&"mount /tmp: type tmpfs / type ext4".to_owned()));
    }

    #[test]
    fn text_that_is_no_mountinfo_is_a_difference() {
        assert_eq!(differences("nonsense\n").len(), 1);
        assert_eq!(differences("1 2 3:4 / /x\\9 rw - t s o\n").len(), 1);
        assert!(
            differences("")
                .iter()
                .any(|line| line.starts_with("mount /: "))
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_without_panic(text in "(?s).{0,400}") {
            let _ = compare_mounts(parse_mounts(&text).as_deref(), &expected());
        }

        #[test]
        fn any_mount_point_is_parsed_without_panic(target in "[\\PC ]{0,40}") {
            let _ = parse_mounts(&format!("1 2 3:4 / {target} rw - ext4 /dev/sda rw"));
        }
    }
}
