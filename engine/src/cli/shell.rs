//! Words of commands that a hint proposes, as a shell reads them.

use std::borrow::Cow;

/// The text as one word of a POSIX shell: as it is where nothing in it means anything there, else in single quotes.
pub(super) fn word(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./:@%+=,".contains(letter);
    match !text.is_empty() && text.chars().all(plain) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(format!("'{}'", text.replace('\'', r"'\''"))),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_needs_no_quotes_gets_none() {
        for text in ["/srv/data-1/p.yaml", "network:connect:a.test:443", "Köbe"] {
            assert_eq!(word(text), text);
        }
        assert_eq!(word("/srv/my state"), "'/srv/my state'");
    }

    #[test]
    fn a_shell_reads_what_was_written() {
        for text in [
            "",
            "a b",
            "it's",
            "$(id)`id`;id&",
            "~",
            "*",
            "\"\\",
            "#",
            "a\nb",
            "!x",
        ] {
            let script = format!("printf %s {}", word(text));
            let read = Command::new("/bin/sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(read.stdout, text.as_bytes(), "{script}");
        }
    }
}
