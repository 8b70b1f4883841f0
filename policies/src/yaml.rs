use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use crate::problem::{Invalid, Place, Problem, escaped, quoted};

/// Largest policy file, in bytes.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// Deepest nesting; the language itself needs 6.
const MAX_DEPTH: usize = 16;

/// Deepest nesting of a file with schemas in it.
const MAX_DEPTH_WITH_SCHEMAS: usize = 64;

/// Most values and keys in one file: room for some thousand endpoints with all their keys.
const MAX_NODES: usize = 131_072;

/// Keys of a map up to which they are compared one by one.
const FEW_KEYS: usize = 16;

/// A value with the place where it starts.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Already reported; asking for it again reports nothing.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes, so that YAML would read `32` as a number and nothing as null.
    pub(crate) plain: bool,
}

impl Scalar {
    /// YAML's null: nothing at all, `~` or `null`, without quotes.
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    fn is_text(&self) -> bool {
        let boolean = matches!(self.text.to_ascii_lowercase().as_str(), "true" | "false");
        !self.plain || !(self.is_null() || boolean || self.text.parse::<f64>().is_ok())
    }
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

/// Reads one YAML document.
///
/// What YAML allows and a policy does not need is pushed to `problems` and reading goes on: anchors, aliases,
/// tags, duplicate keys, keys that are no text. What makes the rest unreadable is the error.
pub(crate) fn read(text: &str, problems: &mut Vec<Problem>) -> Result<Node, Problem> {
    read_within(text, MAX_DEPTH, problems)
}

/// The same of a file that may have schemas in it.
pub(crate) fn read_deep(text: &str, problems: &mut Vec<Problem>) -> Result<Node, Problem> {
    read_within(text, MAX_DEPTH_WITH_SCHEMAS, problems)
}

fn read_within(
    text: &str,
    most_depth: usize,
    problems: &mut Vec<Problem>,
) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the file is {} bytes long, above the most allowed {MAX_BYTES}",
            text.len()
        );
        return Err(Invalid::new(message).at(Place::START));
    }
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        problems,
        nodes: 0,
        most_depth,
    };
    reader.document()
}

struct Reader<'text, 'problems> {
    parser: Parser<'text, StrInput<'text>>,
    problems: &'problems mut Vec<Problem>,
    nodes: usize,
    most_depth: usize,
}

impl<'text> Reader<'text, '_> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut first = self.next()?;
        while matches!(first.0, Event::StreamStart | Event::DocumentStart(_)) {
            first = self.next()?;
        }
        let (event, place) = first;
        if event == Event::StreamEnd {
            return Err(Invalid::new("the file is empty")
                .hint("begin with `apiVersion: lazaret/v1` and `kind: SecurityPolicy`")
                .at(Place::START));
        }
        let root = self.node(event, place, 1)?;
        let mut after = self.next()?;
        while after.0 == Event::DocumentEnd {
            after = self.next()?;
        }
        match after {
            (Event::StreamEnd, _) => Ok(root),
            (_, place) => Err(Invalid::new("a second document begins here")
                .hint("keep one policy in one file, without `---` between parts")
                .at(place)),
        }
    }

    fn next(&mut self) -> Result<(Event<'text>, Place), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(&span.start))),
            Some(Err(error)) => Err(syntax_problem(&error)),
            None => Err(Invalid::new("the policy ends too early").at(Place::START)),
        }
    }

    fn node(&mut self, event: Event<'text>, place: Place, depth: usize) -> Result<Node, Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message =
                format!("the file has more than the most allowed {MAX_NODES} keys and values");
            return Err(Invalid::new(message).at(place));
        }
        if depth > self.most_depth {
            let most = self.most_depth;
            let message = format!("nested {depth} levels deep, above the most allowed {most}");
            return Err(Invalid::new(message).at(place));
        }
        let kind = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), place);
                Kind::Scalar(Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                })
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), place);
                Kind::List(self.list(depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(anchor, tag.is_some(), place);
                Kind::Map(self.map(depth)?)
            }
            Event::Alias(_) => {
                self.report(
                    place,
                    Invalid::new("aliases (`*name`) are not allowed").hint("write the value out"),
                );
                Kind::Refused
            }
            _ => return Err(Invalid::new("expected a value here").at(place)),
        };
        Ok(Node { place, kind })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, place) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, place, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Problem> {
        let mut entries = Vec::new();
        let mut seen: HashMap<String, Place> = HashMap::new();
        loop {
            let (event, place) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = self.node(event, place, depth + 1)?;
            let (event, value_place) = self.next()?;
            let value = self.node(event, value_place, depth + 1)?;
            let key = match key.kind {
                Kind::Refused => continue,
                Kind::Scalar(scalar) if scalar.is_text() => scalar.text,
                _ => {
                    self.report(place, Invalid::new("a key must be a word"));
                    continue;
                }
            };
            // A hash costs more than a few comparisons.
            let first = match entries.len() {
                0..FEW_KEYS => entries
                    .iter()
                    .find(|one| one.key == key)
                    .map(|one| one.place),
                FEW_KEYS => {
                    seen = entries
                        .iter()
                        .map(|one| (one.key.clone(), one.place))
                        .collect();
                    seen.get(&key).copied()
                }
                _ => seen.get(&key).copied(),
            };
            if let Some(first) = first {
                let message = format!(
                    "key {} is given twice, first on line {}",
                    quoted(&key),
                    first.line
                );
                self.report(place, Invalid::new(message).hint("keep one of the two"));
                continue;
            }
            if entries.len() >= FEW_KEYS {
                seen.insert(key.clone(), place);
            }
            entries.push(Entry { key, place, value });
        }
    }

    fn refuse_marks(&mut self, anchor: usize, tagged: bool, place: Place) {
        if anchor != 0 {
            self.report(
                place,
                Invalid::new("anchors (`&name`) are not allowed").hint("write each value out"),
            );
        }
        if tagged {
            self.report(
                place,
                Invalid::new("tags (`!name`) are not allowed").hint("take the tag away"),
            );
        }
    }

    fn report(&mut self, place: Place, invalid: Invalid) {
        self.problems.push(invalid.at(place));
    }
}

fn place(marker: &Marker) -> Place {
    // The parser counts lines from 1 and columns from 0.
    Place {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

fn syntax_problem(error: &ScanError) -> Problem {
    let invalid = Invalid::new(format!("not valid YAML: {}", escaped(error.info())));
    let hint = if error.info().contains("anchor") {
        "put a value that begins with `*` or `&` in quotes"
    } else {
        "check indentation, quotes and brackets here and on the line before"
    };
    invalid.hint(hint).at(place(error.marker()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(problem) = read(text, &mut problems) {
            problems.push(problem);
        }
        problems
            .iter()
            .map(|problem| format!("{}:{}: {}", problem.line, problem.column, problem.message))
            .collect()
    }

    #[test]
    fn places_count_from_one_in_characters() {
        let mut problems = Vec::new();
        let root = read("é: { ü: 1 }\nb:\n  - c\n", &mut problems).expect("valid");
        let Kind::Map(entries) = root.kind else {
            panic!("a map")
        };
        assert_eq!(entries[0].value.place, Place { line: 1, column: 4 });
        assert_eq!(entries[1].place, Place { line: 2, column: 1 });
        let Kind::List(items) = &entries[1].value.kind else {
            panic!("a list")
        };
        assert_eq!(items[0].place, Place { line: 3, column: 5 });
    }

    #[test]
    fn what_a_policy_does_not_need_is_refused() {
        assert_eq!(
            messages("a: &x 1\nb: *x\nc: !!str 2\na: 3\n1: d\n[e]: f\n~: g\n"),
            [
                "1:4: anchors (`&name`) are not allowed",
                "2:4: aliases (`*name`) are not allowed",
                "3:4: tags (`!name`) are not allowed",
                "4:1: key `a` is given twice, first on line 1",
                "5:1: a key must be a word",
                "6:1: a key must be a word",
                "7:1: a key must be a word",
            ]
        );
        let many: String = (0..40).map(|number| format!("k{number}: 1\n")).collect();
        for again in [0, 15, 16, 17, 39] {
            let message = format!(
                "41:1: key `k{again}` is given twice, first on line {}",
                again + 1
            );
            assert_eq!(messages(&format!("{many}k{again}: 2\n")), [message]);
        }
        assert_eq!(
            messages("a: 1\n---\nb: 2\n"),
            ["2:1: a second document begins here"]
        );
        assert_eq!(messages(" # nothing\n"), ["1:1: the file is empty"]);
    }

    #[test]
    fn depth_and_number_of_values_are_capped() {
        for (text, place) in [("[".repeat(100), "1:17"), ("- ".repeat(100_000), "1:33")] {
            let expected = format!("{place}: nested 17 levels deep, above the most allowed 16");
            assert_eq!(messages(&text), [expected]);
        }
        assert!(
            messages(&"[".repeat(100_000))[0].contains("not valid YAML"),
            "the parser has a cap of its own"
        );
        let wide = messages(&format!("[{}]", "1,".repeat(MAX_NODES)));
        assert!(
            wide[0].ends_with("more than the most allowed 131072 keys and values"),
            "{wide:?}"
        );
        let long = messages(&"#".repeat(MAX_BYTES + 1));
        assert_eq!(
            long,
            ["1:1: the file is 1048577 bytes long, above the most allowed 1048576"]
        );
    }
}
