//! How far an act reaches beyond the paths it names.

use std::path::Path;

use lazaret_protocol::Act;

/// The directory that must be granted for the act to be done again from the same beginning; `None`
/// where the paths it names are enough. A name is made, or taken away, in a directory: a grant of
/// the name alone does not hold what is not there yet.
pub(super) fn reach(act: &Act, is_there: &dyn Fn(&str) -> bool) -> Option<String> {
    match act {
        Act::MakeDirectory { path, .. } => {
            let mut above = parent(path)?;
            while !is_there(above) {
                above = parent(above)?;
            }
            Some(above.to_owned())
        }
        Act::Rename { from, to } => {
            let mut above = parent(from)?;
            while !Path::new(to).starts_with(above) {
                above = parent(above)?;
            }
            Some(above.to_owned())
        }
        Act::Write { .. }
        | Act::Remove { .. }
        | Act::RemoveAll { .. }
        | Act::Run { .. }
        | Act::Kv(_)
        | Act::Window(_) => None,
    }
}

fn parent(path: &str) -> Option<&str> {
    Path::new(path).parent().and_then(Path::to_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(act: &Act) -> Option<String> {
        reach(act, &|path| ["/", "/srv", "/srv/out"].contains(&path))
    }

    #[test]
    fn a_directory_is_made_in_the_nearest_one_that_is_there() {
        for (path, expected) in [
            ("/srv/out/a", "/srv/out"),
            ("/srv/out/a/b/c", "/srv/out"),
            ("/srv/out", "/srv"),
        ] {
            let act = Act::MakeDirectory {
                path: path.to_owned(),
                parents: true,
            };
            assert_eq!(reached(&act).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_name_is_changed_below_what_holds_both() {
        let rename = |from: &str, to: &str| {
            let act = Act::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            };
            reached(&act)
        };
        assert_eq!(rename("/srv/a/1", "/srv/a/2").as_deref(), Some("/srv/a"));
        assert_eq!(rename("/srv/a/1", "/srv/b/1").as_deref(), Some("/srv"));
        assert_eq!(rename("/srv/a", "/srv/a/b").as_deref(), Some("/srv"));
    }

    #[test]
    fn a_file_is_written_by_its_own_name() {
        let act = Act::Remove {
            path: "/srv/out/a".to_owned(),
        };
        assert_eq!(reached(&act), None);
    }
}
