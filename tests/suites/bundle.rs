//! Bundles that another runtime starts, as they are and with something taken away.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use lazaret::cli::ExitCode;
use lazaret_tests::case::{Case, Skip};
use lazaret_tests::command::{Finished, command, run};
use lazaret_tests::setup::{Js, Setup, on_disk};
use lazaret_tests::world::World;
use serde_json::{Value, json};

use crate::story::everyday;

/// The status of a shim that found something amiss.
const REFUSED: i32 = 70;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("bundle: `runc run` answers the call", answers),
        Case::new(
            "bundle: the same plugin gives the same config.json",
            reproducible,
        ),
        Case::new("bundle: one with granted paths is refused", granted),
    ];
    for &(what, named, change) in CHANGES {
        let name = format!("bundle: the shim refuses {what}");
        cases.push(Case::new(name, move |world| {
            refuses(world, "config.json", named, change)
        }));
    }
    for &(what, named, change) in OTHER_HOSTS {
        let name = format!("bundle: the shim refuses a kernel with {what}");
        cases.push(Case::new(name, move |world| {
            refuses(world, "settings/settings.json", named, change)
        }));
    }
    for limit in LIMITS {
        let name = format!("bundle: the shim refuses another {limit}");
        cases.push(Case::new(name, move |world| {
            refuses(world, "config.json", limit, |config| {
                raise(config, limit);
            })
        }));
    }
    cases
}

type Change = fn(&mut Value);

/// What is changed in `config.json`, what the shim must name, and how.
const CHANGES: &[(&str, &str, Change)] = &[
    ("a capability", "Cap", |config| {
        for set in ["bounding", "effective", "permitted"] {
            config["process"]["capabilities"][set] = json!(["CAP_CHOWN"]);
        }
    }),
    (
        "a process that may gain privileges",
        "NoNewPrivs",
        |config| {
            config["process"]["noNewPrivileges"] = json!(false);
            // runc then puts the filter on before it has changed the user, which the filter refuses.
            without_filter(config);
        },
    ),
    ("a container without a filter", "Seccomp", without_filter),
    ("another user", "Uid", |config| {
        config["process"]["user"]["uid"] = json!(0);
    }),
    (
        "a root file system that can be written",
        "mount /",
        |config| {
            config["root"]["readonly"] = json!(false);
        },
    ),
    ("a mount nobody asked for", "mount /granted", |config| {
        add_mount(config, "/granted");
    }),
    ("a /tmp in which programs run", "mount /tmp", |config| {
        for mount in config["mounts"].as_array_mut().into_iter().flatten() {
            if mount["destination"] == "/tmp" {
                mount["options"] = json!(["nosuid", "nodev", "size=1m"]);
            }
        }
    }),
    ("a larger /tmp", "mount /tmp size", |config| {
        replace_option(config, "/tmp", "size=", "size=64m");
    }),
    (
        "a /tmp with room for more files",
        "mount /tmp nr_inodes",
        |config| {
            replace_option(config, "/tmp", "nr_inodes=", "nr_inodes=100000");
        },
    ),
    ("a larger /dev", "mount /dev size", |config| {
        replace_option(config, "/dev", "size=", "size=1m");
    }),
    ("a /dev in which programs run", "mount /dev", |config| {
        replace_option(config, "/dev", "noexec", "nosuid");
    }),
    ("a mount below /dev", "mount /dev/shm", |config| {
        add_mount(config, "/dev/shm");
    }),
    ("a mount below /proc", "mount /proc/meminfo", |config| {
        if let Some(mounts) = config["mounts"].as_array_mut() {
            mounts.push(json!({
                "destination": "/proc/meminfo",
                "type": "bind",
                "source": "/dev/null",
                "options": ["bind"],
            }));
        }
    }),
    ("a device of the host", "mount /dev/kmsg", |config| {
        config["linux"]["devices"] =
            json!([{ "path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11 }]);
    }),
    (
        "a part of /proc that is not masked",
        "masked /proc/timer_list",
        |config| {
            without(&mut config["linux"]["maskedPaths"], "/proc/timer_list");
        },
    ),
    (
        "a part of /proc that can be written",
        "read-only /proc/sys",
        |config| {
            without(&mut config["linux"]["readonlyPaths"], "/proc/sys");
        },
    ),
    ("another host name", "hostname", |config| {
        config["hostname"] = json!("elsewhere");
    }),
    ("other host users", "uid_map", |config| {
        config["linux"]["uidMappings"][0]["hostID"] = json!(0x1ffe_0000);
    }),
];

/// What is changed in the settings, so that they are for another kernel than this one.
const OTHER_HOSTS: &[(&str, &str, Change)] = &[
    ("an older Landlock", "landlock: ", |settings| {
        let abi = settings["landlock"]["abi"].as_u64().unwrap_or_default();
        settings["landlock"]["abi"] = json!(abi + 1);
    }),
    ("a newer Landlock", "landlock: ", |settings| {
        let abi = settings["landlock"]["abi"].as_u64().unwrap_or(1);
        settings["landlock"]["abi"] = json!(abi.saturating_sub(1));
    }),
    ("Landlock where there was none", "landlock: ", |settings| {
        settings["landlock"]["abi"] = json!(0);
    }),
    (
        "Landlock that cannot hold the rules",
        "/no/such",
        |settings| {
            settings["landlock"]["readable"] = json!(["/plugin", "/no/such/path"]);
        },
    ),
    (
        "Landlock that is seen to hold nothing",
        "landlock: ",
        |settings| {
            settings["landlock"]["readable"] = json!(["/"]);
        },
    ),
];

/// Every limit a bundle sets, but for `RLIMIT_NICE` and `RLIMIT_RTPRIO`: no runtime is let raise
/// these two above the host's, which are 0 as well.
const LIMITS: [&str; 6] = [
    "RLIMIT_CORE",
    "RLIMIT_FSIZE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
];

/// Gives the process more of one thing.
fn raise(config: &mut Value, limit: &str) {
    let limits = config["process"]["rlimits"].as_array_mut();
    for entry in limits.into_iter().flatten() {
        if entry["type"] == limit {
            let more = entry["hard"].as_u64().unwrap_or_default() + 1;
            entry["hard"] = json!(more);
        }
    }
}

/// Puts an option in the place of the one that starts so.
fn replace_option(config: &mut Value, target: &str, old: &str, new: &str) {
    let mounts = config["mounts"].as_array_mut();
    let mounts = mounts.into_iter().flatten();
    for mount in mounts.filter(|mount| mount["destination"] == target) {
        let options = mount["options"].as_array_mut().into_iter().flatten();
        for option in options {
            if option.as_str().is_some_and(|text| text.starts_with(old)) {
                *option = json!(new);
            }
        }
    }
}

fn add_mount(config: &mut Value, target: &str) {
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.push(json!({
            "destination": target,
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "nodev", "noexec"],
        }));
    }
}

fn without(list: &mut Value, entry: &str) {
    if let Some(list) = list.as_array_mut() {
        list.retain(|found| found != entry);
    }
}

fn without_filter(config: &mut Value) {
    if let Some(linux) = config["linux"].as_object_mut() {
        linux.remove("seccomp");
    }
}

pub(crate) fn runc() -> anyhow::Result<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    // Debian keeps it where a plain user's PATH does not look.
    let mut directories = path.split(':').chain(["/usr/sbin", "/sbin"]);
    directories
        .find_map(|directory| Some(Path::new(directory).join("runc")).filter(|path| path.is_file()))
        .ok_or_else(|| {
            Skip("`runc` is not installed; run `apt-get install runc`".to_owned()).into()
        })
}

/// A plugin's bundle in a directory.
fn bundle(world: &World, setup: &Setup, directory: &Path) -> anyhow::Result<PathBuf> {
    let plugin = on_disk(world, setup)?;
    let path = plugin.path().join("everyday");
    let output = directory.join("bundle");
    let [path, text] = [&path, &output].map(|path| path.to_string_lossy().into_owned());
    let arguments = [
        "bundle", &path, "-o", &text, "--call", "add", "--args", "[2,3]",
    ];
    let finished = run(command(&world.parts.lazaret(), arguments))?;
    ensure!(
        finished.code == Some(0) && finished.output.is_empty(),
        "{finished:?}"
    );
    Ok(output)
}

/// Has `runc` run a bundle, with its own state in a directory that is looked at afterwards.
fn run_bundle(directory: &Path, bundle: &Path) -> anyhow::Result<Finished> {
    let state = directory.join("runc").to_string_lossy().into_owned();
    let bundle = bundle.to_string_lossy().into_owned();
    let id = format!("lazaret-tests-{}", std::process::id());
    run(command(
        &runc()?,
        ["--root", &state, "run", "--bundle", &bundle, &id],
    ))
}

fn answers(world: &World) -> anyhow::Result<()> {
    runc()?;
    let directory = world.directory()?;
    let bundle = bundle(world, &everyday(Js::QuickJs)?, directory.path())?;
    run_bundle(directory.path(), &bundle)?.answered("5\n")
}

fn reproducible(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let texts = ["one", "other"].map(|name| -> anyhow::Result<String> {
        let place = directory.path().join(name);
        fs_err::create_dir(&place)?;
        let bundle = bundle(world, &everyday(Js::QuickJs)?, &place)?;
        let text = fs_err::read_to_string(bundle.join("config.json"))?;
        // The directory is in it, and the cgroup's name has the process id.
        let mut config: Value = serde_json::from_str(&text)?;
        config["linux"]["cgroupsPath"] = Value::Null;
        Ok(config
            .to_string()
            .replace(&*bundle.to_string_lossy(), "BUNDLE"))
    });
    let [one, other] = texts;
    ensure!(one? == other?, "two bundles of one plugin differ");
    Ok(())
}

fn granted(world: &World) -> anyhow::Result<()> {
    let directory = world.directory()?;
    let setup = everyday(Js::QuickJs)?.policy("permissions: [\"file:read:/etc/hostname\"]");
    let plugin = on_disk(world, &setup)?;
    let path = plugin
        .path()
        .join("everyday")
        .to_string_lossy()
        .into_owned();
    let output = directory.path().join("bundle");
    let arguments = ["bundle", &path, "-o", &output.to_string_lossy()];
    let finished = run(command(&world.parts.lazaret(), arguments))?;
    finished.failed(ExitCode::Output, &["granted host paths"])?;
    ensure!(!output.exists(), "half a bundle is left");
    Ok(())
}

fn refuses(
    world: &World,
    file: &str,
    named: &str,
    change: impl Fn(&mut Value),
) -> anyhow::Result<()> {
    runc()?;
    let directory = world.directory()?;
    let bundle = bundle(world, &everyday(Js::QuickJs)?, directory.path())?;
    let file = bundle.join(file);
    let text = fs_err::read_to_string(&file)?;
    let mut config: Value = serde_json::from_str(&text)?;
    change(&mut config);
    ensure!(config != serde_json::from_str::<Value>(&text)?, "no change");
    fs_err::remove_file(&file)?;
    fs_err::write(&file, config.to_string())?;
    let finished = run_bundle(directory.path(), &bundle).context("runc")?;
    ensure!(finished.code == Some(REFUSED), "{finished:?}");
    ensure!(finished.output.is_empty(), "{finished:?}");
    ensure!(
        finished.errors.contains(named),
        "`{named}` is not named: {}",
        finished.errors
    );
    Ok(())
}
