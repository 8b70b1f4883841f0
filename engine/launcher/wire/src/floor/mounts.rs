//! `mounts`: the same few for every plugin, in their order, and one for each granted host path. A
//! program has the first three, and nothing of a plugin or of the host.
//!
//! A runtime may go by the type or by an option, and lets a later option take back an earlier
//! one; so type, source and all options are compared with what is known, none more, none twice.

use serde_json::Value;

use super::findings::{Findings, is_decimal, list};
use super::{Kind, Reservation};
use crate::{GRANTS_DIRECTORY, PLUGIN_DIRECTORY, SETTINGS_DIRECTORY};

/// A mount there must be. An option that ends in `=` takes a plain number.
struct Known {
    target: String,
    kind: &'static str,
    source: Value,
    options: &'static [&'static str],
}

const PROC: &[&str] = &["nosuid", "nodev", "noexec"];
// Device nodes are bound in it, so not `nodev`.
const DEV: &[&str] = &["nosuid", "noexec", "mode=755", "size=64k"];
const TMP: &[&str] = &[
    "nosuid",
    "nodev",
    "noexec",
    "mode=1777",
    "size=",
    "nr_inodes=",
];
const GRANTED: &[&str] = &["nosuid", "nodev", "noexec", "mode=755", "size=64k"];
const BIND: &[&str] = &["bind", "ro", "nosuid", "nodev", "noexec"];

pub(super) fn check(
    kind: Kind,
    mounts: &Value,
    reservation: &Reservation,
    findings: &mut Findings,
) {
    let known = match kind {
        Kind::Plugin => known(reservation),
        Kind::Program => own(),
    };
    let found = list(mounts);
    let targets = found.iter().map(|mount| mount["destination"].as_str());
    let wanted = known.iter().map(|mount| Some(mount.target.as_str()));
    findings.require(targets.eq(wanted), || {
        "`mounts` are not those every container of its kind has, in their order".to_owned()
    });
    for (mount, known) in found.iter().zip(&known) {
        findings.keys(
            "mounts[]",
            mount,
            &["destination", "type", "source", "options"],
        );
        findings.require(is_known(mount, known), || {
            format!("mount `{}` is not as every container has it", known.target)
        });
    }
}

/// Mounts of nothing but the container's own.
fn own() -> Vec<Known> {
    vec![
        mount("/proc", "proc", PROC),
        mount("/dev", "tmpfs", DEV),
        mount("/tmp", "tmpfs", TMP),
    ]
}

fn mount(target: &str, kind: &'static str, options: &'static [&'static str]) -> Known {
    Known {
        target: target.to_owned(),
        kind,
        source: kind.into(),
        options,
    }
}

fn known(reservation: &Reservation) -> Vec<Known> {
    let bind = |target: String, name: &str| Known {
        target,
        kind: "bind",
        source: reservation.path(name),
        options: BIND,
    };
    let mut known = own();
    known.extend([
        bind("/plugin".to_owned(), PLUGIN_DIRECTORY),
        bind("/run/lazaret".to_owned(), SETTINGS_DIRECTORY),
    ]);
    if reservation.grants > 0 {
        known.push(mount("/granted", "tmpfs", GRANTED));
    }
    known.extend((0..reservation.grants).map(|number| {
        bind(
            format!("/granted/{number}"),
            &format!("{GRANTS_DIRECTORY}/{number}"),
        )
    }));
    known
}

fn is_known(mount: &Value, known: &Known) -> bool {
    let options: Option<Vec<&str>> = list(&mount["options"])
        .iter()
        .map(|option| option.as_str().map(without_number))
        .collect();
    let Some(mut options) = options else {
        return false;
    };
    options.sort_unstable();
    let mut wanted = known.options.to_vec();
    wanted.sort_unstable();
    mount["type"] == known.kind && mount["source"] == known.source && options == wanted
}

/// `size=4096` as `size=`; every other option as it is.
fn without_number(option: &str) -> &str {
    ["size=", "nr_inodes="]
        .into_iter()
        .find(|key| option.strip_prefix(key).is_some_and(is_decimal))
        .unwrap_or(option)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_left_out_of_options() {
        assert_eq!(without_number("size=4096"), "size=");
        assert_eq!(without_number("nr_inodes=16"), "nr_inodes=");
        for other in ["size=64k", "size=50%", "mode=1777", "size=1,rw", "rbind"] {
            assert_eq!(without_number(other), other);
        }
    }
}
