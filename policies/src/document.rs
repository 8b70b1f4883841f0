use crate::fields::{Reader, Written};
use crate::layout::{Entries, Form, LEAVES, Leaf, MANIFEST, Names};
use crate::problem::{Invalid, Place, Problem, all_of, quoted};
use crate::yaml::{Entry, Kind, Node};

const API_VERSION: &str = "lazaret/v1";
const KIND: &str = "SecurityPolicy";
const MANIFEST_KIND: &str = "Plugin";

/// A policy file as it was written: known keys only, values still text, each with its place.
#[derive(Debug, Default)]
pub(crate) struct PolicyDocument {
    pub(crate) values: Vec<(&'static str, Value)>,
    /// Sections that are there with nothing in them.
    pub(crate) empty: Vec<String>,
}

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Value {
    One(Written),
    Many(Vec<Written>, Place),
    Items(Vec<Item>),
    Names(Vec<(Written, Written)>),
}

/// An entry of a list.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) place: Place,
    values: Vec<(&'static str, Value)>,
}

impl Item {
    /// One value by the name of its key.
    pub(crate) fn one(&self, key: &str) -> Option<&Written> {
        match self.value(key)? {
            Value::One(written) => Some(written),
            _ => None,
        }
    }

    /// A list by the name of its key.
    pub(crate) fn many(&self, key: &str) -> Option<(&[Written], Place)> {
        match self.value(key)? {
            Value::Many(items, place) => Some((items, *place)),
            _ => None,
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let found = self.values.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| value)
    }
}

impl PolicyDocument {
    /// Takes the tree apart. Whatever is not as the language has it goes to `problems` and is left out.
    pub(crate) fn read(root: &Node, problems: &mut Vec<Problem>) -> Self {
        Self::of_kind(KIND, &LEAVES, root, problems)
    }

    /// The same of what a plugin says of itself.
    pub(crate) fn manifest(root: &Node, problems: &mut Vec<Problem>) -> Self {
        Self::of_kind(MANIFEST_KIND, &MANIFEST, root, problems)
    }

    fn of_kind(
        kind: &str,
        leaves: &'static [Leaf],
        root: &Node,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut reader = Reader { problems };
        let mut document = Self::default();
        if !reader.section(root, "", "", leaves, &mut document) {
            return document;
        }
        reader.fixed(&document, "apiVersion", API_VERSION, root);
        reader.fixed(&document, "kind", kind, root);
        document
    }

    /// Whether anything stands at a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.value(path).is_some()
    }

    /// One value by its path.
    pub(crate) fn one(&self, path: &str) -> Option<&Written> {
        match self.value(path)? {
            Value::One(written) => Some(written),
            _ => None,
        }
    }

    /// The entries of a list by its path.
    pub(crate) fn items(&self, path: &str) -> &[Item] {
        match self.value(path) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }

    /// The names of a map by its path.
    pub(crate) fn names(&self, path: &str) -> &[(Written, Written)] {
        match self.value(path) {
            Some(Value::Names(names)) => names,
            _ => &[],
        }
    }

    fn value(&self, path: &str) -> Option<&Value> {
        let found = self.values.iter().find(|(known, _)| *known == path);
        found.map(|(_, value)| value)
    }
}

impl Reader<'_> {
    /// A map of which each key is a path of its own or begins some; `false` where it is none.
    ///
    /// `shown` is the map's path for messages, `path` its path among the `leaves`.
    fn section(
        &mut self,
        node: &Node,
        shown: &str,
        path: &str,
        leaves: &'static [Leaf],
        into: &mut PolicyDocument,
    ) -> bool {
        let mut known: Vec<&str> = Vec::new();
        for leaf in leaves {
            let below = match path {
                "" => Some(leaf.path),
                path => leaf
                    .path
                    .strip_prefix(path)
                    .and_then(|rest| rest.strip_prefix('.')),
            };
            if let Some(below) = below {
                let name = below.split('.').next().unwrap_or(below);
                if !known.contains(&name) {
                    known.push(name);
                }
            }
        }
        let Some(fields) = self.fields(node, shown, &known) else {
            return false;
        };
        if fields.entries.is_empty() {
            into.empty.push(path.to_owned());
        }
        for entry in &fields.entries {
            let path = match path {
                "" => entry.key.clone(),
                path => format!("{path}.{}", entry.key),
            };
            let shown = fields.path_of(&entry.key);
            match leaves.iter().find(|leaf| leaf.path == path) {
                Some(leaf) => {
                    let value = self.leaf(&entry.value, &shown, leaf.form);
                    into.values.extend(value.map(|value| (leaf.path, value)));
                }
                None => {
                    self.section(&entry.value, &shown, &path, leaves, into);
                }
            }
        }
        true
    }

    fn leaf(&mut self, node: &Node, shown: &str, form: Form) -> Option<Value> {
        match form {
            Form::One => self.scalar(node, shown).map(Value::One),
            Form::Words(most) => {
                let items = self.list(node, shown, most)?;
                let shown = format!("{shown}[]");
                let written = items.iter().filter_map(|item| self.scalar(item, &shown));
                Some(Value::Many(written.collect(), node.place))
            }
            Form::Entries(entries) => {
                let items = self.list(node, shown, entries.most)?;
                let shown = format!("{shown}[]");
                let items = items
                    .iter()
                    .filter_map(|item| self.item(item, &shown, entries));
                Some(Value::Items(items.collect()))
            }
            Form::Names(names) => self.names(node, shown, names).map(Value::Names),
            Form::Apart => None,
        }
    }

    fn item(&mut self, item: &Node, shown: &str, entries: &'static Entries) -> Option<Item> {
        let place = item.place;
        let Kind::Map(map) = &item.kind else {
            let Some(main) = entries.main else {
                let expected = format!("a map with {}", all_of(entries.required));
                return self.mismatch(item, shown, &expected);
            };
            let written = self.scalar(item, shown)?;
            let values = vec![(main, Value::One(written))];
            return Some(Item { place, values });
        };
        if let Some(only) = broken_permission(map, entries) {
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
        let mut read = PolicyDocument::default();
        self.section(item, shown, "", entries.leaves, &mut read);
        let values = read.values;
        let written = |key: &&str| map.iter().any(|entry| entry.key == **key);
        for key in entries.required.iter().filter(|key| !written(key)) {
            let hint = format!("add `{key}: ...` to this entry");
            self.report(
                place,
                Invalid::new(format!("`{shown}.{key}` is missing")).hint(hint),
            );
        }
        let item = Item { place, values };
        let whole = entries.required.iter().all(|key| item.value(key).is_some());
        whole.then_some(item)
    }

    fn names(
        &mut self,
        node: &Node,
        shown: &str,
        names: &'static Names,
    ) -> Option<Vec<(Written, Written)>> {
        let entries = self.map(node, shown)?;
        if entries.len() > names.most {
            self.too_many(node, shown, entries.len(), names.most);
            return None;
        }
        let mut written = Vec::new();
        for entry in entries {
            let key = Written {
                text: entry.key.clone(),
                plain: true,
                place: entry.place,
            };
            if matches!(entry.value.kind, Kind::Map(_)) {
                let message = format!(
                    "`{shown}` takes {}, and {} holds a map",
                    names.what,
                    quoted(&entry.key)
                );
                self.report(entry.place, Invalid::new(message).hint(names.hint));
            } else if let Some(value) = self.scalar(&entry.value, shown) {
                written.push((key, value));
            }
        }
        Some(written)
    }

    /// A value that must be there and must be one certain word.
    fn fixed(&mut self, document: &PolicyDocument, key: &str, expected: &str, root: &Node) {
        let there = match &root.kind {
            Kind::Map(entries) => entries.iter().any(|entry| entry.key == key),
            _ => false,
        };
        match document.one(key) {
            None if !there => self.report(
                root.place,
                Invalid::new(format!("`{key}` is missing"))
                    .hint(format!("add `{key}: {expected}`")),
            ),
            Some(written) if written.text != expected => {
                let message = format!(
                    "`{key}` is {}, and only `{expected}` is known",
                    quoted(&written.text)
                );
                self.report(
                    written.place,
                    Invalid::new(message).hint(format!("write `{key}: {expected}`")),
                );
            }
            _ => {}
        }
    }
}

/// `- file:read: /srv` is a map to YAML; that is to be said before its key is called unknown.
fn broken_permission<'map>(map: &'map [Entry], entries: &Entries) -> Option<&'map Entry> {
    match map {
        [only] if entries.main == Some("permission") && only.key.contains(':') => Some(only),
        _ => None,
    }
}
