/// A text of one shape: a first byte and other bytes of certain kinds, up to a length.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $noun:literal, $longest:literal, $first:expr, $rest:expr, $hint:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::problem::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::problem::Invalid> {
                let first: fn(u8) -> bool = $first;
                let rest: fn(u8) -> bool = $rest;
                let shaped = text.bytes().next().is_some_and(first) && text.bytes().all(rest);
                if shaped && text.len() <= $longest {
                    Ok(Self(text.to_owned()))
                } else {
                    let message = format!("{} is no {}", $crate::problem::quoted(text), $noun);
                    Err($crate::problem::Invalid::new(message).hint($hint))
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(&self.0)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}
pub(crate) use name;

name!(
    /// The name of a program, without a path.
    ProgramName, "program name", 64,
    |byte| byte.is_ascii_alphanumeric() || byte == b'_',
    |byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte),
    "use the program's bare name, such as `jq`, without a path or arguments"
);
name!(
    /// The name of an environment variable.
    EnvName, "name of an environment variable", 128,
    |byte| byte.is_ascii_alphabetic() || byte == b'_',
    |byte| byte.is_ascii_alphanumeric() || byte == b'_',
    "use letters, digits and `_`, at most 128, such as `TZ`"
);
name!(
    /// The class of a window, which its program says itself.
    WindowClass, "class of a window", 64,
    |byte| byte.is_ascii_alphanumeric() || byte == b'_',
    |byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte),
    "use the second part of `WM_CLASS` as `xprop` tells it, such as `XTerm`; without a class every window is meant"
);
name!(
    /// The name of a plugin.
    PluginName, "plugin name", 64,
    |byte| byte.is_ascii_alphanumeric(),
    |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte),
    "use letters, digits, `_`, `.` and `-`, at most 64, a letter or digit first"
);
