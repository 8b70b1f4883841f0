use super::write::WIDTH;

/// A single value in the spelling it keeps: without quotes where YAML reads the same without them.
pub(super) fn spelled(text: &str, plain: bool) -> String {
    if is_plain(text) && (plain || !means_more(text)) {
        text.to_owned()
    } else {
        in_quotes(text)
    }
}

/// A key: what only other readers take for something else needs no quotes, as the `on` of `restart`.
pub(super) fn key_spelled(key: &str) -> String {
    if is_plain(key) && !is_no_text(key) {
        key.to_owned()
    } else {
        in_quotes(key)
    }
}

/// Read as it stands everywhere in a policy, between brackets too. Less than YAML allows.
fn is_plain(text: &str) -> bool {
    let first = |c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '.');
    let rest = |c: char| c == ' ' || (!is_hidden(c) && !",[]{}".contains(c));
    text.starts_with(first)
        && text.chars().all(rest)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
}

/// Without quotes some reader of YAML takes it for something else than text.
fn means_more(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    is_no_text(text)
        || ["yes", "no", "on", "off", "y", "n"].contains(&word.as_str())
        || (word.contains(|c: char| c.is_ascii_digit())
            && word
                .chars()
                .all(|c| c.is_ascii_hexdigit() || ".:_-+xo".contains(c)))
}

fn is_no_text(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    ["null", "true", "false"].contains(&word.as_str()) || text.parse::<f64>().is_ok()
}

fn in_quotes(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // What nobody would see, or what ends a line somewhere.
            _ if character != ' ' && is_hidden(character) => {
                let code = u32::from(character);
                out.push_str(&match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                });
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

fn is_hidden(character: char) -> bool {
    // The standard library escapes for showing what is not printable.
    character.is_whitespace()
        || (!matches!(character, '\'' | '"' | '\\') && character.escape_debug().len() > 1)
}

/// The lines of a text that is too long for one line or has several, with `>-`, `|-` or `|` before them; `None` where it
/// is better in quotes. `column` is where the lines are to begin.
pub(super) fn in_lines(text: &str, column: usize) -> Option<(&'static str, Vec<&str>)> {
    if text.starts_with([' ', '\n']) || text.chars().any(|c| c != '\n' && c != ' ' && is_hidden(c))
    {
        return None;
    }
    if !text.contains('\n') {
        let lines = folded(text, WIDTH.saturating_sub(column).max(40))?;
        return Some((">-", lines));
    }
    let (style, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let lines: Vec<&str> = body.split('\n').collect();
    let trimmed = lines.iter().all(|line| !line.ends_with(' '));
    (trimmed && !body.ends_with('\n')).then_some((style, lines))
}

/// Breaks at single spaces; `None` where that does not give two lines at least.
fn folded(text: &str, width: usize) -> Option<Vec<&str>> {
    if text.ends_with(' ') || text.contains("  ") {
        return None;
    }
    let mut lines = Vec::new();
    let mut rest = text;
    while rest.chars().count() > width {
        let within = rest
            .char_indices()
            .nth(width)
            .map_or(rest.len(), |(at, _)| at);
        let (head, tail) = rest.split_at(within);
        let at = match tail.find(' ') {
            Some(0) => Some(within),
            later => head.rfind(' ').or(later.map(|at| within + at)),
        };
        let Some(at) = at else { break };
        lines.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    lines.push(rest);
    (lines.len() > 1).then_some(lines)
}
