use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::change::Change;
use crate::name::{EnvName, PluginName, ProgramName, WindowClass};
use crate::network::{HostPattern, Port};
use crate::path::GrantPath;
use crate::problem::{Invalid, name_hint, quoted};
use crate::settings::Section;
use crate::word::words;

/// Every form a permission may take, for hints.
const FORMS: [&str; 11] = [
    "network:read:HOST",
    "network:connect:HOST:PORT",
    "file:read:/PATH",
    "file:write:/PATH",
    "exec:run:PROGRAM",
    "env:read:NAME",
    "message:send:PLUGIN",
    "window:list:CLASS",
    "window:focus:CLASS",
    "window:move:CLASS",
    "window:close:CLASS",
];

/// The first two parts of every form.
const ACTS: [&str; 11] = [
    "network:read",
    "network:connect",
    "file:read",
    "file:write",
    "exec:run",
    "env:read",
    "message:send",
    "window:list",
    "window:focus",
    "window:move",
    "window:close",
];

words! {
    /// What may be done to the windows of a display.
    WindowAct, "act on windows" {
        /// See them: their titles, their classes, where they are.
        List = "list",
        /// Have one take what is typed.
        Focus = "focus",
        /// Put one elsewhere, or give it another size.
        Move = "move",
        /// Ask one to close.
        Close = "close",
    }
}

/// One thing a plugin may do, or asks to do; written `file:read:/srv/data`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// `network:read:HOST`: fetch from the host over HTTPS on port 443.
    NetworkRead(HostPattern),
    /// `network:connect:HOST:PORT`: open a connection and speak anything on it.
    NetworkConnect(HostPattern, Port),
    /// `file:read:/PATH`: read the file, or everything under the directory.
    FileRead(GrantPath),
    /// `file:write:/PATH`: write the file, or everything under the directory; does not allow reading.
    FileWrite(GrantPath),
    /// `exec:run:PROGRAM`: run the program of that name.
    ExecRun(ProgramName),
    /// `env:read:NAME`: read the environment variable.
    EnvRead(EnvName),
    /// `message:send:PLUGIN`: send messages to the plugin.
    MessageSend(PluginName),
    /// `window:ACT` or `window:ACT:CLASS`: do this to windows of the granted display, or only to those of a class.
    Window(WindowAct, Option<WindowClass>),
}

impl Permission {
    /// The path of a file.
    pub(crate) fn path(&self) -> Option<&GrantPath> {
        match self {
            Self::FileRead(path) | Self::FileWrite(path) => Some(path),
            _ => None,
        }
    }

    /// Whether who has this permission may do `other`.
    ///
    /// Files go by components of the path, hosts by their patterns. A connection to port 443 covers `network:read` of
    /// the same hosts; nothing else covers anything of another kind.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::FileRead(mine), Self::FileRead(theirs))
            | (Self::FileWrite(mine), Self::FileWrite(theirs)) => mine.holds(theirs),
            (Self::NetworkConnect(mine, port), Self::NetworkRead(theirs)) => {
                mine.covers(theirs) && *port == Port::HTTPS
            }
            (Self::NetworkRead(mine), Self::NetworkRead(theirs)) => mine.covers(theirs),
            (Self::NetworkConnect(mine, port), Self::NetworkConnect(theirs, other)) => {
                mine.covers(theirs) && port == other
            }
            (Self::Window(mine, None), Self::Window(theirs, _)) => mine == theirs,
            _ => self == other,
        }
    }

    /// The section of a policy it belongs to.
    #[must_use]
    pub const fn section(&self) -> Section {
        match self {
            Self::NetworkRead(_) | Self::NetworkConnect(..) => Section::Network,
            Self::FileRead(_) | Self::FileWrite(_) => Section::Filesystem,
            Self::ExecRun(_) => Section::Exec,
            Self::EnvRead(_) => Section::Env,
            Self::MessageSend(_) => Section::Messaging,
            Self::Window(..) => Section::Window,
        }
    }

    /// What it takes to give it to a plugin that runs, or to take it away. The first way to the network, which
    /// [`EffectivePolicy::plan`](crate::EffectivePolicy::plan) knows, takes a new container.
    #[must_use]
    pub const fn change(&self) -> Change {
        match self {
            // What may be read is mounted when the container is made.
            Self::FileRead(_) => Change::Recreate,
            // The environment is handed over at the start.
            Self::EnvRead(_) => Change::Restart,
            Self::NetworkRead(_)
            | Self::NetworkConnect(..)
            | Self::FileWrite(_)
            | Self::ExecRun(_)
            | Self::MessageSend(_)
            | Self::Window(..) => Change::Live,
        }
    }

    fn act(&self) -> &'static str {
        match self {
            Self::NetworkRead(_) => "network:read",
            Self::NetworkConnect(..) => "network:connect",
            Self::FileRead(_) => "file:read",
            Self::FileWrite(_) => "file:write",
            Self::ExecRun(_) => "exec:run",
            Self::EnvRead(_) => "env:read",
            Self::MessageSend(_) => "message:send",
            Self::Window(WindowAct::List, _) => "window:list",
            Self::Window(WindowAct::Focus, _) => "window:focus",
            Self::Window(WindowAct::Move, _) => "window:move",
            Self::Window(WindowAct::Close, _) => "window:close",
        }
    }
}

impl FromStr for Permission {
    type Err = Invalid;

    /// # Errors
    /// Anything that is not one of the forms exactly, with the near form or the reason its last part is refused.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let second_colon = text.match_indices(':').nth(1).map(|(index, _)| index);
        let (act, object) = match second_colon {
            Some(index) => (&text[..index], &text[index + 1..]),
            None => (text, ""),
        };
        if text == "kv" {
            let hint = "write `kv: { size: 16MiB }`: a policy says how much is kept";
            return Err(Invalid::new("`kv` is a section, and no permission").hint(hint));
        }
        let Some(known) = ACTS.iter().position(|known| *known == act) else {
            return Err(Invalid::new(format!("{} is no permission", quoted(text)))
                .hint(name_hint(act, &ACTS)));
        };
        let window = act.strip_prefix("window:").map(str::parse::<WindowAct>);
        if let (Some(window), None) = (&window, second_colon) {
            return window.clone().map(|act| Self::Window(act, None));
        }
        if object.is_empty() {
            let hint = format!("write `{}`", FORMS[known]);
            return Err(
                Invalid::new(format!("{} names nothing it is for", quoted(text))).hint(hint),
            );
        }
        if let Some(window) = window {
            return Ok(Self::Window(window?, Some(object.parse()?)));
        }
        match act {
            "network:read" => object.parse().map(Self::NetworkRead),
            "network:connect" => connection(object),
            "file:read" => object.parse().map(Self::FileRead),
            "file:write" => object.parse().map(Self::FileWrite),
            "exec:run" => object.parse().map(Self::ExecRun),
            "env:read" => object.parse().map(Self::EnvRead),
            _ => object.parse().map(Self::MessageSend),
        }
    }
}

fn connection(object: &str) -> Result<Permission, Invalid> {
    match object.rsplit_once(':') {
        Some((host, port)) if !port.starts_with("//") => {
            let host = host.parse()?;
            Ok(Permission::NetworkConnect(host, port.parse()?))
        }
        _ => {
            let host: HostPattern = object.parse()?;
            let hint =
                format!("write the port after the host, such as `network:connect:{host}:443`");
            Err(Invalid::new(format!("a connection to `{host}` needs a port")).hint(hint))
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = self.act();
        match self {
            Self::NetworkRead(host) => write!(out, "{act}:{host}"),
            Self::NetworkConnect(host, port) => write!(out, "{act}:{host}:{port}"),
            Self::FileRead(path) | Self::FileWrite(path) => write!(out, "{act}:{path}"),
            Self::ExecRun(name) => write!(out, "{act}:{name}"),
            Self::EnvRead(name) => write!(out, "{act}:{name}"),
            Self::MessageSend(name) => write!(out, "{act}:{name}"),
            Self::Window(_, None) => out.write_str(act),
            Self::Window(_, Some(class)) => write!(out, "{act}:{class}"),
        }
    }
}

impl Serialize for Permission {
    /// As it is written in a policy.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(text: &str) -> Permission {
        text.parse().expect(text)
    }

    #[test]
    fn every_form_reads_and_writes_the_same() {
        let written = [
            "network:read:api.example.com",
            "network:connect:db.internal:5432",
            "network:read:*.example.com",
            "network:connect:.example.com:443",
            "file:read:/data",
            "file:write:/data/a:b",
            "exec:run:jq",
            "exec:run:g++",
            "env:read:TZ",
            "message:send:weather-2",
            "window:list",
            "window:close:org.gnome.Files",
        ];
        for text in written {
            assert_eq!(permission(text).to_string(), text);
        }
    }

    #[test]
    fn broken_permissions_say_what_is_wrong() {
        let cases = [
            ("", "`` is no permission"),
            ("file", "`file` is no permission"),
            ("file:raed:/x", "`file:raed:/x` is no permission"),
            ("file:read", "`file:read` names nothing it is for"),
            ("file:read:", "`file:read:` names nothing it is for"),
            ("FILE:read:/x", "`FILE:read:/x` is no permission"),
            ("file:read: /x", "path ` /x` is not absolute"),
            (
                "network:read:a.example:443",
                "host `a.example:443` has a port",
            ),
            (
                "network:read:https://a.example",
                "host `https://a.example` has a scheme",
            ),
            (
                "network:connect:a.example",
                "a connection to `a.example` needs a port",
            ),
            ("network:connect:a.example:0", "`0` is no port"),
            ("network:connect:a.example:0443", "`0443` is no port"),
            ("network:connect:a.example:+443", "`+443` is no port"),
            ("network:connect:a.example:70000", "`70000` is no port"),
            (
                "network:connect:https://a.example",
                "host `https://a.example` has a scheme",
            ),
            (
                "network:connect:https://a.example:443",
                "host `https://a.example` has a scheme",
            ),
            (
                "network:connect:[::1]:443",
                "host `[::1]` is an address, and a policy names hosts",
            ),
            ("network:connect:*:443", "host `*` is every host there is"),
            ("exec:run:/bin/sh", "`/bin/sh` is no program name"),
            ("exec:run:..", "`..` is no program name"),
            ("exec:run:-c", "`-c` is no program name"),
            (
                "env:read:A=B",
                "`A=B` is no name of an environment variable",
            ),
            ("message:send:a/b", "`a/b` is no plugin name"),
            ("kv", "`kv` is a section, and no permission"),
            ("window", "`window` is no permission"),
            ("window:open", "`window:open` is no permission"),
            ("window:list:", "`window:list:` names nothing it is for"),
            ("window:list:*", "`*` is no class of a window"),
            ("window:list:a b", "`a b` is no class of a window"),
        ];
        for (text, message) in cases {
            let error = text.parse::<Permission>().expect_err(text);
            assert_eq!(error.to_string(), message);
            assert!(error.advice().is_some(), "{text} has a hint");
        }
        let near = "file:raed:/x".parse::<Permission>().expect_err("misspelt");
        assert_eq!(near.advice(), Some("did you mean `file:read`?"));
    }

    #[test]
    fn a_permission_covers_itself_and_what_lies_under_it_only() {
        let cases = [
            ("file:read:/data", "file:read:/data", true),
            ("file:read:/data", "file:read:/data/in/x", true),
            ("file:read:/data", "file:read:/database", false),
            ("file:read:/data/in", "file:read:/data", false),
            ("file:write:/data", "file:write:/data/out", true),
            ("file:write:/data", "file:read:/data", false),
            ("file:read:/data", "file:write:/data", false),
            (
                "network:connect:h.example:443",
                "network:read:h.example",
                true,
            ),
            (
                "network:connect:h.example:80",
                "network:read:h.example",
                false,
            ),
            (
                "network:connect:h.example:443",
                "network:read:g.example",
                false,
            ),
            (
                "network:read:h.example",
                "network:connect:h.example:443",
                false,
            ),
            ("network:read:example", "network:read:h.example", false),
            (
                "network:connect:h.example:443",
                "network:connect:h.example:444",
                false,
            ),
            ("exec:run:jq", "exec:run:jq", true),
            ("exec:run:jq", "exec:run:j", false),
            ("env:read:TZ", "env:read:TZ", true),
            ("env:read:TZ", "env:read:TZDIR", false),
            ("message:send:a", "message:send:b", false),
            ("window:list", "window:list:XTerm", true),
            ("window:list:XTerm", "window:list", false),
            ("window:list:XTerm", "window:list:Gimp", false),
            ("window:list", "window:close", false),
            ("window:close:XTerm", "window:close:XTerm", true),
        ];
        for (mine, theirs, expected) in cases {
            assert_eq!(
                permission(mine).covers(&permission(theirs)),
                expected,
                "{mine} covers {theirs}"
            );
        }
    }
}
