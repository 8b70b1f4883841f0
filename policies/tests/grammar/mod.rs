//! Policies made at random from the published schema, so that every key there is gets its turn.

use lazaret_policy::schema;
use serde_json::{Map, Value, json};

/// Numbers from a seed (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most).expect("small");
        usize::try_from(self.roll() % most).expect("small")
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one<'of, T>(&mut self, of: &'of [T]) -> &'of T {
        &of[self.below(of.len())]
    }
}

/// Few of each, so that two policies often name the same.
const PERMISSIONS: &[&str] = &[
    "network:read:a.example",
    "network:read:*.example.com",
    "network:connect:a.example:443",
    "network:connect:api.example.com:443",
    "network:connect:*.example.com:443",
    "network:connect:.example.com:8443",
    "network:connect:db.internal:5432",
    "file:read:/srv",
    "file:read:/srv/a",
    "file:read:/srv/a/b",
    "file:write:/srv/a",
    "file:write:/data",
    "exec:run:jq",
    "exec:run:g++",
    "env:read:TZ",
    "env:read:LANG",
    "message:send:store",
    "message:send:web",
    "window:list",
    "window:list:XTerm",
    "window:close:XTerm",
];
const HOSTS: &[&str] = &[
    "a.example",
    "api.example.com",
    "*.example.com",
    ".example.com",
    "*.api.example.com",
    "db.internal",
];

/// A permission that the documents also name.
pub(crate) fn permission(dice: &mut Dice) -> &'static str {
    dice.one::<&str>(PERMISSIONS)
}

/// Every such permission.
pub(crate) fn permissions() -> &'static [&'static str] {
    PERMISSIONS
}

/// The language as its schema has it.
pub(crate) struct Grammar(Value);

impl Grammar {
    pub(crate) fn new() -> Self {
        Self(schema())
    }

    /// A document that is mostly valid: of each section some keys, of each list few entries.
    pub(crate) fn document(&self, dice: &mut Dice) -> Value {
        let keys = 3 + dice.below(25);
        let mut document = self.map(dice, &self.0, "", keys);
        document.remove("extends");
        document.insert("apiVersion".to_owned(), json!("lazaret/v1"));
        document.insert("kind".to_owned(), json!("SecurityPolicy"));
        if dice.chance(60) {
            agree_on_observation(&mut document);
        }
        Value::Object(document)
    }

    /// Some of the keys of a section; those that must be there are.
    fn map(
        &self,
        dice: &mut Dice,
        schema: &Value,
        path: &str,
        percent: usize,
    ) -> Map<String, Value> {
        let required = schema["required"].as_array();
        let required = |name: &str| required.into_iter().flatten().any(|key| key == name);
        let mut map = Map::new();
        for (name, key) in schema["properties"].as_object().into_iter().flatten() {
            if required(name) || dice.chance(percent + 25) {
                let value = self.value(dice, key, &format!("{path}.{name}"));
                map.insert(name.clone(), value);
            }
        }
        if path == ".requirements" {
            map.retain(|name, _| !name.starts_with("resources."));
        }
        if path.ends_with(".endpoints") && map.get("protocol").is_some_and(|word| word != "https") {
            map.remove("tls");
        }
        if path.ends_with(".from") {
            let first = map
                .iter()
                .next()
                .map(|(name, value)| (name.clone(), value.clone()));
            map = first.into_iter().collect();
            if map.is_empty() {
                map.insert("env".to_owned(), json!("API_KEY"));
            }
        }
        map
    }

    fn value(&self, dice: &mut Dice, schema: &Value, path: &str) -> Value {
        if let Some(forms) = schema["anyOf"].as_array() {
            let form = &forms[dice.below(forms.len())];
            return self.value(dice, form, path);
        }
        if let Some(words) = schema["enum"].as_array() {
            return dice.one(words).clone();
        }
        match schema["type"].as_str() {
            Some("object") if schema["properties"].is_null() => {
                let value = if dice.chance(50) { "batch" } else { "live" };
                json!({ *dice.one(&["MODE", "N"]): value })
            }
            Some("object") => Value::Object(self.map(dice, schema, path, 40)),
            Some("array") => {
                let least = usize::from(!schema["minItems"].is_null());
                let mut items = Vec::new();
                for _ in 0..least + dice.below(4) {
                    let item = self.value(dice, &schema["items"], path);
                    let main = |item: &Value| match item.as_object() {
                        Some(map) => ["permission", "host", "path", "name", "plugin"]
                            .iter()
                            .find_map(|key| map.get(*key).cloned()),
                        None => Some(item.clone()),
                    };
                    if items.iter().all(|other| main(other) != main(&item)) {
                        items.push(item);
                    }
                }
                Value::Array(items)
            }
            Some("integer") => {
                let numbers = match path {
                    _ if path.ends_with(".port") => [443, 443, 8443, 5432],
                    _ => [16, 32, 50, 64],
                };
                json!(dice.one(&numbers))
            }
            Some("boolean") => json!(dice.chance(50)),
            _ => json!(self.text(dice, path, schema["pattern"].as_str().unwrap_or_default())),
        }
    }

    fn text(&self, dice: &mut Dice, path: &str, pattern: &str) -> String {
        let pool: &[&str] = match path {
            ".resources.output.line" => &["256B", "4KiB"],
            ".resources.output.log" | ".resources.output.result" => &["32KiB", "1MiB"],
            ".window.display" => &[":0", ":99", "none"],
            ".window.authority" => &["/srv/a", "none"],
            ".kv.value" => &["16KiB", "64KiB"],
            _ if path.ends_with(".memory.high") => &["24MiB", "32MiB"],
            _ if pattern.contains("KiB") => &["64KiB", "1MiB", "32MiB", "64MiB"],
            _ if pattern.contains("ms|s|m") => &["1s", "10s", "2m"],
            _ if pattern.contains("h|d") => &["12h", "30d"],
            _ if pattern.contains('%') => &["50%", "100%", "150%"],
            _ if pattern.contains("network") => PERMISSIONS,
            _ if path.ends_with("hosts") || path.ends_with("host") => HOSTS,
            _ if path.ends_with("paths") => &["/v1/*", "/v1/items", "/*", "/health"],
            _ if path.ends_with("reason") => &["because: it # must", "'quoted'"],
            _ if pattern.starts_with("^/") => &["/srv", "/srv/a", "/data"],
            _ if path.ends_with("ignore") => &[".git", "*.pem"],
            _ if path.ends_with("types") => &["put", "get"],
            _ if path.contains("plugin") || path.contains("messaging") => &["store", "web"],
            _ if path.contains("env") => &["TZ", "LANG"],
            _ => &["jq", "key"],
        };
        (*dice.one(pool)).to_owned()
    }
}

/// Gives every section that observes something to observe, and takes the rest of `observe` away.
fn agree_on_observation(document: &mut Map<String, Value>) {
    let kinds = [
        ("network", "network:"),
        ("filesystem", "file:"),
        ("exec", "exec:"),
        ("env", "env:"),
        ("messaging", "message:"),
        ("window", "window:"),
    ];
    let mut observe = Vec::new();
    for (section, kind) in kinds {
        let Some(mode) = document.get(section).map(|map| map["mode"].clone()) else {
            continue;
        };
        if mode == "audit" || mode == "learn" {
            let some = PERMISSIONS.iter().filter(|one| one.starts_with(kind));
            observe.extend(some.take(2).map(|one| json!(one)));
        }
    }
    if document
        .get("level")
        .is_some_and(|level| level == "maximum")
        && !observe.is_empty()
    {
        document.insert("level".to_owned(), json!("standard"));
    }
    document.insert("observe".to_owned(), Value::Array(observe));
}
