use super::Checker;
use crate::document::Item;
use crate::fields::Written;
use crate::grants::{EnvValue, Program, ProgramLimits};
use crate::name::EnvName;
use crate::permission::Permission;
use crate::problem::{Invalid, quoted};
use crate::range::{count, size, time, within};
use crate::units::{ByteSize, CpuShare};

const LIST: &str = "exec.programs";

/// Longest value of a variable, in bytes.
const LONGEST_VALUE: usize = 4096;

/// Variables that change how a program is loaded or run, whatever it is.
const NEVER_SET: [&str; 3] = ["LD_", "LAZARET_", "GLIBC_"];

impl Checker<'_> {
    pub(super) fn programs(&mut self, items: &[Item]) -> Vec<Program> {
        items.iter().filter_map(|item| self.program(item)).collect()
    }

    fn program(&mut self, item: &Item) -> Option<Program> {
        let name = item.one("name")?;
        let permission = self.parsed(name, "exec.programs[].name");
        let granted = self.granted(item, name, permission.map(Permission::ExecRun), "");
        let rootfs = self.parsed(item.one("rootfs")?, "exec.programs[].rootfs");
        let path = self.parsed(item.one("path")?, "exec.programs[].path");
        let limits = self.program_limits(item);
        Some(Program {
            granted: granted?,
            rootfs: rootfs?,
            path: path?,
            limits: limits?,
        })
    }

    fn program_limits(&mut self, item: &Item) -> Option<ProgramLimits> {
        let usual = ProgramLimits::USUAL;
        let stream = ByteSize::from_bytes(0)..=ByteSize::from_mib(4);
        let memory = self.or_usual(item, (LIST, "limits.memory"), usual.memory, |written| {
            let range = ByteSize::from_mib(12)..=ByteSize::from_mib(64 << 10);
            size(written, range, "making the container takes some of it")
        });
        let cpu = self.or_usual(item, (LIST, "limits.cpu"), usual.cpu, |written| {
            let range = CpuShare::from_percent(1)..=CpuShare::from_percent(100 * 1024);
            within(written.text.parse()?, range, "100% is one CPU")
        });
        let pids = self.or_usual(item, (LIST, "limits.pids"), usual.pids, |written| {
            count(written, 1..=4096, "the program itself is one")
        });
        let longest = self.or_usual(item, (LIST, "limits.time"), usual.time, |written| {
            time(
                written,
                10..=24 * 60 * 60 * 1000,
                "it is the time of one run",
            )
        });
        let input = self.or_usual(item, (LIST, "limits.input"), usual.input, |written| {
            size(
                written,
                stream.clone(),
                "one message of the protocol carries it",
            )
        });
        let output = self.or_usual(item, (LIST, "limits.output"), usual.output, |written| {
            size(
                written,
                stream.clone(),
                "one message of the protocol carries it",
            )
        });
        Some(ProgramLimits {
            memory: memory?,
            cpu: cpu?,
            pids: pids?,
            time: longest?,
            input: input?,
            output: output?,
        })
    }

    /// `env.set`.
    pub(super) fn set_variables(&mut self, names: &[(Written, Written)]) -> Vec<EnvValue> {
        let set = names.iter().filter_map(|(key, value)| {
            let name = self.parsed::<EnvName>(key, "env.set")?;
            let refuse = if NEVER_SET
                .iter()
                .any(|start| name.as_str().starts_with(start))
            {
                let message = format!("{} changes how programs are loaded", quoted(name.as_str()));
                Some((Invalid::new(message).hint("use another name"), key.place))
            } else if value.text.len() > LONGEST_VALUE {
                let message = format!(
                    "{} bytes are above the most allowed {LONGEST_VALUE}",
                    value.text.len()
                );
                Some((
                    Invalid::new(message).hint("hand large values over in a file"),
                    value.place,
                ))
            } else if value.text.contains('\0') {
                let invalid = Invalid::new("has a zero byte, which ends a variable");
                Some((invalid.hint("take it away"), value.place))
            } else if self.seen.contains_key(&format!(" env:read:{name}")) {
                let message = format!("{} is read from the host as well", quoted(name.as_str()));
                let hint = "keep it in `env.read` or in `env.set`";
                Some((Invalid::new(message).hint(hint), key.place))
            } else {
                None
            };
            if let Some((invalid, place)) = refuse {
                self.report(invalid.of("env.set"), place);
                return None;
            }
            Some(EnvValue {
                name,
                value: value.text.clone(),
                origin: self.source.at(key.place),
            })
        });
        set.collect()
    }
}
