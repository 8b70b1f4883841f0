//! Who the process is: `/proc/<pid>/{uid_map,gid_map}` (user_namespaces(7)) and
//! `/proc/<pid>/cgroup` (cgroup_namespaces(7)).

use lazaret_protocol::Difference;

use super::difference;

/// Reads an id map: lines of inside, outside, count. `None` when any line is not understood.
#[must_use]
pub fn parse_id_map(text: &str) -> Option<Vec<(u32, u32, u32)>> {
    text.lines()
        .map(|line| {
            let mut numbers = line
                .split_ascii_whitespace()
                .map(|number| number.parse().ok());
            let entry = (numbers.next()??, numbers.next()??, numbers.next()??);
            numbers.next().is_none().then_some(entry)
        })
        .collect()
}

/// What differs. `map` is `None` when the file was not understood.
#[must_use]
pub fn compare_id_map(
    file: &str,
    map: Option<&[(u32, u32, u32)]>,
    expected: &[(u32, u32, u32)],
) -> Vec<Difference> {
    match map {
        Some(map) if map == expected => Vec::new(),
        Some(map) => vec![difference(
            file,
            format!("{expected:?}"),
            format!("{map:?}"),
        )],
        None => vec![difference(file, format!("{expected:?}"), "malformed")],
    }
}

/// What differs in `/proc/self/cgroup`: within a cgroup namespace of its own, the process sees
/// itself at the root of every hierarchy.
#[must_use]
pub fn compare_cgroup(text: &str) -> Vec<Difference> {
    if text.trim().is_empty() {
        return vec![difference("cgroup", "/", "no hierarchy")];
    }
    text.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let hierarchy = fields.next().unwrap_or_default();
            let controllers = fields.next().unwrap_or_default();
            let path = fields.next().unwrap_or("missing");
            (path != "/").then(|| {
                difference(
                    format!("cgroup {hierarchy} {controllers}").trim_end(),
                    "/",
                    path,
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = include_str!("../../tests/fixtures/cgroup-hybrid");

    #[test]
    fn an_id_map_as_the_kernel_prints_it_is_read() {
        let text = "      1000     231072          1\n";
        assert_eq!(parse_id_map(text), Some(vec![(1000, 231_072, 1)]));
    }

    #[test]
    fn the_whole_hosts_ids_are_a_difference() {
        let text = "         0          0 4294967295\n";
        let map = parse_id_map(text);
        let found = compare_id_map("uid_map", map.as_deref(), &[(1000, 231_072, 1)]);
        assert_eq!(found[0].found, "[(0, 0, 4294967295)]");
    }

    #[test]
    fn a_malformed_id_map_is_a_difference() {
        for text in ["1 2", "1 2 3 4", "-1 2 3", "a b c", "1 2 99999999999"] {
            assert_eq!(parse_id_map(text), None, "{text}");
        }
        assert_eq!(compare_id_map("uid_map", None, &[])[0].found, "malformed");
        assert_eq!(
            compare_id_map("uid_map", parse_id_map("").as_deref(), &[(0, 0, 1)]).len(),
            1
        );
    }

    #[test]
    fn the_root_of_every_hierarchy_is_as_expected() {
        assert_eq!(compare_cgroup(HYBRID), []);
        assert_eq!(compare_cgroup("0::/\n"), []);
    }

    #[test]
    fn a_path_of_the_host_is_a_difference() {
        let text = HYBRID.replace("4:memory:/", "4:memory:/lazaret/weather");
        let found = compare_cgroup(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "cgroup 4 memory");
        assert_eq!(found[0].found, "/lazaret/weather");
    }

    #[test]
    fn no_hierarchy_and_odd_lines_are_differences() {
        assert_eq!(compare_cgroup("").len(), 1);
        assert_eq!(compare_cgroup("0\n").len(), 1);
        assert_eq!(compare_cgroup("0::/..\n").len(), 1);
    }
}
