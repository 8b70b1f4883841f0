//! From values as written to values the language allows.

mod exec;
mod filesystem;
mod messaging;
mod network;
mod observe;
mod permissions;
mod secrets;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

pub(crate) use self::network::tls_problems;
pub(crate) use self::observe::observe_problems;
use crate::document::{Item, PolicyDocument};
use crate::extends::Base;
use crate::fields::Written;
use crate::grants::Lists;
use crate::layout::GRANTS;
use crate::level::SecurityLevel;
use crate::origin::{Setting, Source};
use crate::overrides::ResourceOverrides;
use crate::policy::SecurityPolicy;
use crate::problem::{Invalid, Misplaced, Place, Problem, quoted};
use crate::requirements::Requirements;
use crate::resource_key::ResourceKey;
use crate::settings::SettingOverrides;
use crate::violations::{HandlingOverrides, ViolationOverrides};
use crate::word::Words;

/// Longest reason of a grant, in bytes.
const LONGEST_REASON: usize = 1024;

/// Turns written values into values the language allows.
pub(crate) struct Checker<'run> {
    pub(crate) source: &'run Source,
    pub(crate) problems: &'run mut Vec<Problem>,
    /// What was listed so far, with the line.
    pub(crate) seen: HashMap<String, usize>,
}

impl Checker<'_> {
    pub(crate) fn policy(&mut self, document: &PolicyDocument) -> SecurityPolicy {
        let name = match self.source {
            Source::File(name) => Arc::clone(name),
            Source::Level(level) => level.as_str().into(),
        };
        let (level, extends) = self.stands_on(document);
        let sections = GRANTS.map(|list| list.split('.').next().unwrap_or(list));
        let lists_grants = document
            .values
            .iter()
            .any(|(path, _)| GRANTS.contains(path));
        let states_grants = lists_grants
            || document
                .empty
                .iter()
                .any(|path| sections.contains(&path.as_str()));
        SecurityPolicy {
            name,
            files: Vec::new(),
            extends,
            states_grants,
            lists: self.lists(document),
            resources: self.resources(document),
            settings: self.settings(document),
            requirements: self.requirements(document),
            violations: self.violations(document),
            level,
        }
    }

    fn lists(&mut self, document: &PolicyDocument) -> Lists {
        let permissions = self.permissions(document.items("permissions"));
        Lists {
            permissions,
            endpoints: self.endpoints(document.items("network.endpoints")),
            read: self.readable(document.items("filesystem.read")),
            write: self.writable(document.items("filesystem.write")),
            programs: self.programs(document.items("exec.programs")),
            env: self.variables(document.items("env.read")),
            send: self.sent(document.items("messaging.send")),
            receive: self.received(document.items("messaging.receive")),
            observe: self.observed(document.items("observe")),
            secrets: self.secrets(document.items("secrets")),
            set: self.set_variables(document.names("env.set")),
        }
    }

    fn settings(&mut self, document: &PolicyDocument) -> SettingOverrides {
        let mut settings = SettingOverrides::default();
        for (path, value) in &document.values {
            if let Err(Misplaced(place, invalid)) = settings.set(path, value, self.source) {
                self.problems.push(invalid.of(path).at(place));
            }
        }
        settings
    }

    fn report(&mut self, invalid: Invalid, place: Place) {
        self.problems.push(invalid.at(place));
    }

    /// The value, or its problem on the list.
    fn keep<T>(&mut self, result: Result<T, Invalid>, path: &str, place: Place) -> Option<T> {
        result
            .map_err(|invalid| self.problems.push(invalid.of(path).at(place)))
            .ok()
    }

    fn parsed<T: FromStr<Err = Invalid>>(&mut self, written: &Written, path: &str) -> Option<T> {
        self.keep(written.text.parse(), path, written.place)
    }

    /// A value that an entry may leave out; `None` where it is wrong.
    fn or_usual<T>(
        &mut self,
        item: &Item,
        (list, key): (&str, &str),
        usual: T,
        read: impl Fn(&Written) -> Result<T, Invalid>,
    ) -> Option<T> {
        match item.one(key) {
            None => Some(usual),
            Some(written) => self.keep(read(written), &format!("{list}[].{key}"), written.place),
        }
    }

    /// Words that an entry may leave out; `None` where they are wrong, or there is none of them.
    fn words<T: Ord + FromStr<Err = Invalid>>(
        &mut self,
        item: &Item,
        (list, key): (&str, &str),
    ) -> Option<Option<Words<T>>> {
        let Some((items, place)) = item.many(key) else {
            return Some(None);
        };
        let path = format!("{list}[].{key}");
        if items.is_empty() {
            let hint = "name at least one";
            self.report(
                Invalid::new(format!("`{path}` names nothing")).hint(hint),
                place,
            );
            return None;
        }
        match Words::read(items) {
            Ok(words) => Some(Some(words)),
            Err(Misplaced(place, invalid)) => {
                self.report(invalid.of(&path), place);
                None
            }
        }
    }

    fn setting<T: FromStr<Err = Invalid>>(
        &mut self,
        written: Option<&Written>,
        path: &str,
    ) -> Option<Setting<T>> {
        let written = written?;
        let value = self.parsed(written, path)?;
        Some(Setting {
            value,
            origin: self.source.at(written.place),
        })
    }

    /// Whether something is listed for the first time; a second time is a problem.
    fn is_new(&mut self, kind: &str, what: &str, place: Place) -> bool {
        let Some(line) = self.seen.insert(format!("{kind} {what}"), place.line) else {
            return true;
        };
        let message = format!("{} is given twice, first on line {line}", quoted(what));
        self.report(Invalid::new(message).hint("keep one of the two"), place);
        false
    }

    /// The level, and the file the policy extends; one of the two at most.
    fn stands_on(
        &mut self,
        document: &PolicyDocument,
    ) -> (Option<Setting<SecurityLevel>>, Option<Setting<PathBuf>>) {
        let level = self.setting(document.one("level"), "level");
        let Some(written) = document.one("extends") else {
            return (level, None);
        };
        if document.one("level").is_some() {
            let invalid = Invalid::new("`level` and `extends` cannot both be given")
                .hint("keep `extends`: the level is that of what it names");
            self.problems.push(invalid.at(written.place));
        }
        let origin = self.source.at(written.place);
        match self.parsed(written, "extends") {
            Some(Base::Level(value)) => (Some(Setting { value, origin }), None),
            Some(Base::File(value)) => (level, Some(Setting { value, origin })),
            None => (level, None),
        }
    }

    fn resources(&mut self, document: &PolicyDocument) -> ResourceOverrides {
        let mut resources = ResourceOverrides::default();
        for (key, path) in ResourceKey::ALL.iter().zip(ResourceKey::PATHS) {
            if let Some(written) = document.one(path) {
                let origin = self.source.at(written.place);
                let result = resources.set(*key, &written.text, written.plain, origin);
                self.keep(result, path, written.place);
            }
        }
        resources
    }

    fn reason(&mut self, written: Option<&Written>) -> Option<String> {
        let written = written?;
        let text = written.text.trim();
        let result = if text.is_empty() {
            Err(Invalid::new("says nothing").hint("write why, or take the key away"))
        } else if text.len() > LONGEST_REASON {
            let message = format!(
                "{} bytes are above the most allowed {LONGEST_REASON}",
                text.len()
            );
            Err(Invalid::new(message).hint("write less"))
        } else if text
            .chars()
            .any(|character| character.is_control() && character != '\n')
        {
            Err(Invalid::new("has control characters").hint("write plain text"))
        } else {
            Ok(text.to_owned())
        };
        self.keep(result, "reason", written.place)
    }

    fn violations(&mut self, document: &PolicyDocument) -> ViolationOverrides {
        ViolationOverrides {
            syscall: self.handling("syscall", document),
            permission: self.handling("permission", document),
            network: self.handling("network", document),
            memory: self.handling("memory", document),
            pids: self.handling("pids", document),
            cpu: self.handling("cpu", document),
        }
    }

    fn handling<R: FromStr<Err = Invalid>>(
        &mut self,
        kind: &str,
        document: &PolicyDocument,
    ) -> HandlingOverrides<R> {
        let severity = format!("violations.{kind}.severity");
        let reaction = format!("violations.{kind}.reaction");
        HandlingOverrides {
            severity: self.setting(document.one(&severity), &severity),
            reaction: self.setting(document.one(&reaction), &reaction),
        }
    }

    fn requirements(&mut self, document: &PolicyDocument) -> Requirements {
        let mut requirements = Requirements::default();
        for (key, value) in document.names("requirements") {
            let known = self.parsed(key, "requirements");
            let setting = self.setting(Some(value), "requirements");
            if let (Some(known), Some(setting)) = (known, setting) {
                if requirements.named(known).is_some() {
                    self.is_twice(&key.text, key.place);
                }
                requirements.set(known, setting);
            }
        }
        requirements
    }

    fn is_twice(&mut self, what: &str, place: Place) {
        let message = format!("{} is given twice", quoted(what));
        self.report(Invalid::new(message).hint("keep one of the two"), place);
    }
}
