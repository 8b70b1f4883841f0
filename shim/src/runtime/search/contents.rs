//! Lines of a file that match a pattern.

use std::fs::File;
use std::io::{Error, Read};

use deno_error::JsErrorBox;
use grep_matcher::{LineTerminator, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{Searcher, SearcherBuilder, Sink, SinkMatch};

/// The longest pattern in bytes.
const MOST_PATTERN_BYTES: usize = 4096;

/// How large a compiled pattern may be: a look takes time by that, too.
const PATTERN_MEMORY: usize = 128 * 1024;

/// How large what is kept while it runs may be.
const RUNNING_MEMORY: usize = 1 << 20;

/// How deep a pattern may be nested.
const PATTERN_DEPTH: u32 = 64;

/// How much of a file is looked at at once. A line that is longer is looked at in pieces.
const CHUNK: usize = 64 * 1024;

/// How much of a line is told, in bytes.
const MOST_TEXT_BYTES: usize = 1024;

/// A pattern, and what searches by it.
pub(super) struct Pattern {
    matcher: RegexMatcher,
    searcher: Searcher,
}

/// What makes a pattern of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PatternOptions {
    pub(super) literal: bool,
    pub(super) ignore_case: bool,
}

impl Pattern {
    /// Compiles it: its cost is bounded, and searching by it takes time by the length of what is
    /// searched (the `regex` crate's syntax and promise).
    pub(super) fn new(text: &str, options: PatternOptions) -> Result<Self, JsErrorBox> {
        if text.len() > MOST_PATTERN_BYTES {
            let length = text.len();
            return Err(JsErrorBox::type_error(format!(
                "`pattern` has {length} bytes, with a limit of {MOST_PATTERN_BYTES}"
            )));
        }
        let matcher = RegexMatcherBuilder::new()
            .fixed_strings(options.literal)
            .case_insensitive(options.ignore_case)
            .multi_line(true)
            .crlf(true)
            .size_limit(PATTERN_MEMORY)
            .dfa_size_limit(RUNNING_MEMORY)
            .nest_limit(PATTERN_DEPTH)
            .build(text)
            .map_err(|error| JsErrorBox::type_error(format!("no usable `pattern`: {error}")))?;
        let searcher = SearcherBuilder::new()
            .line_terminator(LineTerminator::crlf())
            .line_number(true)
            .bom_sniffing(false)
            .build();
        Ok(Self { matcher, searcher })
    }
}

/// A line that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From one.
    pub(super) number: u64,
    /// Where the first match begins, in UTF-16 units, from one.
    pub(super) column: u64,
    /// The line, cut to its first kibibyte.
    pub(super) text: String,
}

/// A file that is being searched.
pub(super) struct Reading {
    file: File,
    pub(super) path: String,
    buffer: Vec<u8>,
    /// The number of the line that the buffer begins in.
    line: u64,
    /// What came before of that line, in UTF-16 units.
    column: u64,
    begun: bool,
}

/// What came of a look at a part of a file.
pub(super) struct Looked {
    pub(super) lines: Vec<Line>,
    pub(super) bytes: u64,
    /// There is no more of it, or it is no text.
    pub(super) over: bool,
}

impl Reading {
    pub(super) fn new(file: File, path: String) -> Self {
        Self {
            file,
            path,
            buffer: Vec::new(),
            line: 1,
            column: 0,
            begun: false,
        }
    }

    /// Looks at the next part, or to the last of so many lines in it. What holds a zero byte is no text.
    pub(super) fn look(&mut self, pattern: &mut Pattern, most: usize) -> Result<Looked, Error> {
        let before = self.buffer.len();
        let room = CHUNK.saturating_sub(before) as u64;
        let read = (&mut self.file).take(room).read_to_end(&mut self.buffer)?;
        let ended = (read as u64) < room;
        let bytes = read as u64;
        if self.buffer[before..].contains(&0) {
            return Ok(Looked {
                lines: Vec::new(),
                bytes,
                over: true,
            });
        }
        if !self.begun {
            self.begun = true;
            if self.buffer.starts_with("\u{feff}".as_bytes()) {
                self.buffer.drain(..3);
            }
        }
        let last = self.buffer.iter().rposition(|byte| *byte == b'\n');
        let end = match last {
            Some(last) if !ended => last + 1,
            _ => self.buffer.len(),
        };
        let (lines, searched) = self.search(pattern, end, most)?;
        self.pass(searched);
        Ok(Looked {
            lines,
            bytes,
            over: ended && searched == end,
        })
    }

    /// The lines that match, and up to where was searched.
    fn search(
        &self,
        pattern: &mut Pattern,
        end: usize,
        most: usize,
    ) -> Result<(Vec<Line>, usize), Error> {
        let mut found = Found {
            matcher: &pattern.matcher,
            most,
            lines: Vec::new(),
            end: 0,
        };
        let part = &self.buffer[..end];
        (pattern.searcher).search_slice(&pattern.matcher, part, &mut found)?;
        for line in &mut found.lines {
            if line.number == 1 {
                line.column += self.column;
            }
            line.number += self.line - 1;
        }
        let searched = match found.lines.len() < most {
            true => end,
            false => found.end,
        };
        Ok((found.lines, searched))
    }

    /// Goes on behind what was searched.
    fn pass(&mut self, end: usize) {
        let part = &self.buffer[..end];
        let lines = part.iter().filter(|byte| **byte == b'\n').count();
        self.line += lines as u64;
        let rest = match part.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => {
                self.column = 0;
                &part[last + 1..]
            }
            None => part,
        };
        self.column += units(rest);
        self.buffer.drain(..end);
    }
}

fn units(bytes: &[u8]) -> u64 {
    String::from_utf8_lossy(bytes).encode_utf16().count() as u64
}

struct Found<'m> {
    matcher: &'m RegexMatcher,
    most: usize,
    lines: Vec<Line>,
    /// Where the last of them ends.
    end: usize,
}

impl Sink for &mut Found<'_> {
    type Error = Error;

    fn matched(&mut self, _: &Searcher, matched: &SinkMatch<'_>) -> Result<bool, Error> {
        let line = matched.bytes();
        let start = usize::try_from(matched.absolute_byte_offset()).map_err(Error::other)?;
        self.end = start + line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let first = self.matcher.find(line).map_err(Error::other)?;
        let start = first.map_or(0, |first| first.start());
        let mut text =
            String::from_utf8_lossy(&line[..line.len().min(MOST_TEXT_BYTES)]).into_owned();
        // The cut may have gone through a character.
        if line.len() > MOST_TEXT_BYTES && text.ends_with('\u{fffd}') {
            text.pop();
        }
        self.lines.push(Line {
            number: matched.line_number().unwrap_or(1),
            column: units(&line[..start]) + 1,
            text,
        });
        Ok(self.lines.len() < self.most)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, PatternOptions::default())
            .map_err(|error| error.to_string())
            .expect(text)
    }

    fn lines(pattern: &mut Pattern, content: &[u8], most: usize) -> Vec<(u64, u64, String)> {
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(content).expect("written");
        file.rewind().expect("file");
        let mut reading = Reading::new(file, String::new());
        let mut found = Vec::new();
        let mut bytes = 0;
        loop {
            let looked = reading.look(pattern, most).expect("read");
            found.extend(looked.lines);
            bytes += looked.bytes;
            if looked.over {
                break;
            }
        }
        assert!(bytes <= content.len() as u64);
        let told = found.into_iter();
        told.map(|line| (line.number, line.column, line.text))
            .collect()
    }

    #[test]
    fn lines_are_told_with_their_number_and_the_place_of_the_match() {
        let content = "one\ntwo é𝄞 x\r\n\nx at the end".as_bytes();
        let found = lines(&mut pattern("x( |$)"), content, 10);
        let expected = [
            (2, 9, "two é𝄞 x".to_owned()),
            (4, 1, "x at the end".to_owned()),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            lines(&mut pattern("^one$"), b"\xef\xbb\xbfone\n", 10).len(),
            1
        );
        assert_eq!(lines(&mut pattern("none"), content, 10), []);
        assert_eq!(lines(&mut pattern("^$"), b"", 10), []);
    }

    #[test]
    fn numbers_go_on_from_one_part_of_a_file_to_the_next() {
        let mut content = String::new();
        for number in 1..=30_000 {
            content += &format!("line {number}\n");
        }
        let found = lines(&mut pattern("^line [0-9]*000$"), content.as_bytes(), 100);
        assert_eq!(found.len(), 30);
        for (index, (number, column, text)) in found.iter().enumerate() {
            let expected = (index as u64 + 1) * 1000;
            assert_eq!((*number, *column), (expected, 1));
            assert_eq!(*text, format!("line {expected}"));
        }
    }

    #[test]
    fn a_look_ends_at_its_last_line_and_the_next_goes_on_behind_it() {
        let content = "x\n\nx\r\ny\n".repeat(50);
        for most in [1, 7, 100] {
            let found = lines(&mut pattern("x"), content.as_bytes(), most);
            let numbers: Vec<_> = found.iter().map(|line| line.0).collect();
            let expected: Vec<_> = (0..50).flat_map(|at| [at * 4 + 1, at * 4 + 3]).collect();
            assert_eq!(numbers, expected);
        }
        let mut file = tempfile::tempfile().expect("file");
        file.write_all(content.as_bytes()).expect("written");
        file.rewind().expect("file");
        let looked = Reading::new(file, String::new()).look(&mut pattern("x"), 7);
        let looked = looked.expect("read");
        assert_eq!((looked.lines.len(), looked.over), (7, false));
    }

    #[test]
    fn a_line_without_an_end_is_looked_at_in_pieces_and_told_cut() {
        let content = ["a".repeat(200_000), "needle".to_owned(), "b".repeat(10)].concat();
        let found = lines(&mut pattern("needle"), content.as_bytes(), 10);
        let [(1, 200_001, text)] = &found[..] else {
            panic!("{found:?}");
        };
        assert!(text.len() <= MOST_TEXT_BYTES);
        let wide = "é".repeat(2000);
        let found = lines(&mut pattern("é"), wide.as_bytes(), 10);
        assert_eq!(found[0].2, "é".repeat(512));
        let shifted = format!("a{wide}");
        let found = lines(&mut pattern("é"), shifted.as_bytes(), 10);
        assert_eq!(found[0].2.len(), 1023);
    }

    #[test]
    fn what_is_no_text_is_passed_over_and_what_is_badly_encoded_is_not() {
        assert_eq!(lines(&mut pattern("x"), b"x\0x\n", 10), []);
        let found = lines(&mut pattern("x"), b"\xff\xfex\n", 10);
        assert_eq!(found, [(1, 3, "\u{fffd}\u{fffd}x".to_owned())]);
    }

    #[test]
    fn a_pattern_is_bounded_in_every_way() {
        let refused = |text: &str| Pattern::new(text, PatternOptions::default()).is_err();
        for text in [
            "(",
            "a{1000}{1000}",
            r"(?:\pL{1000}){1000}",
            r"(?:abcdefghij){1000}",
            "a\nb",
            r"(a)\1",
            "(?=a)",
        ] {
            assert!(refused(text), "{text}");
        }
        assert!(refused(&"a".repeat(MOST_PATTERN_BYTES + 1)));
        assert!(refused(&format!("{}a{}", "(".repeat(100), ")".repeat(100))));
        assert!(!refused(r"\w+\s*=\s*\w+"));
    }

    #[test]
    fn letters_of_either_case_and_texts_with_signs_are_found_as_asked() {
        let options = PatternOptions {
            literal: true,
            ignore_case: true,
        };
        let mut both = Pattern::new("A.b(", options)
            .map_err(|error| error.to_string())
            .expect("pattern");
        assert_eq!(lines(&mut both, b"a.B(\naxb(\n", 10).len(), 1);
    }
}
