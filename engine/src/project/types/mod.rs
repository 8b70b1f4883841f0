//! The TypeScript declarations of exactly what a plugin may use: the web platform that it finds, what its grants give, and its
//! own functions as its manifest describes them.

mod functions;
mod grants;
mod schema;

use lazaret_policy::{EffectivePolicy, PluginManifest};

const WEB: &str = include_str!("parts/web.d.ts");
const DENO: &str = include_str!("parts/deno.d.ts");
const WRITE: &str = include_str!("parts/write.d.ts");
const COMMAND: &str = include_str!("parts/command.d.ts");
const ENV: &str = include_str!("parts/env.d.ts");
const LAZARET: &str = include_str!("parts/lazaret.d.ts");
const KV: &str = include_str!("parts/kv.d.ts");
const WINDOW: &str = include_str!("parts/window.d.ts");
const CONNECT: &str = include_str!("parts/connect.d.ts");
const SECRETS: &str = include_str!("parts/secrets.d.ts");
const FETCH: &str = include_str!("parts/fetch.d.ts");

const HEAD: &str = "\
// Written by `lazaret types`: exactly what this plugin may use. Write it anew when its `plugin.yaml` or its
// policy changes. To be checked with `lib` of TypeScript set to the language alone, as `\"lib\": [\"esnext\"]`.
";

/// The text of a `.d.ts`.
pub fn declarations(manifest: Option<&PluginManifest>, policy: &EffectivePolicy) -> String {
    let grants = grants::Grants::of(policy);
    let mut parts = vec![HEAD.to_owned()];
    parts.extend(grants.names());
    parts.push(functions::functions(manifest));
    parts.push(DENO.to_owned());
    let given = [
        (grants.writes, WRITE),
        (!grants.programs.is_empty(), COMMAND),
        (!grants.variables.is_empty(), ENV),
        (!grants.urls.is_empty(), FETCH),
        (!grants.places.is_empty(), CONNECT),
        (true, LAZARET),
        (!grants.secrets.is_empty(), SECRETS),
        (policy.kv().size.value.bytes() > 0, KV),
        (crate::acts::sees_windows(policy), WINDOW),
        (true, WEB),
    ];
    parts.extend(
        given
            .into_iter()
            .filter(|one| one.0)
            .map(|one| one.1.to_owned()),
    );
    parts.join("\n")
}

/// A text as TypeScript has it.
fn literal(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let mut safe = String::with_capacity(quoted.len());
    for letter in quoted.chars() {
        if is_hidden(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// Whether a terminal or an editor acts on it instead of showing it: controls, what changes the
/// direction of a text or ends its line, what nobody sees.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lazaret_policy::{EffectivePolicy, SecurityLevel, SecurityPolicy};

    use super::*;

    fn policy(body: &str) -> EffectivePolicy {
        let text = format!("apiVersion: lazaret/v1\nkind: SecurityPolicy\n{body}\n");
        let policy = SecurityPolicy::parse("p", &text).unwrap();
        EffectivePolicy::of(SecurityLevel::Standard).layer(&policy)
    }

    fn manifest(body: &str) -> PluginManifest {
        let text = format!("apiVersion: lazaret/v1\nkind: Plugin\n{body}\n");
        PluginManifest::parse("plugin.yaml", &text).unwrap()
    }

    /// The text without what every plugin has.
    fn own(manifest: Option<&PluginManifest>, policy: &EffectivePolicy) -> String {
        let text = declarations(manifest, policy);
        let text = text.replace(WEB, "").replace(DENO, "").replace(LAZARET, "");
        text.trim_end().to_owned()
    }

    #[test]
    fn what_is_not_granted_is_not_declared() {
        let text = own(None, &policy("permissions: []"));
        assert!(
            !text.contains("Granted") && !text.contains("fetch"),
            "{text}"
        );
    }

    #[test]
    fn windows_are_declared_where_some_are_granted_and_a_display_is_named() {
        let granted = "permissions: [ window:list ]";
        assert!(!own(None, &policy(granted)).contains("const window"));
        let named = format!("{granted}\nwindow: {{ display: ':7' }}");
        assert!(own(None, &policy(&named)).contains("const window"));
    }

    #[test]
    fn grants_are_declared_by_name() {
        let policy = policy(
            "permissions: [ 'exec:run:jq', 'env:read:TZ', 'network:read:api.example.com', 'file:write:/srv/out', \
             'network:connect:*.example.org:8443' ]\nenv: { set: { MODE: batch } }\n\
             secrets: [ { name: api-key, hosts: [ api.example.com ], from: { env: K } } ]",
        );
        insta::assert_snapshot!(own(None, &policy));
    }

    #[test]
    fn functions_are_declared_by_their_schemas() {
        let manifest = manifest(
            "functions:\n  forecast:\n    description: 'the weather */ of a city'\n    parameters:\n      $defs: { city: { type: \
             string, description: as it is spelled } }\n      type: object\n      properties:\n        city: { $ref: '#/$defs/city' \
             }\n        days: { enum: [ 1, 3, null ] }\n        unit: { const: celsius }\n        a-b: { type: [ boolean, 'null' ] \
             }\n      required: [ city ]\n      additionalProperties: false\n    result:\n      type: array\n      items: { anyOf: [ \
             { type: number }, { type: object, additionalProperties: { type: integer } } ] }\n  pair:\n    parameters: { type: \
             array, prefixItems: [ true, { type: string } ], items: false }\n  stop: {}\nconfig: { type: object, properties: { \
             key: { type: string } } }",
        );
        insta::assert_snapshot!(own(Some(&manifest), &policy("permissions: []")));
    }

    #[test]
    fn no_text_of_a_manifest_gets_out_of_its_place_or_acts_on_a_terminal() {
        let manifest = manifest(
            r#"functions:
  f:
    description: "a *\x01/ b *\u202e/ c *\x9b/ d */ e"
    parameters:
      type: object
      properties:
        x: { description: "*\x02/", const: "\x07\x1b\x7f\x9b\u202e\u2028\U000e0041\"" }
"#,
        );
        let text = own(Some(&manifest), &policy("permissions: []"));
        assert!(
            text.contains("/** a * / b * / c * / d * / e */\n"),
            "{text}"
        );
        assert!(text.contains("/** * / */\n"), "{text}");
        assert!(
            text.contains(r#""\u0007\u001b\u007f\u009b\u202e\u2028\udb40\udc41\"""#),
            "{text}"
        );
        let shown = |letter: char| letter == '\n' || !is_hidden(letter);
        assert!(text.chars().all(shown), "{text:?}");
    }

    #[test]
    fn the_globals_are_those_that_a_plugin_finds() {
        let surface = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../shim/tests/suite/surface.rs"
        );
        let surface = fs_err::read_to_string(surface).unwrap();
        let list = surface.split_once("HOST_GLOBALS: [").unwrap().1;
        let list = list.split_once("];").unwrap().0;
        let found: BTreeSet<&str> = list
            .lines()
            .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
            .collect();
        let policy = policy(
            "permissions: [ 'network:read:api.example.com', 'network:connect:db.example.com:5432', 'exec:run:jq', 'env:read:TZ', \
             'file:write:/srv/out' ]",
        );
        let text = declarations(None, &policy);
        let declared: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("declare "))
            .filter_map(|line| line.split_once(' '))
            .map(|(_, rest)| {
                rest.split(|letter: char| !letter.is_alphanumeric())
                    .next()
                    .unwrap_or_default()
            })
            // These are types only, and one that TypeScript itself declares.
            .filter(|name| !["Granted", "Plugin"].contains(name))
            .chain(["globalThis"])
            .collect();
        assert_eq!(declared, found);
        let list = surface
            .split_once("shim.json(\"deno\", \"[]\"),")
            .unwrap()
            .1;
        let list = list
            .split_once("r#\"[")
            .unwrap()
            .1
            .split_once("]\"#")
            .unwrap()
            .0;
        let found: BTreeSet<&str> = list.split(',').map(|name| name.trim_matches('"')).collect();
        let declared: BTreeSet<&str> = text
            .split("declare namespace Deno {\n")
            .skip(1)
            .flat_map(|part| part.split("\n}").next().unwrap_or_default().lines())
            .filter_map(|line| line.strip_prefix("  "))
            .filter_map(|line| {
                let kinds = ["function ", "class ", "const ", "namespace "];
                kinds.iter().find_map(|kind| line.strip_prefix(kind))
            })
            .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).next())
            .collect();
        assert_eq!(declared, found);
    }
}
