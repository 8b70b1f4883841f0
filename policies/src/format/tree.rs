use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::problem::{Invalid, Place, Problem};

/// A policy's text as slots, each named by its index; the root is the first.
#[derive(Debug)]
pub(super) struct Tree {
    /// Comments about the file, before anything in it.
    pub(super) header: Vec<Line>,
    slots: Vec<Slot>,
}

/// An entry of a map, an item of a list, or the root.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Of an entry.
    pub(super) key: Option<String>,
    /// What stands above it.
    pub(super) before: Vec<Line>,
    /// What follows on its line.
    pub(super) comment: Option<String>,
    pub(super) value: Value,
    /// What stands below the last entry or item in it.
    pub(super) after: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// One or more empty lines.
    Blank,
    /// From `#` to the last character.
    Comment(String),
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar {
        text: String,
        /// Without quotes.
        plain: bool,
    },
    List(Vec<usize>),
    Map(Vec<usize>),
}

impl Default for Value {
    fn default() -> Self {
        Self::Map(Vec::new())
    }
}

impl Tree {
    pub(super) fn root(&self) -> &Slot {
        &self.slots[0]
    }

    pub(super) fn slot(&self, index: usize) -> &Slot {
        &self.slots[index]
    }
}

/// Takes a text apart that is a policy: one document, a map, without aliases.
pub(super) fn read(text: &str) -> Result<Tree, Problem> {
    let characters: Vec<char> = text.chars().collect();
    let mut reader = Reader {
        text: &characters,
        position: 0,
        tree: Tree {
            header: Vec::new(),
            slots: Vec::new(),
        },
        open: Vec::new(),
        closed: Vec::new(),
        awaiting: None,
        ended: None,
        pending: Vec::new(),
    };
    for event in Parser::new(StrInput::new(text)) {
        let (event, span) = event.map_err(|error| no_longer_yaml(&error))?;
        reader.take(event, span);
    }
    Ok(reader.tree)
}

/// Not to be met: the text was read before.
fn no_longer_yaml(error: &ScanError) -> Problem {
    let place = Place {
        line: error.marker().line(),
        column: error.marker().col() + 1,
    };
    Invalid::new("not valid YAML").at(place)
}

/// A map or list that is being read.
struct Open {
    slot: usize,
    /// Where it begins in its line; for a list in block style, its dashes.
    column: usize,
    /// Between brackets.
    flow: bool,
}

/// A comment or empty line that belongs to something still to be found.
struct Pending {
    /// Where it begins in its line.
    column: usize,
    line: Line,
}

struct Reader<'text> {
    text: &'text [char],
    /// What is before it was looked at, for comments.
    position: usize,
    tree: Tree,
    open: Vec<Open>,
    /// Those in block style that ended since the last slot began, the innermost first.
    closed: Vec<Open>,
    /// The entry whose value comes next.
    awaiting: Option<usize>,
    /// What ended last, and where.
    ended: Option<(usize, usize)>,
    pending: Vec<Pending>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) {
        let (start, end) = (span.start.index(), span.end.index());
        self.look_between(start);
        self.position = self.position.max(start);
        match event {
            Event::Scalar(text, style, ..) => {
                let slot = self.slot_at(span.start.col());
                let is_key = self.awaiting == Some(slot);
                let text = text.into_owned();
                if is_key {
                    self.tree.slots[slot].key = Some(text);
                } else {
                    let plain = style == ScalarStyle::Plain;
                    self.tree.slots[slot].value = Value::Scalar { text, plain };
                }
                match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => {
                        self.block_scalar(start, end, slot);
                    }
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                        self.position = self.end_of_quotes(start);
                    }
                    ScalarStyle::Plain => self.position = self.position.max(end),
                }
                self.ended = Some((self.position, slot));
            }
            Event::SequenceStart(..) => self.open(span, Value::List(Vec::new())),
            Event::MappingStart(..) => self.open(span, Value::Map(Vec::new())),
            // The parser counts comments behind a bracket to it.
            Event::SequenceEnd | Event::MappingEnd => self.close(start + 1),
            Event::StreamEnd => {
                self.look_between(self.text.len());
                self.settle(0, None);
            }
            _ => {}
        }
    }

    /// The slot that begins here: the value of the entry whose key was just read, else a new one.
    fn slot_at(&mut self, column: usize) -> usize {
        if let Some(slot) = self.awaiting.take() {
            self.settle(slot, Some(column));
            return slot;
        }
        let slot = self.tree.slots.len();
        self.tree.slots.push(Slot::default());
        let Some(around) = self.open.last() else {
            return slot;
        };
        let (column, is_first_of_root) = match &mut self.tree.slots[around.slot].value {
            Value::Map(entries) => {
                entries.push(slot);
                self.awaiting = Some(slot);
                (column, self.open.len() == 1 && entries.len() == 1)
            }
            Value::List(items) => {
                items.push(slot);
                (around.column, false)
            }
            Value::Scalar { .. } => (column, false),
        };
        if is_first_of_root {
            let is_blank = |pending: &Pending| pending.line == Line::Blank;
            if let Some(last) = self.pending.iter().rposition(is_blank) {
                let of_file = self.pending.drain(..=last).map(|pending| pending.line);
                self.tree.header = of_file.collect();
                self.tree.header.pop();
                if self.tree.header.first() == Some(&Line::Blank) {
                    self.tree.header.remove(0);
                }
            }
        }
        self.settle(slot, Some(column));
        slot
    }

    fn open(&mut self, span: Span, value: Value) {
        // What stands above the first entry of a map is said of that entry.
        let slot = match self.awaiting.take() {
            Some(slot) => slot,
            None => self.slot_at(span.start.col()),
        };
        self.tree.slots[slot].value = value;
        let first = self.text.get(span.start.index());
        let flow = matches!(first, Some('[' | '{'));
        self.open.push(Open {
            slot,
            column: span.start.col(),
            flow,
        });
        if flow {
            self.position = span.start.index() + 1;
        }
    }

    fn close(&mut self, end: usize) {
        let Some(closed) = self.open.pop() else {
            return;
        };
        if !closed.flow {
            self.closed.push(closed);
            return;
        }
        if matches!(self.pending.last(), Some(last) if last.line == Line::Blank) {
            self.pending.pop();
        }
        let slot = &mut self.tree.slots[closed.slot];
        let into = match &slot.value {
            Value::List(inner) | Value::Map(inner) if !inner.is_empty() => &mut slot.after,
            _ => &mut slot.before,
        };
        for pending in self.pending.drain(..) {
            // An empty line above it may be there.
            if pending.line != Line::Blank || into.last() != Some(&Line::Blank) {
                into.push(pending.line);
            }
        }
        self.position = self.position.max(end);
        self.ended = Some((end, closed.slot));
    }

    /// The parser counts comments behind quotes to what is between them.
    fn end_of_quotes(&self, start: usize) -> usize {
        let quote = self.text[start];
        let mut at = start + 1;
        while let Some(character) = self.text.get(at) {
            let next_too = match character {
                '\\' => quote == '"',
                other if *other == quote => {
                    // Two single quotes stand for one.
                    let doubled = quote == '\'' && self.text.get(at + 1) == Some(&quote);
                    if !doubled {
                        return at + 1;
                    }
                    true
                }
                _ => false,
            };
            at += if next_too { 2 } else { 1 };
        }
        self.text.len()
    }

    /// A block scalar takes the comment after `|` or `>`, and the empty lines below, for its own.
    fn block_scalar(&mut self, start: usize, end: usize, slot: usize) {
        let text = &self.text[start..end];
        let first_line = text.iter().take_while(|c| !is_break(**c));
        let header: String = first_line.collect();
        if let Some(at) = header.find('#') {
            self.comment_at(slot, header[at..].trim_end().to_owned());
        }
        let trailing = text.iter().rev().take_while(|c| c.is_whitespace()).count();
        self.position = end - trailing;
    }

    /// Finds comments and empty lines between two things YAML knows.
    fn look_between(&mut self, end: usize) {
        let mut at = self.position;
        while at < end {
            match self.text[at] {
                '#' => at = self.comment(at),
                character if is_break(character) => {
                    if self.is_empty_between(self.line_start(at), at) {
                        self.blank();
                    }
                    let both = character == '\r' && self.text.get(at + 1) == Some(&'\n');
                    at += if both { 2 } else { 1 };
                }
                _ => at += 1,
            }
        }
        self.position = at.max(self.position);
    }

    /// Takes the comment that begins there, and the line end behind it; gives where the next line begins.
    fn comment(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        let length = rest.iter().take_while(|c| !is_break(**c)).count();
        let text: String = rest[..length].iter().collect();
        let text = text.trim_end().to_owned();
        let start = self.line_start(at);
        let alone = self.is_empty_between(start, at);
        match self.ended {
            Some((end, slot)) if !alone && !self.text[end..at].iter().any(|c| is_break(*c)) => {
                self.comment_at(slot, text);
            }
            _ => self.pending.push(Pending {
                // Behind a dash or bracket it belongs to what comes next.
                column: if alone { at - start } else { 0 },
                line: Line::Comment(text),
            }),
        }
        let line_end = &rest[length..];
        let both = line_end.starts_with(&['\r', '\n']);
        at + length + if both { 2 } else { line_end.len().min(1) }
    }

    fn comment_at(&mut self, slot: usize, text: String) {
        let slot = &mut self.tree.slots[slot];
        if slot.comment.is_none() {
            slot.comment = Some(text);
        } else {
            slot.before.push(Line::Comment(text));
        }
    }

    fn blank(&mut self) {
        let again = matches!(self.pending.last(), Some(last) if last.line == Line::Blank);
        if !again {
            self.pending.push(Pending {
                column: 0,
                line: Line::Blank,
            });
        }
    }

    /// Finds for each comment what it belongs to: the slot that begins at `column` now, or the map or list that ended
    /// before and that it is indented with. Without a column the text ends.
    fn settle(&mut self, slot: usize, column: Option<usize>) {
        let closed = std::mem::take(&mut self.closed);
        let mut candidates = closed.as_slice();
        let mut blank = false;
        for Pending { column: own, line } in std::mem::take(&mut self.pending) {
            if line == Line::Blank {
                blank = true;
                continue;
            }
            let deeper = column.is_none_or(|column| own > column);
            let found = candidates.iter().position(|closed| closed.column <= own);
            let lines = match found {
                Some(index) if deeper => {
                    candidates = &candidates[index..];
                    &mut self.tree.slots[candidates[0].slot].after
                }
                _ if column.is_none() => &mut self.tree.slots[slot].after,
                _ => {
                    candidates = &[];
                    &mut self.tree.slots[slot].before
                }
            };
            if std::mem::take(&mut blank) {
                lines.push(Line::Blank);
            }
            lines.push(line);
        }
        if blank && column.is_some() {
            self.tree.slots[slot].before.push(Line::Blank);
        }
    }

    fn line_start(&self, at: usize) -> usize {
        let before = &self.text[..at];
        before
            .iter()
            .rposition(|c| is_break(*c))
            .map_or(0, |last| last + 1)
    }

    fn is_empty_between(&self, start: usize, end: usize) -> bool {
        let mut between = self.text[start..end].iter();
        between.all(|c| c.is_whitespace() || *c == '\u{feff}')
    }
}

fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r')
}
