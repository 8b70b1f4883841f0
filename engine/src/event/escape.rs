//! A plugin's text on its way to a terminal or a log.

use std::fmt::Write;

/// The text on one line without anything a terminal acts on: control characters, and those that
/// turn the direction of writing or cannot be seen, are written as `\u{1b}`.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let hidden = matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        match letter {
            '\t' => safe.push('\t'),
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            _ if letter.is_control() || hidden => {
                // Writing to a string cannot fail.
                let _infallible = write!(safe, "{}", letter.escape_unicode());
            }
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_acts_on_gets_through() {
        assert_eq!(
            escape("a\u{1b}[2Jb\nc\u{202e}d\u{9b}1m"),
            "a\\u{1b}[2Jb\\nc\\u{202e}d\\u{9b}1m"
        );
        let all: String = (0..0x11_0000).filter_map(char::from_u32).collect();
        let safe = escape(&all);
        assert!(
            safe.chars()
                .all(|letter| letter == '\t' || !letter.is_control())
        );
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(escape("Köbe 神戸\t31 °C 🌤"), "Köbe 神戸\t31 °C 🌤");
    }
}
