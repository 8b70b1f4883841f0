use serde_json::{Map, Value, json};

use crate::reference::Shape;
use crate::schema::form;

/// The lists of a policy by their paths.
pub(crate) fn lists() -> Vec<(&'static str, Value)> {
    vec![
        ("permissions", permissions()),
        ("network.endpoints", endpoints()),
        ("filesystem.read", read()),
        ("filesystem.write", write()),
        ("exec.programs", programs()),
        ("env.read", env_read()),
        ("env.set", env_set()),
        ("secrets", secrets()),
        ("messaging.send", send()),
        ("messaging.receive", receive()),
        ("observe", observe()),
    ]
}

const HOST: &str = "`api.example.com`, `*.example.com` for every name below, or `.example.com` for the name and every name \
     below. Lower case; no address, nothing that belongs to many owners behind a wildcard.";

/// A key of an entry: what it looks like, what it is for, an example.
fn key(mut form: Value, text: &str, example: Value) -> Value {
    form["description"] = json!(text);
    form["examples"] = json!([example]);
    form
}

fn shaped(shape: Shape, text: &str, example: Value) -> Value {
    key(Value::Object(form(shape)), text, example)
}

fn string(pattern: &str, text: &str, example: &str) -> Value {
    let form = json!({ "type": "string", "pattern": pattern });
    key(form, text, json!(example))
}

/// A list of at most so many strings, at least one.
fn strings(pattern: &str, most: usize, text: &str, example: &str) -> Value {
    let form = json!({
        "type": "array",
        "items": { "type": "string", "pattern": pattern },
        "minItems": 1,
        "maxItems": most,
        "uniqueItems": true,
    });
    key(form, text, json!([example]))
}

fn words(words: &'static [&'static str], text: &str, example: &str) -> Value {
    let mut form = form(Shape::Words(words));
    form.insert("minItems".to_owned(), json!(1));
    key(Value::Object(form), text, json!([example]))
}

fn reason() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "description": "Why, for whoever reviews the policy.",
        "examples": ["reads the forecast"],
    })
}

/// A map of these keys, and `reason`.
fn entry(keys: &[(&str, Value)], required: &[&str]) -> Value {
    let mut properties: Map<String, Value> = keys
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    properties.insert("reason".to_owned(), reason());
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A list of entries, each a map or, where that is enough, its first key's value alone.
fn list(text: &str, most: usize, keys: &[(&str, Value)], required: &[&str], short: bool) -> Value {
    let map = entry(keys, required);
    let items = match keys {
        [(_, main), ..] if short => json!({ "anyOf": [main, map] }),
        _ => map,
    };
    let first = keys.iter().filter(|(name, _)| required.contains(name));
    let example: Map<String, Value> = first
        .map(|(name, value)| ((*name).to_owned(), value["examples"][0].clone()))
        .collect();
    json!({
        "type": "array",
        "description": text,
        "items": items,
        "maxItems": most,
        "examples": [[example]],
    })
}

fn permission() -> Value {
    string(
        "^(network:(read|connect)|file:(read|write)|exec:run|env:read|message:send):.+$|^window:(list|focus|move|close)(:.+)?$",
        "`network:read:HOST`, `network:connect:HOST:PORT`, `file:read:/PATH`, `file:write:/PATH`, `exec:run:PROGRAM`, \
         `env:read:NAME`, `message:send:PLUGIN`, or `window:list`, `window:focus`, `window:move`, `window:close`, each for all \
         windows or with `:CLASS` for those of a class.",
        "file:read:/srv/data",
    )
}

pub(crate) fn permissions() -> Value {
    let text = "What the plugin may do. Nothing that is not named.";
    list(
        text,
        2048,
        &[("permission", permission())],
        &["permission"],
        true,
    )
}

fn observe() -> Value {
    let text = "What is let through and recorded where the mode of its section is `audit` or `learn`. As wide as a grant.";
    list(
        text,
        256,
        &[("permission", permission())],
        &["permission"],
        true,
    )
}

fn endpoints() -> Value {
    let keys = [
        ("host", string("^[^:/ ]+$", HOST, "api.example.com")),
        (
            "port",
            key(
                json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
                "The port.",
                json!(443),
            ),
        ),
        (
            "protocol",
            shaped(
                Shape::Word(&["https", "http", "tcp"]),
                "What is spoken; `https` where it is left out, `tcp` is any bytes.",
                json!("https"),
            ),
        ),
        (
            "tls",
            shaped(
                Shape::Word(&["plugin", "broker"]),
                "Who ends the TLS of `https`, and so sees the requests: the `plugin` where it is left out, or the egress \
                 `broker`, which can put secrets into them.",
                json!("broker"),
            ),
        ),
        (
            "methods",
            words(
                &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                "Methods of HTTP; all where it is left out.",
                "GET",
            ),
        ),
        (
            "paths",
            strings(
                "^/[^*?#]*\\*?$",
                64,
                "Paths of HTTP, each exact or with `*` as its end for all that begin so; all where it is left out.",
                "/v1/*",
            ),
        ),
        (
            "addresses",
            words(
                &[
                    "public",
                    "private",
                    "loopback",
                    "link_local",
                    "multicast",
                    "metadata",
                ],
                "Classes of addresses the name may resolve to; `public` where it is left out. \
                 `loopback` is every address of the engine's own host, also one that is public or private to others.",
                "public",
            ),
        ),
    ];
    list(
        "Where the plugin may connect to.",
        2048,
        &keys,
        &["host", "port"],
        false,
    )
}

fn path(text: &str, example: &str) -> Value {
    string("^/.+", text, example)
}

fn read() -> Value {
    let text =
        "Files and directories the plugin may read; the same as permissions `file:read:PATH`.";
    let keys = [(
        "path",
        path(
            "The file, or the directory with everything below.",
            "/srv/data",
        ),
    )];
    list(text, 256, &keys, &["path"], true)
}

fn write() -> Value {
    let text =
        "Files and directories the plugin may write; the same as permissions `file:write:PATH`.";
    let keys = [
        (
            "path",
            path(
                "The file, or the directory with everything below.",
                "/srv/out",
            ),
        ),
        (
            "size",
            shaped(
                Shape::Size,
                "The most bytes written there in a plugin's life; `64MiB` where it is left out.",
                json!("64MiB"),
            ),
        ),
    ];
    list(text, 256, &keys, &["path"], true)
}

fn programs() -> Value {
    let size = |text, example: &str| shaped(Shape::Size, text, json!(example));
    let limits = json!({
        "type": "object",
        "description": "What one run may take.",
        "examples": [{ "memory": "64MiB", "time": "10s" }],
        "properties": {
            "memory": size("The most memory; `64MiB` where it is left out.", "64MiB"),
            "cpu": shaped(Shape::Share, "The most CPU time for time; `100%` where it is left out.", json!("100%")),
            "pids": shaped(Shape::Count(1), "The most processes and threads; 16 where it is left out.", json!(16)),
            "time": shaped(Shape::Time, "The longest run; `10s` where it is left out.", json!("10s")),
            "input": size("The most bytes of its standard input; `1MiB` where it is left out.", "1MiB"),
            "output": size("The most bytes it writes; `1MiB` where it is left out.", "1MiB"),
        },
        "additionalProperties": false,
    });
    let name = "^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$";
    let keys = [
        (
            "name",
            string(
                name,
                "What the plugin knows it by; the same as the permission `exec:run:NAME`.",
                "jq",
            ),
        ),
        (
            "rootfs",
            path(
                "The host directory that holds the program's root file system.",
                "/srv/images/jq",
            ),
        ),
        (
            "path",
            path("Where the program lies within it.", "/usr/bin/jq"),
        ),
        ("limits", limits),
    ];
    list(
        "Programs the plugin may run.",
        64,
        &keys,
        &["name", "rootfs", "path"],
        false,
    )
}

const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]{0,127}$";

fn env_read() -> Value {
    let text = "Variables of the engine's environment the plugin may read; the same as permissions `env:read:NAME`.";
    let keys = [("name", string(VARIABLE, "The variable.", "TZ"))];
    list(text, 256, &keys, &["name"], true)
}

fn env_set() -> Value {
    json!({
        "type": "object",
        "description": "Variables with values of their own, which need no grant.",
        "examples": [{ "MODE": "batch" }],
        "propertyNames": { "pattern": VARIABLE },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
        "maxProperties": 64,
    })
}

fn secrets() -> Value {
    let from = json!({
        "type": "object",
        "description": "Where the engine has it from: one of the two.",
        "examples": [{ "env": "API_KEY" }],
        "properties": {
            "env": string(VARIABLE, "A variable of the engine's environment.", "API_KEY"),
            "file": path("A file on the host.", "/etc/lazaret/api-key"),
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    let expose = key(
        json!({ "type": "boolean" }),
        "Whether the plugin itself gets the value, not a placeholder; `false` where it is left out.",
        json!(false),
    );
    let name = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
    let keys = [
        (
            "name",
            string(name, "What the plugin knows it by.", "api-key"),
        ),
        (
            "hosts",
            strings(
                "^[^:/ ]+$",
                64,
                "The only hosts it may go to.",
                "api.example.com",
            ),
        ),
        ("from", from),
        ("expose", expose),
    ];
    let text = "Secrets the plugin may use towards certain hosts.";
    list(text, 64, &keys, &["name", "hosts", "from"], false)
}

fn plugin(text: &str) -> Value {
    string("^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", text, "store")
}

fn types() -> Value {
    let pattern = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
    strings(
        pattern,
        64,
        "Types of messages; all where it is left out.",
        "put",
    )
}

fn send() -> Value {
    let text =
        "Plugins the plugin may send messages to; the same as permissions `message:send:PLUGIN`.";
    let keys = [
        ("plugin", plugin("To whom.")),
        ("types", types()),
        (
            "rate",
            shaped(
                Shape::Count(1),
                "The most messages a second; 100 where it is left out.",
                json!(100),
            ),
        ),
        (
            "size",
            shaped(
                Shape::Size,
                "The most bytes of one; `64KiB` where it is left out.",
                json!("64KiB"),
            ),
        ),
    ];
    list(text, 256, &keys, &["plugin"], true)
}

fn receive() -> Value {
    let text = "Plugins whose messages the plugin gets.";
    let keys = [("plugin", plugin("From whom.")), ("types", types())];
    list(text, 256, &keys, &["plugin"], true)
}
