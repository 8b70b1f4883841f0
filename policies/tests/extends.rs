//! Policy files that stand on other policy files.

use std::path::PathBuf;

use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

/// Writes files into a directory of their own, each with the head of a policy.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, body) in files {
            let path = directory.path().join(name);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("made");
            let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}\n");
            fs_err::write(path, text).expect("written");
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn effective(&self, name: &str) -> EffectivePolicy {
        let policy =
            SecurityPolicy::load(&self.path(name)).unwrap_or_else(|error| panic!("{error}"));
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    }

    /// The refusal, without the directory's name.
    fn refusal(&self, name: &str) -> String {
        let error = SecurityPolicy::load(&self.path(name)).expect_err(name);
        let directory = format!("{}/", self.0.path().display());
        error.to_string().replace(&directory, "")
    }
}

#[test]
fn the_nearer_file_overrides_and_grants_add_up() {
    let files = Files::new(&[
        (
            "base/company.yaml",
            "level: maximum\nresources: { memory: { max: 96MiB }, pids: { max: 8 } }\npermissions: [ file:read:/srv/a ]",
        ),
        (
            "team.yaml",
            "extends: ./base/company.yaml\nresources: { pids: { max: 12 } }\nviolations: { permission: { reaction: kill } }",
        ),
        (
            "plugins/one.yaml",
            "extends: ../team.yaml\npermissions: [ file:read:/srv/b ]\nresources: { memory: { high: 80MiB } }",
        ),
    ]);
    let effective = files.effective("plugins/one.yaml");
    assert_eq!(effective.level().value, SecurityLevel::Maximum);
    let rows: Vec<String> = effective
        .keys()
        .iter()
        .filter(|key| key.origin.to_string().contains(".yaml"))
        .map(|key| {
            let origin = key.origin.to_string();
            let name = origin
                .rsplit_once('/')
                .map_or(origin.as_str(), |(_, name)| name);
            format!("{} {} {name}", key.path, key.value)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "level maximum company.yaml:3:8",
            "resources.memory.max 96MiB company.yaml:4:29",
            "resources.memory.high 80MiB one.yaml:5:30",
            "resources.pids.max 12 team.yaml:4:27",
            "violations.permission.reaction kill team.yaml:5:39",
        ]
    );
    let grants: Vec<_> = effective
        .all_grants()
        .map(|granted| granted.permission.to_string())
        .collect();
    assert_eq!(grants, ["file:read:/srv/a", "file:read:/srv/b"]);
}

#[test]
fn a_level_may_be_extended_by_its_name() {
    let files = Files::new(&[("p.yaml", "extends: minimal")]);
    assert_eq!(
        files.effective("p.yaml").level().value,
        SecurityLevel::Minimal
    );
}

#[test]
fn circles_are_refused_whatever_way_they_are_written() {
    let files = Files::new(&[
        ("a.yaml", "extends: ./b.yaml"),
        ("b.yaml", "extends: ../DIRECTORY/a.yaml"),
        ("self.yaml", "extends: self.yaml"),
    ]);
    let name = files
        .0
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let text = fs_err::read_to_string(files.path("b.yaml")).expect("read");
    fs_err::write(files.path("b.yaml"), text.replace("DIRECTORY", &name)).expect("written");
    assert!(
        files
            .refusal("a.yaml")
            .contains("is extended by itself\n  hint: break the circle"),
        "{}",
        files.refusal("a.yaml")
    );
    assert_eq!(
        files.refusal("self.yaml"),
        "self.yaml:3:10: `extends`: `self.yaml` is extended by itself\n  hint: break the circle"
    );
}

#[test]
fn a_long_way_down_is_refused() {
    let links: Vec<(String, String)> = (0..9)
        .map(|number| {
            (
                format!("{number}.yaml"),
                format!("extends: ./{}.yaml", number + 1),
            )
        })
        .chain([("9.yaml".to_owned(), "level: standard".to_owned())])
        .collect();
    let links: Vec<(&str, &str)> = links
        .iter()
        .map(|(name, body)| (name.as_str(), body.as_str()))
        .collect();
    let files = Files::new(&links);
    assert!(
        files
            .refusal("0.yaml")
            .contains("more than 8 files stand on each other")
    );
    files.effective("2.yaml");
}

#[test]
fn what_is_wrong_is_told_where_it_is_written() {
    let files = Files::new(&[
        ("gone.yaml", "extends: ./nothing.yaml"),
        ("bad.yaml", "resources: { memory: { max: 1KiB } }"),
        ("over-bad.yaml", "extends: ./bad.yaml"),
        ("both.yaml", "level: minimal\nextends: ./bad.yaml"),
        ("word.yaml", "extends: loose"),
        ("high.yaml", "resources: { memory: { high: 60MiB } }"),
        (
            "low.yaml",
            "extends: ./high.yaml\nresources: { memory: { max: 32MiB } }",
        ),
    ]);
    assert!(
        files
            .refusal("gone.yaml")
            .starts_with("gone.yaml:3:10: `extends`: failed to canonicalize path")
    );
    assert!(
        files
            .refusal("over-bad.yaml")
            .starts_with("./bad.yaml:3:29: `resources.memory.max`: `1KiB` is below")
    );
    assert!(
        files
            .refusal("both.yaml")
            .starts_with("both.yaml:4:10: `level` and `extends` cannot both be given")
    );
    assert!(
        files
            .refusal("word.yaml")
            .starts_with("word.yaml:3:10: `extends`: `loose` is neither a level nor a file")
    );
    assert!(
        files.refusal("low.yaml").starts_with(
            "./high.yaml:3:30: `resources.memory.high`: `60MiB` is above `memory.max`, `32MiB`"
        ),
        "{}",
        files.refusal("low.yaml")
    );
}

#[test]
fn a_text_without_a_file_extends_none() {
    let text = "apiVersion: lazaret/v1\nkind: SecurityPolicy\nextends: ./base.yaml\n";
    let problems = SecurityPolicy::parse("p.yaml", text)
        .expect_err("refused")
        .to_string();
    assert!(
        problems.starts_with("p.yaml:3:10: `extends` names a file"),
        "{problems}"
    );
}

#[test]
fn only_regular_files_are_opened() {
    let files = Files::new(&[
        ("pipe.yaml", "extends: ./pipe"),
        ("device.yaml", "extends: /dev/zero"),
        ("directory.yaml", "extends: ./"),
        ("link.yaml", "extends: ./linked.yaml"),
        ("real.yaml", "level: maximum"),
    ]);
    let pipe = std::process::Command::new("mkfifo")
        .arg(files.path("pipe"))
        .status();
    assert!(pipe.expect("mkfifo runs").success());
    for name in ["pipe.yaml", "device.yaml", "directory.yaml"] {
        let refusal = files.refusal(name);
        assert!(refusal.contains("is no regular file"), "{refusal}");
    }
    std::os::unix::fs::symlink(files.path("real.yaml"), files.path("linked.yaml")).expect("linked");
    assert_eq!(
        files.effective("link.yaml").level().value,
        SecurityLevel::Maximum
    );
}
