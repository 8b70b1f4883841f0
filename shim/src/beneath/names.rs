//! Names that do not exist for the plugin.

/// Whether any component of a path matches any of the patterns. The engine's own temporary files
/// are never seen.
pub(super) fn any_ignored(path: &str, patterns: &[String]) -> bool {
    path.split('/').any(|name| is_ignored(name, patterns))
}

/// Whether a name matches any of the patterns.
pub(super) fn is_ignored(name: &str, patterns: &[String]) -> bool {
    name.starts_with(lazaret_protocol::TEMPORARY_NAME)
        || patterns.iter().any(|pattern| matches(pattern, name))
}

/// Whether the name is what the pattern says, in which each `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The leftmost place leaves the most for what follows.
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, name, expected) in [
            (".git", ".git", true),
            (".git", ".gitignore", false),
            ("*.pem", "key.pem", true),
            ("*.pem", "key.pem.txt", false),
            ("id_*", "id_rsa", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXc", false),
            ("a*a", "a", false),
            ("*a*", "bab", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn one_hidden_component_hides_the_path() {
        let patterns = vec![".git".to_owned()];
        assert!(any_ignored("a/.git/config", &patterns));
        assert!(any_ignored("a/.lazaret-0123", &[]));
        assert!(!any_ignored("a/git/config", &patterns));
    }
}
