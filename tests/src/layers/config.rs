//! What it takes away of a `config.json` (OCI runtime specification) to switch a layer off.

use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use crate::attack::Layer;

/// Where the stand-in's files are seen in a container whose mounts are switched off.
const HOST: &str = "/host";

/// A configuration without these layers. `host` is the directory of the stand-in's files.
///
/// # Errors
/// Where a layer is none of this file.
pub(super) fn without(config: &Value, off: &[Layer], host: &str) -> anyhow::Result<Value> {
    let mut config = config.clone();
    for layer in off {
        match layer {
            Layer::FirstFilter => remove(&mut config["linux"], "seccomp"),
            Layer::Namespaces => share_namespaces(&mut config),
            Layer::Mounts => open_mounts(&mut config, host),
            Layer::UserNamespace => be_host_root(&mut config),
            Layer::NoPrivileges => give_capabilities(&mut config),
            Layer::Cgroup => remove(&mut config["linux"], "resources"),
            Layer::Rlimits => raise_limits(&mut config),
            Layer::TmpSize => {
                edit_mount(&mut config, "/tmp", |options| {
                    retain(options, &["size=", "nr_inodes="]);
                    options.extend(["size=0", "nr_inodes=0"].map(Value::from));
                });
            }
            // The probe leaves these out by itself.
            Layer::SecondFilter | Layer::Landlock | Layer::ClosedMemory => {}
            other => anyhow::bail!("`{other}` cannot be switched off"),
        }
    }
    Ok(config)
}

fn remove(object: &mut Value, key: &str) {
    if let Some(object) = object.as_object_mut() {
        object.remove(key);
    }
}

fn entries<'a>(list: &'a mut Value) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    list.as_array_mut().into_iter().flatten()
}

fn retain(options: &mut Vec<Value>, unwanted: &[&str]) {
    options.retain(|option| {
        let text = option.as_str().unwrap_or_default();
        !unwanted.iter().any(|start| text.starts_with(start))
    });
}

fn edit_mount(config: &mut Value, target: &str, edit: impl Fn(&mut Vec<Value>)) {
    for mount in entries(&mut config["mounts"]) {
        if mount["destination"] == target
            && let Some(options) = mount["options"].as_array_mut()
        {
            edit(options);
        }
    }
}

/// Processes and network are those of the stand-in. Its `/proc` is bound, since that of other
/// processes than its own may not be mounted in a user namespace.
fn share_namespaces(config: &mut Value) {
    if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
        namespaces.retain(|namespace| namespace["type"] != "pid" && namespace["type"] != "network");
    }
    for mount in entries(&mut config["mounts"]) {
        if mount["destination"] == "/proc" {
            mount["type"] = json!("bind");
            mount["source"] = json!("/proc");
            mount["options"] = json!(["rbind", "nosuid", "nodev", "noexec"]);
        }
    }
}

/// Everything can be written, devices work, programs run, nothing is masked, and files of the
/// stand-in are there.
fn open_mounts(config: &mut Value, host: &str) {
    config["root"]["readonly"] = json!(false);
    for mask in ["maskedPaths", "readonlyPaths"] {
        config["linux"][mask] = json!([]);
    }
    for mount in entries(&mut config["mounts"]) {
        let own = mount["destination"] != "/proc";
        if let Some(options) = mount["options"].as_array_mut().filter(|_| own) {
            options.retain(|option| {
                !["ro", "nosuid", "nodev", "noexec"].contains(&option.as_str().unwrap_or_default())
            });
        }
    }
    if let Some(mounts) = config["mounts"].as_array_mut() {
        mounts.push(json!({
            "destination": HOST,
            "type": "bind",
            "source": host,
            "options": ["rbind", "rw"],
        }));
    }
}

/// The ids inside are those outside, and the user is root.
fn be_host_root(config: &mut Value) {
    if let Some(namespaces) = config["linux"]["namespaces"].as_array_mut() {
        namespaces.retain(|namespace| namespace["type"] != "user");
    }
    for mappings in ["uidMappings", "gidMappings"] {
        remove(&mut config["linux"], mappings);
    }
    for id in ["uid", "gid"] {
        config["process"]["user"][id] = json!(0);
    }
}

fn give_capabilities(config: &mut Value) {
    // All that an attack of the collection asks for (capabilities(7)).
    let all = [
        "CAP_BPF",
        "CAP_DAC_READ_SEARCH",
        "CAP_MKNOD",
        "CAP_NET_ADMIN",
        "CAP_NET_RAW",
        "CAP_PERFMON",
        "CAP_SETUID",
        "CAP_SYS_ADMIN",
        "CAP_SYS_CHROOT",
        "CAP_SYS_MODULE",
        "CAP_SYS_NICE",
        "CAP_SYS_PTRACE",
        "CAP_SYS_RAWIO",
        "CAP_SYSLOG",
    ];
    for set in [
        "bounding",
        "effective",
        "permitted",
        "inheritable",
        "ambient",
    ] {
        config["process"]["capabilities"][set] = json!(all);
    }
}

/// As far as this process may raise them, which may have limits itself.
fn raise_limits(config: &mut Value) {
    for limit in entries(&mut config["process"]["rlimits"]) {
        let kind = match limit["type"].as_str().unwrap_or_default() {
            "RLIMIT_NOFILE" => Resource::Nofile,
            "RLIMIT_NPROC" => Resource::Nproc,
            "RLIMIT_FSIZE" => Resource::Fsize,
            "RLIMIT_CORE" => Resource::Core,
            "RLIMIT_MEMLOCK" => Resource::Memlock,
            _ => continue,
        };
        let own = getrlimit(kind).maximum.unwrap_or(u64::MAX);
        limit["soft"] = json!(own);
        limit["hard"] = json!(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_switched_off_is_an_error() {
        assert!(without(&json!({}), &[Layer::Kernel], "/nowhere").is_err());
    }

    #[test]
    fn a_layer_that_is_off_is_gone_and_the_others_stay() {
        let config = json!({
            "linux": { "seccomp": {}, "resources": {}, "maskedPaths": ["/proc/kcore"] },
            "root": { "readonly": true },
            "mounts": [{ "destination": "/tmp", "options": ["noexec", "size=1", "nr_inodes=1"] }],
        });
        let same = without(&config, &[Layer::SecondFilter], "/nowhere").unwrap();
        assert_eq!(same, config);
        let off = [Layer::FirstFilter, Layer::TmpSize];
        let edited = without(&config, &off, "/nowhere").unwrap();
        assert_eq!(edited["linux"].get("seccomp"), None);
        assert_eq!(edited["linux"]["maskedPaths"], json!(["/proc/kcore"]));
        let options = json!(["noexec", "size=0", "nr_inodes=0"]);
        assert_eq!(edited["mounts"][0]["options"], options);
        let edited = without(&config, &[Layer::Mounts], "/nowhere").unwrap();
        assert_eq!(edited["root"]["readonly"], false);
        assert_eq!(edited["mounts"][1]["source"], "/nowhere");
    }
}
