use super::Checker;
use crate::document::Item;
use crate::level::SecurityLevel;
use crate::origin::Granted;
use crate::policy::SecurityPolicy;
use crate::problem::{Invalid, Problem, quoted};
use crate::settings::{Mode, Section};

impl Checker<'_> {
    pub(super) fn observed(&mut self, items: &[Item]) -> Vec<Granted> {
        let observed = items.iter().filter_map(|item| {
            let written = item.one("permission")?;
            let permission = self.parsed(written, "observe");
            self.granted(item, written, permission, "observe")
        });
        observed.collect()
    }
}

/// What is to be observed and the modes of its sections belong together, wherever the two come from. Each problem has
/// the name of the file it is in, where that is another one than the policy's own.
pub(crate) fn observe_problems(policy: &SecurityPolicy) -> Vec<(Option<String>, Problem)> {
    let mut problems = Vec::new();
    let modes = &policy.settings.modes;
    let loose = |section: Section| modes.of(section).filter(|mode| mode.value != Mode::Enforce);
    let mut problem = |origin: &crate::origin::Origin, invalid: Invalid| {
        let file = origin.file().map(str::to_owned);
        problems.push((file, invalid.at(origin.place())));
    };
    let maximum = policy.level() == SecurityLevel::Maximum;
    for section in Section::ALL {
        let Some(mode) = loose(section) else {
            continue;
        };
        let observes = |granted: &Granted| granted.permission.section() == section;
        if maximum {
            let message = format!("`{section}.mode`: level `maximum` has no mode but `enforce`");
            let hint = "take the mode away, or observe at level `standard`";
            problem(&mode.origin, Invalid::new(message).hint(hint));
        } else if !policy.lists.observe.iter().any(observes) {
            let message = format!(
                "`{section}.mode`: `{}` with nothing of the section under `observe` lets nothing through",
                mode.value
            );
            let hint = format!(
                "name what may be let through, such as `observe: [ {} ]`",
                example(section)
            );
            problem(&mode.origin, Invalid::new(message).hint(hint));
        }
    }
    if let Some(mode) = modes
        .syscalls
        .as_ref()
        .filter(|mode| maximum && mode.value != Mode::Enforce)
    {
        let message = "`syscalls.mode`: level `maximum` has no mode but `enforce`";
        let hint = "take the mode away, or learn at level `standard`";
        problem(&mode.origin, Invalid::new(message).hint(hint));
    }
    for granted in &policy.lists.observe {
        let section = granted.permission.section();
        if loose(section).is_none() {
            let message = format!(
                "`observe`: {} is never let through, because `{section}` enforces",
                quoted(&granted.permission.to_string())
            );
            let hint =
                format!("write `{section}: {{ mode: audit }}` or `learn`, or take the entry away");
            problem(&granted.origin, Invalid::new(message).hint(hint));
        }
    }
    problems
}

const fn example(section: Section) -> &'static str {
    match section {
        Section::Network => "\"network:connect:*.example.com:443\"",
        Section::Filesystem => "file:read:/srv/data",
        Section::Exec => "exec:run:jq",
        Section::Env => "env:read:TZ",
        Section::Messaging => "message:send:store",
        Section::Window => "window:list:XTerm",
    }
}
