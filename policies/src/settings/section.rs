/// A section of keys with a single value each: the values that hold, the values one policy names, and what is the same
/// for all of them – reading, layering, the floor's hold, and how they are shown.
///
/// Each key: name, type, path, `one` value or `many` words, how a floor holds it, what a change takes, how it is read.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident, $over:ident {
        $($(#[$key_doc:meta])* $key:ident: $type:ty = $path:literal, $form:ident, $rule:ident, $change:ident, $read:expr;)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub struct $name {
            $($(#[$key_doc])* pub $key: $crate::origin::Setting<$type>,)+
        }

        /// What one policy names of the section; the layer below holds for the rest.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub(crate) struct $over {
            $(pub(crate) $key: Option<$crate::origin::Setting<$type>>,)+
        }

        impl $over {
            pub(crate) const LEAVES: &'static [$crate::layout::Leaf] = &[
                $($crate::layout::Leaf { path: $path, form: $crate::settings::section::form!($form) }),+
            ];

            /// Reads the value of a key, if it is one of these.
            pub(crate) fn set(
                &mut self,
                path: &str,
                value: &$crate::document::Value,
                source: &$crate::origin::Source,
            ) -> Result<(), $crate::problem::Misplaced> {
                match path {
                    $($path => {
                        let (place, value) = $crate::settings::section::$form(value, $read)?;
                        let origin = source.at(place);
                        self.$key = Some($crate::origin::Setting { value, origin });
                    })+
                    _ => {}
                }
                Ok(())
            }

            /// These, and those of `below` where these say nothing.
            pub(crate) fn or(self, below: Self) -> Self {
                Self { $($key: self.$key.or(below.$key)),+ }
            }

            /// The section, if every key is named.
            pub(crate) fn complete(self) -> Option<$name> {
                Some($name { $($key: self.$key?),+ })
            }
        }

        impl $name {
            pub(crate) fn override_by(&mut self, over: &$over) {
                $(if let Some(over) = &over.$key {
                    self.$key.clone_from(over);
                })+
            }

            pub(crate) fn within(&mut self, floor: &$over, cuts: &mut $crate::floor::Cuts) {
                $(cuts.hold(
                    $path,
                    &mut self.$key,
                    floor.$key.as_ref(),
                    <$crate::breadth::$rule as $crate::breadth::Rule<$type>>::cut,
                );)+
            }

            pub(crate) fn keys<'policy>(&'policy self, keys: &mut Vec<$crate::keys::Key<'policy>>) {
                $(keys.push($crate::keys::Key::new(
                    $path,
                    &self.$key,
                    $crate::change::Change::$change,
                    <$crate::breadth::$rule as $crate::breadth::Rule<$type>>::breadth,
                ));)+
            }
        }
    };
}
pub(crate) use section;

/// The form of a key: `one` value or `many`.
macro_rules! form {
    (one) => {
        $crate::layout::Form::One
    };
    (many) => {
        $crate::layout::Form::Words($crate::settings::section::MOST_WORDS)
    };
}
pub(crate) use form;

use crate::document::Value;
use crate::fields::Written;
use crate::problem::{Invalid, Misplaced, Place};

/// Most words in a list of them.
pub(crate) const MOST_WORDS: usize = 64;

/// Reads a single value.
pub(crate) fn one<T>(
    value: &Value,
    read: impl Fn(&Written) -> Result<T, Invalid>,
) -> Result<(Place, T), Misplaced> {
    let Value::One(written) = value else {
        return Err(another_form());
    };
    let value = read(written).map_err(|invalid| Misplaced(written.place, invalid))?;
    Ok((written.place, value))
}

/// Reads a list of words.
pub(crate) fn many<T>(
    value: &Value,
    read: impl Fn(&[Written]) -> Result<T, Misplaced>,
) -> Result<(Place, T), Misplaced> {
    let Value::Many(items, place) = value else {
        return Err(another_form());
    };
    Ok((*place, read(items)?))
}

/// The layout says which form a path has, so that nobody gets here.
fn another_form() -> Misplaced {
    Misplaced(Place::START, Invalid::new("the value has another form"))
}
