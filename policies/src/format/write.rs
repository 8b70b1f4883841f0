use super::order::{one_spelling, rank};
use super::scalar::{in_lines, key_spelled, spelled};
use super::tree::{Line, Slot, Tree, Value};

/// Longest line, in characters, comments not counted; what does not fit is broken where it can be.
pub(super) const WIDTH: usize = 100;

/// Where a comment behind a value begins, in characters from the start of the line.
const COMMENTS: usize = 31;

pub(super) fn document(tree: &Tree) -> String {
    let mut writer = Writer {
        tree,
        out: String::new(),
    };
    writer.lines(&tree.header, 0);
    if !tree.header.is_empty() {
        writer.out.push('\n');
    }
    writer.sections();
    writer.lines(&tree.root().after, 0);
    writer.out
}

struct Writer<'tree> {
    tree: &'tree Tree,
    out: String,
}

impl<'tree> Writer<'tree> {
    /// The entries of the root, an empty line around each that takes more than one line.
    fn sections(&mut self) {
        let mut last_was_long = false;
        for (index, slot) in self.ordered(self.tree.root(), "").into_iter().enumerate() {
            let before = self.out.len();
            self.entry(slot, "", 0);
            let section = self.out.split_off(before);
            let long = section.lines().count() > 1;
            let asked = slot.before.first() == Some(&Line::Blank);
            if index > 0 && (long || last_was_long || asked) {
                self.out.push('\n');
            }
            self.lines(without_first_blank(&slot.before), 0);
            self.out.push_str(&section);
            last_was_long = long;
        }
    }

    /// The entries of a map, in order; the first with its own lines before it only where `first_too`.
    fn entries(&mut self, map: &'tree Slot, path: &str, indent: usize, first_too: bool) {
        for (index, slot) in self.ordered(map, path).into_iter().enumerate() {
            if index > 0 {
                self.lines(&slot.before, indent);
            } else if first_too {
                self.lines(without_first_blank(&slot.before), indent);
            }
            if index > 0 || first_too {
                self.indent(indent);
            }
            self.entry(slot, path, indent);
        }
        self.lines(&map.after, indent);
    }

    /// One entry from its key on, with all that is in it.
    fn entry(&mut self, slot: &'tree Slot, around: &str, indent: usize) {
        let key = slot.key.as_deref().unwrap_or_default();
        let path = below(around, key);
        let start = self.line_start();
        self.out.push_str(&key_spelled(key));
        self.out.push(':');
        let room = WIDTH.saturating_sub(self.width(start) + 1);
        if let Some(text) = self.on_one_line(slot, &path, room) {
            self.out.push(' ');
            self.out.push_str(&text);
            self.end_line(start, slot.comment.as_deref());
            return;
        }
        match &slot.value {
            Value::Scalar { text, plain } => self.long_text(slot, text, *plain, start, indent + 2),
            Value::List(items) => {
                self.end_line(start, slot.comment.as_deref());
                for (index, item) in items.iter().enumerate() {
                    let item = self.tree.slot(*item);
                    self.item(item, &format!("{path}[]"), indent + 2, index == 0);
                }
                self.lines(&slot.after, indent + 2);
            }
            Value::Map(_) => {
                self.end_line(start, slot.comment.as_deref());
                self.entries(slot, &path, indent + 2, true);
            }
        }
    }

    fn item(&mut self, item: &'tree Slot, path: &str, indent: usize, first: bool) {
        let before = if first {
            without_first_blank(&item.before)
        } else {
            &item.before
        };
        self.lines(before, indent);
        // What stands above the first key in an item stands above the item.
        let of_first = self.ordered(item, path).into_iter().take(1);
        let of_first = of_first.flat_map(|first| first.before.iter());
        for line in of_first.filter(|line| **line != Line::Blank) {
            self.lines(std::slice::from_ref(line), indent);
        }
        let start = self.out.len();
        let room = WIDTH.saturating_sub(indent + 2);
        if let Some(text) = self.on_one_line(item, path, room) {
            self.indent(indent);
            self.out.push_str("- ");
            self.out.push_str(&text);
            self.end_line(start, item.comment.as_deref());
            return;
        }
        match &item.value {
            Value::Scalar { text, plain } => {
                self.indent(indent);
                self.out.push_str("- ");
                self.out.push_str(&spelled(text, *plain));
                self.end_line(start, item.comment.as_deref());
            }
            Value::Map(_) | Value::List(_) => {
                // It has no line of its own to stand behind.
                let own = item.comment.iter().cloned().map(Line::Comment);
                self.lines(&own.collect::<Vec<_>>(), indent);
                self.indent(indent);
                self.out.push_str("- ");
                self.entries(item, path, indent + 2, false);
            }
        }
    }

    /// A text that does not fit behind its key.
    fn long_text(&mut self, slot: &Slot, text: &str, plain: bool, start: usize, indent: usize) {
        self.out.push(' ');
        let Some((style, lines)) = in_lines(text, indent) else {
            self.out.push_str(&spelled(text, plain));
            self.end_line(start, slot.comment.as_deref());
            return;
        };
        self.out.push_str(style);
        self.end_line(start, slot.comment.as_deref());
        for line in lines {
            if !line.is_empty() {
                self.indent(indent);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
    }

    /// The value on one line, where it is short, holds no comments, and little in each other.
    fn on_one_line(&self, slot: &Slot, path: &str, room: usize) -> Option<String> {
        let is_item = path.ends_with("[]");
        let text = match &slot.value {
            Value::Scalar { text, plain } => scalar(text, *plain, path)?,
            // Each on a line of its own is what reviews of grants need.
            Value::List(items) if !items.is_empty() && !path.contains('.') => return None,
            Value::List(_) => self.list(slot, path)?,
            Value::Map(_) => self.map(slot, path, is_item)?,
        };
        (text.chars().count() <= room).then_some(text)
    }

    fn list(&self, slot: &Slot, path: &str) -> Option<String> {
        let Value::List(items) = &slot.value else {
            return None;
        };
        let items: Vec<&Slot> = items.iter().map(|index| self.tree.slot(*index)).collect();
        let bare = slot.after.is_empty() && items.iter().all(|item| is_bare(item));
        let texts = items.iter().map(|item| match &item.value {
            Value::Scalar { text, plain } if bare => scalar(text, *plain, path),
            _ => None,
        });
        let texts: Option<Vec<String>> = texts.collect();
        Some(format!("[{}]", texts?.join(", ")))
    }

    fn map(&self, slot: &Slot, path: &str, is_item: bool) -> Option<String> {
        if matches!(&slot.value, Value::Map(entries) if entries.is_empty()) {
            return Some("{}".to_owned());
        }
        let entries = self.ordered(slot, path);
        let is_bare = |(index, entry): (usize, &&Slot)| {
            is_bare(entry) || (is_item && index == 0 && entry.comment.is_none())
        };
        if !slot.after.is_empty() || !entries.iter().enumerate().all(is_bare) {
            return None;
        }
        let texts: Option<Vec<String>> = entries
            .into_iter()
            .map(|entry| {
                let key = entry.key.as_deref().unwrap_or_default();
                let path = below(path, key);
                let text = match &entry.value {
                    Value::Scalar { text, plain } => scalar(text, *plain, &path)?,
                    Value::List(items) if is_item || items.is_empty() => self.list(entry, &path)?,
                    Value::Map(entries) if entries.is_empty() => "{}".to_owned(),
                    _ => return None,
                };
                Some(format!("{}: {text}", key_spelled(key)))
            })
            .collect();
        Some(format!("{{ {} }}", texts?.join(", ")))
    }

    fn ordered(&self, map: &'tree Slot, path: &str) -> Vec<&'tree Slot> {
        let Value::Map(entries) = &map.value else {
            return Vec::new();
        };
        let mut slots: Vec<&Slot> = entries.iter().map(|index| self.tree.slot(*index)).collect();
        slots.sort_by_cached_key(|slot| rank(path, slot.key.as_deref().unwrap_or_default()));
        slots
    }

    fn lines(&mut self, lines: &[Line], indent: usize) {
        for line in lines {
            if let Line::Comment(text) = line {
                self.indent(indent);
                self.out.push_str(text);
            }
            self.out.push('\n');
        }
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn line_start(&self) -> usize {
        self.out.rfind('\n').map_or(0, |last| last + 1)
    }

    fn width(&self, start: usize) -> usize {
        self.out[start..].chars().count()
    }

    fn end_line(&mut self, start: usize, comment: Option<&str>) {
        if let Some(comment) = comment {
            let missing = COMMENTS.saturating_sub(self.width(start));
            self.indent(missing.max(2));
            self.out.push_str(comment);
        }
        self.out.push('\n');
    }
}

/// Without a comment above it or behind it.
fn is_bare(slot: &Slot) -> bool {
    slot.comment.is_none() && slot.before.iter().all(|line| *line == Line::Blank)
}

fn without_first_blank(lines: &[Line]) -> &[Line] {
    match lines {
        [Line::Blank, rest @ ..] => rest,
        all => all,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn scalar(text: &str, plain: bool, path: &str) -> Option<String> {
    let text = one_spelling(path, text);
    (!text.contains('\n')).then(|| spelled(&text, plain))
}
