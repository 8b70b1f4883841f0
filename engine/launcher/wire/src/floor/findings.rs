//! The rules a bundle was found to break.

use serde_json::Value;

use super::BelowFloor;

/// More findings tell nobody more.
const MAX_FINDINGS: usize = 20;

/// The most characters shown of a key the engine sent.
const MAX_KEY_CHARACTERS: usize = 64;

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<String>);

impl Findings {
    /// Notes a broken rule.
    pub(super) fn require(&mut self, holds: bool, broken: impl FnOnce() -> String) {
        if !holds && self.0.len() < MAX_FINDINGS {
            self.0.push(broken());
        }
    }

    /// The value at `path` is exactly this one.
    pub(super) fn equal(&mut self, path: &str, found: &Value, known: &Value) {
        self.require(found == known, || format!("`{path}` is not `{known}`"));
    }

    /// The value at `path` is an object and has no key but these.
    pub(super) fn keys(&mut self, path: &str, found: &Value, known: &[&str]) {
        let Some(object) = found.as_object() else {
            self.require(false, || format!("`{path}` is missing or no object"));
            return;
        };
        let separator = if path.is_empty() { "" } else { "." };
        for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
            let key: String = key.chars().take(MAX_KEY_CHARACTERS).collect();
            self.require(false, || {
                format!("`{path}{separator}{}` is present", key.escape_debug())
            });
        }
    }

    /// The judgement.
    pub(super) fn result(self) -> Result<(), BelowFloor> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(BelowFloor(self.0))
        }
    }
}

/// The elements of a list; none where it is missing or no list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A plain decimal number, as the kernel's files take it.
pub(super) fn is_decimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_known_keys_pass() {
        let mut findings = Findings::default();
        findings.keys("a", &json!({ "b": 1 }), &["b", "c"]);
        assert_eq!(findings.result(), Ok(()));
        for found in [json!({ "d": null }), json!([]), Value::Null] {
            let mut findings = Findings::default();
            findings.keys("a", &found, &["b", "c"]);
            assert!(findings.result().is_err(), "{found}");
        }
    }

    #[test]
    fn the_text_of_many_findings_stays_short() {
        let mut findings = Findings::default();
        let hostile: serde_json::Map<_, _> = (0..1000)
            .map(|number| ("\u{1b}".repeat(1000) + &number.to_string(), Value::Null))
            .collect();
        findings.keys("a", &Value::Object(hostile), &[]);
        let text = findings.result().unwrap_err().to_string();
        assert!(text.len() < 20_000, "{}", text.len());
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn decimal_numbers_are_digits_that_fit() {
        assert!(is_decimal("0") && is_decimal("18446744073709551615"));
        for bad in [
            "",
            "+1",
            "-1",
            "1k",
            " 1",
            "1\n",
            "max",
            "18446744073709551616",
        ] {
            assert!(!is_decimal(bad), "{bad:?}");
        }
    }
}
