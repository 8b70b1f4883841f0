use lazaret_protocol::Problem;
use oxc_diagnostics::OxcDiagnostic;
use oxc_span::Span;

/// The longest message, and the longest line of source with it, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// The diagnostic as a problem, if there is one.
pub(crate) fn error_in(text: &str, diagnostic: Option<&OxcDiagnostic>) -> Result<(), Problem> {
    let Some(diagnostic) = diagnostic else {
        return Ok(());
    };
    let span = diagnostic.labels.first().map(|label| label.span());
    Err(problem_at(text, &diagnostic.message, span))
}

/// A problem at a place, or at the start of the file.
pub(crate) fn problem_at(text: &str, message: &str, span: Option<Span>) -> Problem {
    let offset = span.map_or(0, |span| span.start as usize).min(text.len());
    let before = &text[..text.floor_char_boundary(offset)];
    let start = before.rfind(LINE_ENDS).map_or(0, |end| {
        end + before[end..].chars().next().map_or(0, char::len_utf8)
    });
    let line = text[start..].split(LINE_ENDS).next().unwrap_or_default();
    let lines = before.matches(LINE_ENDS).count() - before.matches("\r\n").count();
    Problem {
        line: number(lines + 1),
        column: number(before[start..].encode_utf16().count() + 1),
        message: cut(message),
        text: cut(line),
    }
}

/// ECMAScript's line terminators.
const LINE_ENDS: [char; 4] = ['\n', '\r', '\u{2028}', '\u{2029}'];

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_an_editor_does() {
        let text = "a\r\nbé𝄞c\nlast";
        let at = |part: &str| {
            let start = u32::try_from(text.find(part).unwrap()).unwrap();
            let problem = problem_at(text, "m", Some(Span::new(start, start)));
            (problem.line, problem.column, problem.text)
        };
        assert_eq!(at("a"), (1, 1, "a".to_owned()));
        assert_eq!(at("c"), (2, 5, "bé𝄞c".to_owned()));
        assert_eq!(at("last"), (3, 1, "last".to_owned()));
        let nowhere = problem_at(text, "m", Some(Span::new(999, 999)));
        assert_eq!((nowhere.line, nowhere.text.as_str()), (3, "last"));
    }

    #[test]
    fn a_long_line_is_cut() {
        let problem = problem_at(&"é".repeat(1000), &"x".repeat(1000), None);
        assert_eq!(problem.text.len(), MAX_TEXT_BYTES);
        assert_eq!(problem.message.len(), MAX_TEXT_BYTES);
    }
}
