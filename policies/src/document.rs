use crate::fields::{Fields, Reader, Written};
use crate::problem::{Invalid, Place, Problem, quoted};
use crate::resource_key::ResourceKey;
use crate::violations::Violations;
use crate::yaml::{Kind, Node};

const API_VERSION: &str = "lazaret/v1";
const KIND: &str = "SecurityPolicy";

/// A policy file as it was written: known keys only, values still text, each with its place.
#[derive(Debug, Default)]
pub(crate) struct PolicyDocument {
    pub(crate) level: Option<Written>,
    pub(crate) extends: Option<Written>,
    /// `permissions` or `network` is there, be it empty.
    pub(crate) states_grants: bool,
    pub(crate) permissions: Vec<PermissionDocument>,
    pub(crate) resources: Vec<(ResourceKey, Written)>,
    pub(crate) endpoints: Vec<EndpointDocument>,
    pub(crate) engine: Option<Written>,
    pub(crate) requirements: Vec<(Written, Written)>,
    pub(crate) violations: Vec<HandlingDocument>,
}

#[derive(Debug)]
pub(crate) struct PermissionDocument {
    pub(crate) permission: Written,
    pub(crate) reason: Option<Written>,
}

/// What is written about one kind of violation.
#[derive(Debug)]
pub(crate) struct HandlingDocument {
    pub(crate) kind: String,
    pub(crate) severity: Option<Written>,
    pub(crate) reaction: Option<Written>,
}

#[derive(Debug)]
pub(crate) struct EndpointDocument {
    pub(crate) host: Written,
    pub(crate) port: Written,
    pub(crate) protocol: Option<Written>,
    pub(crate) reason: Option<Written>,
}

impl PolicyDocument {
    /// Takes the tree apart. Whatever is not as the language has it goes to `problems` and is left out.
    pub(crate) fn read(root: &Node, problems: &mut Vec<Problem>) -> Self {
        let mut reader = Reader { problems };
        let mut document = Self::default();
        let known = [
            "apiVersion",
            "kind",
            "level",
            "extends",
            "permissions",
            "resources",
            "network",
            "runtime",
            "requirements",
            "violations",
        ];
        let Some(fields) = reader.fields(root, "", &known) else {
            return document;
        };

        reader.fixed(&fields, "apiVersion", API_VERSION, root.place);
        reader.fixed(&fields, "kind", KIND, root.place);
        document.level = reader.optional(&fields, "level");
        document.extends = reader.optional(&fields, "extends");
        document.states_grants = ["permissions", "network"]
            .iter()
            .any(|key| fields.get(key).is_some());
        for item in reader.list(&fields, "permissions") {
            document.permissions.extend(reader.permission(item));
        }
        if let Some(node) = fields.get("resources") {
            document.resources = reader.resources(node);
        }
        if let Some(network) = fields
            .get("network")
            .and_then(|node| reader.fields(node, "network", &["endpoints"]))
        {
            for item in reader.list(&network, "endpoints") {
                document.endpoints.extend(reader.endpoint(item));
            }
        }
        if let Some(runtime) = fields
            .get("runtime")
            .and_then(|node| reader.fields(node, "runtime", &["engine"]))
        {
            document.engine = reader.optional(&runtime, "engine");
        }
        if let Some(node) = fields.get("requirements") {
            document.requirements = reader.requirements(node);
        }
        if let Some(node) = fields.get("violations") {
            document.violations = reader.violations(node);
        }
        document
    }
}

impl Reader<'_> {
    /// A value that must be there and must be one certain word.
    fn fixed(&mut self, fields: &Fields<'_>, key: &str, expected: &str, root: Place) {
        let Some(node) = fields.get(key) else {
            self.report(
                root,
                Invalid::new(format!("`{key}` is missing"))
                    .hint(format!("add `{key}: {expected}`")),
            );
            return;
        };
        if let Some(written) = self.scalar(node, key)
            && written.text != expected
        {
            let message = format!(
                "`{key}` is {}, and only `{expected}` is known",
                quoted(&written.text)
            );
            self.report(
                written.place,
                Invalid::new(message).hint(format!("write `{key}: {expected}`")),
            );
        }
    }

    fn permission(&mut self, item: &Node) -> Option<PermissionDocument> {
        if !matches!(item.kind, Kind::Map(_)) {
            return Some(PermissionDocument {
                permission: self.scalar(item, "permissions[]")?,
                reason: None,
            });
        }
        // `- file:read: /srv` is a map to YAML; say so before its key is called unknown.
        if let Kind::Map(entries) = &item.kind
            && let [only] = entries.as_slice()
            && only.key.contains(':')
        {
            let message = format!(
                "{} is a key here, because a space follows its last colon",
                quoted(&only.key)
            );
            self.report(
                only.place,
                Invalid::new(message).hint("write the permission without spaces"),
            );
            return None;
        }
        let fields = self.fields(item, "permissions[]", &["permission", "reason"])?;
        let reason = self.optional(&fields, "reason");
        Some(PermissionDocument {
            permission: self.required(&fields, "permission", item.place)?,
            reason,
        })
    }

    fn endpoint(&mut self, item: &Node) -> Option<EndpointDocument> {
        let fields = self.fields(
            item,
            "network.endpoints[]",
            &["host", "port", "protocol", "reason"],
        )?;
        let host = self.required(&fields, "host", item.place);
        let port = self.required(&fields, "port", item.place);
        let protocol = self.optional(&fields, "protocol");
        let reason = self.optional(&fields, "reason");
        Some(EndpointDocument {
            host: host?,
            port: port?,
            protocol,
            reason,
        })
    }

    fn resources(&mut self, node: &Node) -> Vec<(ResourceKey, Written)> {
        let mut written = Vec::new();
        let Some(sections) = self.fields(node, "resources", &ResourceKey::SECTIONS) else {
            return written;
        };
        for entry in &sections.entries {
            let keys = ResourceKey::ALL
                .iter()
                .filter(|key| key.parts().0 == entry.key);
            let names: Vec<&str> = keys.clone().map(|key| key.parts().1).collect();
            let Some(fields) = self.fields(&entry.value, &sections.path_of(&entry.key), &names)
            else {
                continue;
            };
            for key in keys {
                written.extend(
                    self.optional(&fields, key.parts().1)
                        .map(|value| (*key, value)),
                );
            }
        }
        written
    }

    fn violations(&mut self, node: &Node) -> Vec<HandlingDocument> {
        let Some(kinds) = self.fields(node, "violations", &Violations::KINDS) else {
            return Vec::new();
        };
        let mut written = Vec::new();
        for entry in &kinds.entries {
            let path = kinds.path_of(&entry.key);
            if let Some(fields) = self.fields(&entry.value, &path, &["severity", "reaction"]) {
                written.push(HandlingDocument {
                    kind: entry.key.clone(),
                    severity: self.optional(&fields, "severity"),
                    reaction: self.optional(&fields, "reaction"),
                });
            }
        }
        written
    }

    /// The keys of `requirements` are values of their own: paths of other keys.
    fn requirements(&mut self, node: &Node) -> Vec<(Written, Written)> {
        let Some(entries) = self.map(node, "requirements") else {
            return Vec::new();
        };
        let mut written = Vec::new();
        for entry in entries {
            let key = Written {
                text: entry.key.clone(),
                plain: true,
                place: entry.place,
            };
            if matches!(entry.value.kind, Kind::Map(_)) {
                let hint = "write the path as one key, such as `memory.high: best_effort`";
                let message = format!(
                    "`requirements` takes paths of keys, and {} holds a map",
                    quoted(&entry.key)
                );
                self.report(entry.place, Invalid::new(message).hint(hint));
            } else if let Some(value) = self.scalar(&entry.value, "requirements") {
                written.push((key, value));
            }
        }
        written
    }
}
