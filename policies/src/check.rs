use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::document::{EndpointDocument, HandlingDocument, PermissionDocument, PolicyDocument};
use crate::extends::Base;
use crate::fields::Written;
use crate::level::SecurityLevel;
use crate::network::{AllowedEndpoint, Endpoint, Protocol};
use crate::origin::{Granted, Setting, Source};
use crate::overrides::ResourceOverrides;
use crate::permission::Permission;
use crate::policy::SecurityPolicy;
use crate::problem::{Invalid, Place, Problem, quoted};
use crate::requirements::Requirements;
use crate::violations::{HandlingOverrides, ViolationOverrides};

/// Longest reason of a grant, in bytes.
const LONGEST_REASON: usize = 1024;

/// Turns written values into values the language allows.
pub(crate) struct Checker<'run> {
    pub(crate) source: &'run Source,
    pub(crate) problems: &'run mut Vec<Problem>,
}

impl Checker<'_> {
    pub(crate) fn policy(&mut self, document: &PolicyDocument) -> SecurityPolicy {
        let name = match self.source {
            Source::File(name) => Arc::clone(name),
            Source::Level(level) => level.as_str().into(),
        };
        let (level, extends) = self.stands_on(document);
        let resources = self.resources(document);
        SecurityPolicy {
            name,
            extends,
            states_grants: document.states_grants,
            permissions: self.permissions(&document.permissions),
            resources,
            endpoints: self.endpoints(&document.endpoints),
            engine: self.setting(document.engine.as_ref(), "runtime.engine"),
            requirements: self.requirements(&document.requirements),
            violations: self.violations(&document.violations),
            level,
        }
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

    /// The level, and the file the policy extends; one of the two at most.
    fn stands_on(
        &mut self,
        document: &PolicyDocument,
    ) -> (Option<Setting<SecurityLevel>>, Option<Setting<PathBuf>>) {
        let level = self.setting(document.level.as_ref(), "level");
        let Some(written) = &document.extends else {
            return (level, None);
        };
        if document.level.is_some() {
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
        for (key, written) in &document.resources {
            let path = format!("resources.{key}");
            let result = resources.set(
                *key,
                &written.text,
                written.plain,
                self.source.at(written.place),
            );
            self.keep(result, &path, written.place);
        }
        resources
    }

    fn permissions(&mut self, documents: &[PermissionDocument]) -> Vec<Granted> {
        let mut seen = HashMap::new();
        let mut granted = Vec::new();
        for document in documents {
            let reason = self.reason(document.reason.as_ref());
            let place = document.permission.place;
            let Some(permission) = self.parsed::<Permission>(&document.permission, "permissions")
            else {
                continue;
            };
            if let Some(line) = seen.insert(permission.clone(), place.line) {
                self.report_twice(&permission.to_string(), line, place);
            }
            granted.push(Granted {
                permission,
                reason,
                origin: self.source.at(place),
            });
        }
        granted
    }

    fn endpoints(&mut self, documents: &[EndpointDocument]) -> Vec<AllowedEndpoint> {
        let mut seen = HashMap::new();
        let mut allowed = Vec::new();
        for document in documents {
            let host = self.parsed(&document.host, "network.endpoints[].host");
            let port = self.parsed(&document.port, "network.endpoints[].port");
            let protocol = document
                .protocol
                .as_ref()
                .map(|written| self.parsed(written, "network.endpoints[].protocol"));
            let reason = self.reason(document.reason.as_ref());
            let (Some(host), Some(port), Some(protocol)) =
                (host, port, protocol.unwrap_or(Some(Protocol::Https)))
            else {
                continue;
            };
            let endpoint = Endpoint {
                host,
                port,
                protocol,
            };
            let place = document.host.place;
            let permission = Permission::NetworkConnect(endpoint.host.clone(), port);
            if let Some(line) = seen.insert(permission.clone(), place.line) {
                self.report_twice(&format!("{}:{port}", endpoint.host), line, place);
            }
            let granted = Granted {
                permission,
                reason,
                origin: self.source.at(place),
            };
            allowed.push(AllowedEndpoint { endpoint, granted });
        }
        allowed
    }

    fn report_twice(&mut self, what: &str, line: usize, place: Place) {
        let invalid = Invalid::new(format!(
            "{} is given twice, first on line {line}",
            quoted(what)
        ));
        self.problems
            .push(invalid.hint("keep one of the two").at(place));
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

    fn violations(&mut self, written: &[HandlingDocument]) -> ViolationOverrides {
        ViolationOverrides {
            syscall: self.handling("syscall", written),
            permission: self.handling("permission", written),
            network: self.handling("network", written),
            memory: self.handling("memory", written),
            pids: self.handling("pids", written),
            cpu: self.handling("cpu", written),
        }
    }

    fn handling<R: FromStr<Err = Invalid>>(
        &mut self,
        kind: &str,
        written: &[HandlingDocument],
    ) -> HandlingOverrides<R> {
        let Some(document) = written.iter().find(|document| document.kind == kind) else {
            return HandlingOverrides::default();
        };
        let path = |key| format!("violations.{kind}.{key}");
        HandlingOverrides {
            severity: self.setting(document.severity.as_ref(), &path("severity")),
            reaction: self.setting(document.reaction.as_ref(), &path("reaction")),
        }
    }

    fn requirements(&mut self, written: &[(Written, Written)]) -> Requirements {
        let mut requirements = Requirements::default();
        for (key, value) in written {
            let known = self.parsed(key, "requirements");
            let setting = self.setting(Some(value), "requirements");
            if let (Some(key), Some(setting)) = (known, setting) {
                requirements.set(key, setting);
            }
        }
        requirements
    }
}
