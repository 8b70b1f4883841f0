//! What somebody asks about.

use std::str::FromStr;

use lazaret_policy::{Invalid, Permission};
use syscalls::Sysno;

use super::request::Request;
use crate::acts::KV;

/// Farthest that a name may be from the one that is meant.
const NEAR: usize = 2;

/// One thing a plugin would do.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// What a permission names.
    Permission(Permission),
    /// A request of HTTP.
    Request(Request),
    /// Keeping values, which a section grants and no permission.
    Kv,
    /// A system call of the plugin's process.
    SystemCall(Sysno),
}

/// Reads `syscall:NAME`, `network:METHOD:URL`, `kv` or a permission.
pub(super) fn parse(text: &str) -> Result<Act, String> {
    if text == KV {
        return Ok(Act::Kv);
    }
    if let Some(name) = text.strip_prefix("syscall:") {
        return system_call(name).map(Act::SystemCall);
    }
    let request = text
        .strip_prefix("network:")
        .filter(|rest| rest.contains("://"));
    if let Some(request) = request {
        return request.parse().map(Act::Request);
    }
    text.parse::<Permission>()
        .map(Act::Permission)
        .map_err(|invalid: Invalid| {
            let hint = invalid.advice().map(|hint| format!("\n  hint: {hint}"));
            format!("{invalid}{}", hint.unwrap_or_default())
        })
}

fn system_call(name: &str) -> Result<Sysno, String> {
    Sysno::from_str(name).map_err(|_| {
        let near = Sysno::iter()
            .map(|call| (strsim::damerau_levenshtein(name, call.name()), call))
            .filter(|(distance, _)| *distance <= NEAR)
            .min_by_key(|(distance, _)| *distance);
        let hint = match near {
            Some((_, call)) => format!("did you mean `{}`?", call.name()),
            None => "write a name as syscalls(2) has it, such as `syscall:ptrace`".to_owned(),
        };
        format!(
            "`{}` is no system call here\n  hint: {hint}",
            name.escape_debug()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_act_is_read() {
        assert!(matches!(
            parse("syscall:ptrace"),
            Ok(Act::SystemCall(Sysno::ptrace))
        ));
        assert!(matches!(parse("kv"), Ok(Act::Kv)));
        assert!(matches!(
            parse("file:read:/srv"),
            Ok(Act::Permission(Permission::FileRead(_)))
        ));
        assert!(matches!(
            parse("network:read:api.example.com"),
            Ok(Act::Permission(Permission::NetworkRead(_)))
        ));
        assert!(matches!(
            parse("network:GET:https://api.example.com/v1"),
            Ok(Act::Request(_))
        ));
    }

    #[test]
    fn what_is_no_act_is_refused_with_a_near_one() {
        for (text, part) in [
            ("syscall:ptrcae", "did you mean `ptrace`?"),
            ("syscall:", "syscalls(2)"),
            ("syscall:a\u{1b}[2J", r"\u{1b}"),
            ("file:raed:/srv", "did you mean `file:read`?"),
            ("network:GET:ftp://a.example.com/", "`http` or `https`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(parse(&format!("syscall:{}", "x".repeat(100_000))).is_err());
    }
}
