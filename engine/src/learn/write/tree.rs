//! A policy's text as a tree of keys, whoever puts them there in whatever order.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What stands at a key.
#[derive(Debug)]
pub(super) enum Node {
    /// More keys.
    Keys(BTreeMap<String, Node>),
    /// A value as it is to be written, and what is said about it.
    Value(String, Option<String>),
    /// A list: each item is its lines. What is said about it as a whole.
    List(Vec<Vec<String>>, Option<String>),
}

impl Node {
    /// An item that is a single value.
    pub(super) fn item(value: &str, remark: &str) -> Vec<String> {
        vec![format!("{value}  # {remark}")]
    }
}

/// The keys of a policy.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// Puts something at a path. What is there already stays.
    pub(super) fn put(&mut self, path: &[&str], node: Node) {
        let Some((last, above)) = path.split_last() else {
            return;
        };
        let mut keys = &mut self.0;
        for key in above {
            let below = keys
                .entry((*key).to_owned())
                .or_insert_with(|| Node::Keys(BTreeMap::new()));
            match below {
                Node::Keys(below) => keys = below,
                Node::Value(..) | Node::List(..) => return,
            }
        }
        keys.entry((*last).to_owned()).or_insert(node);
    }

    /// As YAML.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        write_keys(&mut text, &self.0, 0);
        text
    }
}

fn write_keys(text: &mut String, keys: &BTreeMap<String, Node>, depth: usize) {
    for (key, node) in keys {
        // `memory.high` is a key of its own under `requirements`.
        let key = if key.contains('.') {
            quoted(key)
        } else {
            key.clone()
        };
        match node {
            Node::Keys(below) => {
                line(text, depth, &format!("{key}:"), None);
                write_keys(text, below, depth + 1);
            }
            Node::Value(value, remark) => {
                line(text, depth, &format!("{key}: {value}"), remark.as_deref());
            }
            Node::List(items, remark) if items.is_empty() => {
                line(text, depth, &format!("{key}: []"), remark.as_deref());
            }
            Node::List(items, remark) => {
                line(text, depth, &format!("{key}:"), remark.as_deref());
                for item in items {
                    for (number, part) in item.iter().enumerate() {
                        let dash = if number == 0 { "- " } else { "  " };
                        line(text, depth + 1, &format!("{dash}{part}"), None);
                    }
                }
            }
        }
    }
}

fn line(text: &mut String, depth: usize, line: &str, remark: Option<&str>) {
    let remark = remark.map_or(String::new(), |remark| format!("  # {remark}"));
    // Writing to a string cannot fail.
    let _infallible = writeln!(text, "{:width$}{line}{remark}", "", width = 2 * depth);
}

/// As a text that YAML reads as it is: in double quotes, with all that cannot be seen escaped
/// (YAML 1.2, section 5.7).
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ => {
                let _infallible = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A list on one line.
pub(super) fn flow<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_section_come_together_whoever_puts_them() {
        let mut tree = Tree::default();
        let value = |value: &str| Node::Value(value.to_owned(), None);
        tree.put(&["network", "limits", "sent"], value("1MiB"));
        tree.put(&["level"], value("standard"));
        let item = Node::item("\"a\"", "seen once");
        let more = vec!["host: \"b\"".to_owned(), "port: 1".to_owned()];
        tree.put(
            &["network", "endpoints"],
            Node::List(vec![item, more], None),
        );
        tree.put(&["network", "limits", "sent"], value("2MiB"));
        tree.put(&["requirements", "memory.high"], value("required"));
        tree.put(
            &["syscalls", "deny"],
            Node::List(Vec::new(), Some("none".to_owned())),
        );
        assert_eq!(
            tree.text(),
            "level: standard\nnetwork:\n  endpoints:\n    - \"a\"  # seen once\n    - host: \"b\"\n      port: 1\n  \
             limits:\n    sent: 1MiB\nrequirements:\n  \"memory.high\": required\nsyscalls:\n  deny: []  # none\n"
        );
    }

    #[test]
    fn a_plugins_text_stays_within_its_quotes() {
        assert_eq!(
            quoted("a\"b\\c\nd \u{e9}"),
            "\"a\\\"b\\\\c\\U0000000ad \\U000000e9\""
        );
        assert_eq!(flow(["GET", "a]"]), "[\"GET\", \"a]\"]");
    }
}
