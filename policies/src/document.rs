use crate::problem::{Invalid, Place, Problem, name_hint, nearest, one_of, quoted};
use crate::resource_key::ResourceKey;
use crate::yaml::{Entry, Kind, Node};

const API_VERSION: &str = "lazaret/v1";
const KIND: &str = "SecurityPolicy";

/// A policy file as it was written: known keys only, values still text, each with its place.
#[derive(Debug, Default)]
pub(crate) struct PolicyDocument {
    pub(crate) level: Option<Written>,
    pub(crate) permissions: Vec<PermissionDocument>,
    pub(crate) resources: Vec<(ResourceKey, Written)>,
    pub(crate) endpoints: Vec<EndpointDocument>,
    pub(crate) engine: Option<Written>,
    pub(crate) requirements: Vec<(Written, Written)>,
}

/// A single value as text.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) plain: bool,
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) struct PermissionDocument {
    pub(crate) permission: Written,
    pub(crate) reason: Option<Written>,
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
            "permissions",
            "resources",
            "network",
            "runtime",
            "requirements",
        ];
        let Some(fields) = reader.fields(root, "", &known) else {
            return document;
        };

        reader.fixed(&fields, "apiVersion", API_VERSION, root.place);
        reader.fixed(&fields, "kind", KIND, root.place);
        document.level = reader.optional(&fields, "level");
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
        document
    }
}

/// The entries of a map, all of known names.
struct Fields<'node> {
    path: String,
    entries: Vec<&'node Entry>,
}

impl<'node> Fields<'node> {
    fn get(&self, key: &str) -> Option<&'node Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

struct Reader<'problems> {
    problems: &'problems mut Vec<Problem>,
}

impl Reader<'_> {
    fn report(&mut self, place: Place, invalid: Invalid) {
        self.problems.push(invalid.at(place));
    }

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

    fn optional(&mut self, fields: &Fields<'_>, key: &str) -> Option<Written> {
        fields
            .get(key)
            .and_then(|node| self.scalar(node, &fields.path_of(key)))
    }

    fn required(&mut self, fields: &Fields<'_>, key: &str, place: Place) -> Option<Written> {
        if fields.get(key).is_none() {
            let hint = format!("add `{key}: ...` to this entry");
            self.report(
                place,
                Invalid::new(format!("`{}` is missing", fields.path_of(key))).hint(hint),
            );
        }
        self.optional(fields, key)
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

    /// The entries of a map; those of unknown name are reported and left out.
    fn fields<'node>(
        &mut self,
        node: &'node Node,
        path: &str,
        known: &[&str],
    ) -> Option<Fields<'node>> {
        let all = self.map(node, path)?;
        let mut entries = Vec::new();
        for entry in all {
            if known.contains(&entry.key.as_str()) {
                entries.push(entry);
                continue;
            }
            let place = if path.is_empty() {
                String::new()
            } else {
                format!(" in `{path}`")
            };
            let message = format!("unknown key {}{place}", quoted(&entry.key));
            self.report(
                entry.place,
                Invalid::new(message).hint(key_hint(&entry.key, path, known)),
            );
        }
        Some(Fields {
            path: path.to_owned(),
            entries,
        })
    }

    fn map<'node>(&mut self, node: &'node Node, path: &str) -> Option<&'node [Entry]> {
        match &node.kind {
            Kind::Map(entries) => Some(entries),
            _ => self.mismatch(node, path, "a map of keys and values"),
        }
    }

    fn list<'node>(&mut self, fields: &Fields<'node>, key: &str) -> &'node [Node] {
        match fields.get(key) {
            None => &[],
            Some(Node {
                kind: Kind::List(items),
                ..
            }) => items,
            Some(node) => self
                .mismatch(node, &fields.path_of(key), "a list")
                .unwrap_or_default(),
        }
    }

    fn scalar(&mut self, node: &Node, path: &str) -> Option<Written> {
        match &node.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Some(Written {
                text: scalar.text.clone(),
                plain: scalar.plain,
                place: node.place,
            }),
            _ => self.mismatch(node, path, "one value"),
        }
    }

    fn mismatch<T>(&mut self, node: &Node, path: &str, expected: &str) -> Option<T> {
        let name = if path.is_empty() {
            "the policy".to_owned()
        } else {
            format!("`{path}`")
        };
        let (message, hint) = match &node.kind {
            Kind::Refused => return None,
            Kind::Scalar(scalar) if scalar.is_null() => (
                format!("{name} has no value"),
                "give it a value or take the key away".to_owned(),
            ),
            Kind::Scalar(scalar) => (
                format!("{name} is {}", quoted(&scalar.text)),
                format!("write {expected}"),
            ),
            Kind::List(_) => (format!("{name} is a list"), format!("write {expected}")),
            Kind::Map(_) => (format!("{name} is a map"), format!("write {expected}")),
        };
        self.report(node.place, Invalid::new(message).hint(hint));
        None
    }
}

/// The near name, else the section the key belongs to, else all names known here.
fn key_hint(key: &str, path: &str, known: &[&str]) -> String {
    if nearest(key, known).is_none() {
        if path.is_empty() && ResourceKey::SECTIONS.contains(&key) {
            return format!("`{key}` belongs under `resources`");
        }
        return format!("known here: {}", one_of(known));
    }
    name_hint(key, known)
}
