use crate::problem::{Invalid, Place, Problem, name_hint, nearest, one_of, quoted};
use crate::resource_key::ResourceKey;
use crate::yaml::{Entry, Kind, Node};

/// A single value as text.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) plain: bool,
    pub(crate) place: Place,
}

/// The entries of a map, all of known names.
pub(crate) struct Fields<'node> {
    path: String,
    pub(crate) entries: Vec<&'node Entry>,
}

impl<'node> Fields<'node> {
    pub(crate) fn get(&self, key: &str) -> Option<&'node Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Takes values out of the tree; whatever has the wrong shape goes to `problems`.
pub(crate) struct Reader<'problems> {
    pub(crate) problems: &'problems mut Vec<Problem>,
}

impl Reader<'_> {
    pub(crate) fn report(&mut self, place: Place, invalid: Invalid) {
        self.problems.push(invalid.at(place));
    }

    pub(crate) fn optional(&mut self, fields: &Fields<'_>, key: &str) -> Option<Written> {
        fields
            .get(key)
            .and_then(|node| self.scalar(node, &fields.path_of(key)))
    }

    pub(crate) fn required(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        place: Place,
    ) -> Option<Written> {
        if fields.get(key).is_none() {
            let hint = format!("add `{key}: ...` to this entry");
            self.report(
                place,
                Invalid::new(format!("`{}` is missing", fields.path_of(key))).hint(hint),
            );
        }
        self.optional(fields, key)
    }

    /// The entries of a map; those of unknown name are reported and left out.
    pub(crate) fn fields<'node>(
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

    pub(crate) fn map<'node>(&mut self, node: &'node Node, path: &str) -> Option<&'node [Entry]> {
        match &node.kind {
            Kind::Map(entries) => Some(entries),
            _ => self.mismatch(node, path, "a map of keys and values"),
        }
    }

    pub(crate) fn list<'node>(&mut self, fields: &Fields<'node>, key: &str) -> &'node [Node] {
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

    pub(crate) fn scalar(&mut self, node: &Node, path: &str) -> Option<Written> {
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
