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

    /// The items of a list that is no longer than allowed.
    pub(crate) fn list<'node>(
        &mut self,
        node: &'node Node,
        path: &str,
        most: usize,
    ) -> Option<&'node [Node]> {
        match &node.kind {
            Kind::List(items) if items.len() <= most => Some(items),
            Kind::List(items) => {
                self.too_many(node, path, items.len(), most);
                None
            }
            _ => self.mismatch(node, path, "a list"),
        }
    }

    pub(crate) fn too_many(&mut self, node: &Node, path: &str, found: usize, most: usize) {
        let message = format!("`{path}` has {found} entries, above the most allowed {most}");
        let hint = "take out what is not needed, or say more with fewer entries";
        self.report(node.place, Invalid::new(message).hint(hint));
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

    pub(crate) fn mismatch<T>(&mut self, node: &Node, path: &str, expected: &str) -> Option<T> {
        let name = if path.is_empty() {
            "the file".to_owned()
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
        if path.is_empty() && known.contains(&"resources") && ResourceKey::SECTIONS.contains(&key) {
            return format!("`{key}` belongs under `resources`");
        }
        return format!("known here: {}", one_of(known));
    }
    name_hint(key, known)
}
