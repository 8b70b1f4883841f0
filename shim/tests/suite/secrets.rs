//! `lazaret.secrets`: what a plugin gets of them.

use lazaret_protocol::GivenSecret;

use crate::harness::Plugin;

const MAIN: &str = r#"
    const { secrets } = lazaret;
    export const get = (name) => secrets.get(name) ?? String(secrets.get(name));
    export const names = () => secrets.names();
    export const fixed = () => {
        "use strict";
        const tries = [
            () => { lazaret.secrets = {}; }, () => { secrets.get = () => "other"; },
            () => { secrets.more = 1; },
        ];
        return tries.map((attempt) => { try { attempt(); return "changed"; } catch { return "fixed"; } });
    };
    export const spoilt = () => {
        Array.prototype.find = Array.prototype[Symbol.iterator] = () => { throw "spoilt"; };
        JSON.parse = () => "spoilt";
        return [secrets.get("api-key"), secrets.names().length];
    };
    export const alone = () => { secrets.names().push("x"); return secrets.names().length; };
"#;

fn secret(name: &str, value: &str) -> GivenSecret {
    GivenSecret {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn a_plugin_gets_what_stands_for_each_secret_and_nothing_for_others() {
    let mut plugin = Plugin::new(MAIN);
    let placeholder = "lazaret-secret-api-key-0123456789abcdef0123456789abcdef";
    plugin.secrets = vec![
        secret("api-key", placeholder),
        secret("shown", "it\nitself"),
    ];
    let mut shim = plugin.ready();
    let got = |name: &str| serde_json::to_string(name).expect("JSON");
    assert_eq!(shim.json("get", r#"["api-key"]"#), got(placeholder));
    assert_eq!(shim.json("get", r#"["shown"]"#), got("it\nitself"));
    for name in [
        r#"["other"]"#,
        r#"["__proto__"]"#,
        r#"[""]"#,
        "[7]",
        "[null]",
    ] {
        assert_eq!(shim.json("get", name), got("undefined"), "{name}");
    }
    assert_eq!(shim.json("names", "[]"), r#"["api-key","shown"]"#);
    assert_eq!(shim.json("fixed", "[]"), r#"["fixed","fixed","fixed"]"#);
    assert_eq!(shim.json("alone", "[]"), "2");
    let spoilt = format!("[{},2]", got(placeholder));
    assert_eq!(shim.json("spoilt", "[]"), spoilt);
}

#[test]
fn without_secrets_there_are_none() {
    let mut shim = Plugin::new(MAIN).ready();
    assert_eq!(shim.json("get", r#"["api-key"]"#), r#""undefined""#);
    assert_eq!(shim.json("names", "[]"), "[]");
}
