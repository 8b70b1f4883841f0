//! Plugin modules: `file:///plugin/...` and nothing else.
//!
//! TypeScript was compiled before by a program of its own; what is loaded in its place lies in a directory
//! that the engine fills.

mod advice;
mod graph;
mod imports;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use deno_core::{
    ModuleLoadOptions, ModuleLoadReferrer, ModuleLoadResponse, ModuleLoader, ModuleSource,
    ModuleSourceCode, ModuleSpecifier, ModuleType, RequestedModuleType, ResolutionKind,
    resolve_import,
};
use deno_error::JsErrorBox;
use lazaret_protocol::{COMPILED_DIRECTORY, PluginError};

use crate::beneath::{PLUGIN, Places, ReadError};
use graph::Graph;
use imports::Imports;

/// The longest specifier that is looked at, in bytes.
const MAX_SPECIFIER_BYTES: usize = 4096;

/// The largest source map that is looked at, in bytes.
const MAX_MAP_BYTES: u64 = 8 * 1024 * 1024;

/// The longest line of source that is shown, in bytes.
const MAX_LINE_BYTES: usize = 200;

/// How much code is loaded at most.
#[derive(Clone, Copy, Debug)]
pub struct ModuleLimits {
    /// The largest module in bytes.
    pub bytes: u64,
    /// All modules together in bytes.
    pub total_bytes: u64,
    /// Number of modules.
    pub count: u32,
}

impl Default for ModuleLimits {
    fn default() -> Self {
        Self {
            bytes: 4 * 1024 * 1024,
            total_bytes: 32 * 1024 * 1024,
            count: 1024,
        }
    }
}

/// Finds and reads the plugin's modules.
pub(super) struct PluginLoader {
    places: Places,
    limits: ModuleLimits,
    bytes: Cell<u64>,
    count: Cell<u32>,
    /// Read where a name is first imported by.
    imports: OnceCell<Result<Imports, String>>,
    graph: RefCell<Graph>,
}

impl PluginLoader {
    pub(super) fn new(places: Places, limits: ModuleLimits) -> Self {
        Self {
            places,
            limits,
            bytes: Cell::new(0),
            count: Cell::new(0),
            imports: OnceCell::new(),
            graph: RefCell::default(),
        }
    }

    fn read(
        &self,
        specifier: &ModuleSpecifier,
        referrer: Option<&str>,
    ) -> Result<(ModuleType, String), JsErrorBox> {
        let path = plugin_path(specifier).ok_or_else(|| outside(specifier.as_str(), ""))?;
        let shown = shown(&path);
        let kind = kind(&path).ok_or_else(|| match advice::near(&self.places, &path) {
            Some(near) => self.missing(
                &path,
                referrer,
                &format!("import `{near}` by its whole name"),
            ),
            None => refused(no_module(shown)),
        })?;
        let ModuleLimits {
            bytes,
            total_bytes,
            count,
        } = self.limits;
        if self.count.get() >= count {
            return Err(refused(format!("plugin has more than `{count}` modules")));
        }
        let code = match self.places.read(&kind.file(&path), bytes) {
            Ok(code) => code,
            Err(ReadError::NotFound { .. }) => return Err(self.not_found(&path, referrer)),
            // The name of the compiled file would say nothing to the plugin's author.
            Err(ReadError::TooLarge { limit, .. }) => {
                return Err(refused(format!(
                    "file `{shown}` is larger than `{limit}` bytes"
                )));
            }
            Err(error) => return Err(refused(error.to_string())),
        };
        let total = self.bytes.get() + code.len() as u64;
        if total > total_bytes {
            return Err(refused(format!(
                "plugin has more than `{total_bytes}` bytes of modules"
            )));
        }
        self.count.set(self.count.get() + 1);
        self.bytes.set(total);
        let text = String::from_utf8(code);
        let mut text = text.map_err(|_| refused(format!("`{shown}` is not UTF-8")))?;
        if kind != Kind::Json {
            return Ok((ModuleType::JavaScript, text));
        }
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        // Without its place in a file the engine's own message helps nobody.
        match serde_json::from_str::<&serde_json::value::RawValue>(&text).err() {
            None => Ok((ModuleType::Json, text)),
            Some(error) => Err(JsErrorBox::new(
                "SyntaxError",
                format!("`{shown}` is no JSON: {error}"),
            )),
        }
    }

    /// Why there is no module at this path.
    fn not_found(&self, path: &str, referrer: Option<&str>) -> JsErrorBox {
        if kind(path) == Some(Kind::TypeScript) {
            let error = compiled(path, ".error");
            match self.places.read(&error, MAX_MAP_BYTES) {
                Ok(told) => {
                    return JsErrorBox::new(
                        "SyntaxError",
                        String::from_utf8_lossy(&told).into_owned(),
                    );
                }
                Err(_) if exists(&self.places, path) => {
                    let shown = shown(path);
                    return refused(format!(
                        "`{shown}` was not compiled: TypeScript is loaded only by way of the engine"
                    ));
                }
                Err(_) => {}
            }
        }
        let next = match advice::near(&self.places, path) {
            Some(near) => format!("there is `{near}`"),
            None => "add it to the plugin's directory, or correct the import".to_owned(),
        };
        self.missing(path, referrer, &next)
    }

    fn missing(&self, path: &str, referrer: Option<&str>, next: &str) -> JsErrorBox {
        let from = from(referrer.unwrap_or_default(), ", imported from");
        refused(format!("no such file: `{path}`{from}; {next}"))
    }

    fn find(&self, specifier: &str, referrer: &str) -> Result<ModuleSpecifier, JsErrorBox> {
        if let Ok(url) = resolve_import(specifier, referrer) {
            let own = plugin_path(&url).is_some();
            return own
                .then_some(url)
                .ok_or_else(|| outside(specifier, referrer));
        }
        let imports = self.imports.get_or_init(|| Imports::read(&self.places));
        let imports = imports.as_ref().map_err(|why| refused(why.clone()))?;
        let found = imports
            .find(specifier)
            .filter(|url| plugin_path(url).is_some());
        found.ok_or_else(|| outside(specifier, referrer))
    }

    /// The same error of a plugin that did not load, with the line that is no JavaScript, or the modules that wait for
    /// each other.
    pub(super) fn explained(&self, mut error: PluginError) -> PluginError {
        let place = error.location.as_deref().unwrap_or_default();
        let mut parts = place.rsplitn(3, ':');
        let (_column, line, file) = (parts.next(), parts.next(), parts.next());
        let (Some(line), Some(file)) = (line.and_then(|line| line.parse().ok()), file) else {
            return error;
        };
        let told = match error.name.as_str() {
            "SyntaxError" => self.line(file, line).map(|text| format!(": `{text}`")),
            // What is not there yet may come of modules that import each other.
            "ReferenceError" => self
                .cycle(&format!("file://{PLUGIN}/{file}"))
                .map(|cycle| format!("; modules that import each other: {cycle}")),
            _ => None,
        };
        error.message.extend(told);
        error
    }

    /// The modules that import each other, one of which is at this URL.
    fn cycle(&self, url: &str) -> Option<String> {
        let cycle = self.graph.borrow().cycle(url)?;
        let names = cycle.iter().map(|url| shown_url(url));
        Some(names.collect::<Vec<_>>().join(" → "))
    }

    /// The text of a line, counted from 1, of a JavaScript module below the plugin's directory.
    fn line(&self, file: &str, number: usize) -> Option<String> {
        let path = format!("{PLUGIN}/{file}");
        (kind(&path)? == Kind::JavaScript).then_some(())?;
        let text = self.places.read(&path, self.limits.bytes).ok()?;
        let text = String::from_utf8(text).ok()?;
        let line = text.lines().nth(number.checked_sub(1)?)?.trim();
        Some(line[..line.floor_char_boundary(MAX_LINE_BYTES)].to_owned())
    }
}

impl ModuleLoader for PluginLoader {
    fn resolve(
        &self,
        specifier: &str,
        referrer: &str,
        _kind: ResolutionKind,
    ) -> Result<ModuleSpecifier, JsErrorBox> {
        if specifier.len() > MAX_SPECIFIER_BYTES {
            return Err(refused(format!("import from `{referrer}` is too long")));
        }
        let url = self.find(specifier, referrer)?;
        self.graph.borrow_mut().add(referrer, url.as_str());
        Ok(url)
    }

    fn load(
        &self,
        specifier: &ModuleSpecifier,
        referrer: Option<&ModuleLoadReferrer>,
        options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let referrer = referrer.map(|referrer| referrer.specifier.as_str());
        let as_json = options.requested_module_type == RequestedModuleType::Json;
        let is_json = plugin_path(specifier).and_then(|path| kind(&path)) == Some(Kind::Json);
        let source = if as_json == is_json {
            self.read(specifier, referrer)
        } else {
            Err(refused(format!(
                "`{specifier}`: JSON, and only JSON, is imported `with {{ type: \"json\" }}`"
            )))
        };
        ModuleLoadResponse::Sync(source.map(|(kind, text)| {
            let code = ModuleSourceCode::String(text.into());
            ModuleSource::new(kind, code, specifier, None)
        }))
    }

    fn get_source_map(&self, file_name: &str) -> Option<Cow<'_, [u8]>> {
        let path = plugin_path(&ModuleSpecifier::parse(file_name).ok()?)?;
        (kind(&path)? == Kind::TypeScript).then_some(())?;
        let map = self.places.read(&compiled(&path, ".map"), MAX_MAP_BYTES);
        map.ok().map(Cow::Owned)
    }
}

/// What a file is, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    JavaScript,
    TypeScript,
    Json,
}

impl Kind {
    /// Where the code is that the engine is given.
    fn file(self, path: &str) -> Cow<'_, str> {
        match self {
            Self::TypeScript => compiled(path, ".js").into(),
            Self::JavaScript | Self::Json => path.into(),
        }
    }
}

fn kind(path: &str) -> Option<Kind> {
    match path.rsplit_once('.')?.1 {
        "js" | "mjs" => Some(Kind::JavaScript),
        "ts" | "mts" => Some(Kind::TypeScript),
        "json" => Some(Kind::Json),
        _ => None,
    }
}

/// Where the compiler's outcome for a module is.
fn compiled(path: &str, ending: &str) -> String {
    format!("{PLUGIN}/{COMPILED_DIRECTORY}/{}{ending}", shown(path))
}

fn exists(places: &Places, path: &str) -> bool {
    let there = |path: &str| places.metadata(path, true).is_ok();
    let compiled = kind(path) == Some(Kind::TypeScript)
        && [".js", ".error"]
            .iter()
            .any(|ending| there(&compiled(path, ending)));
    compiled || kind(path).is_some() && there(path)
}

/// A path as the plugin's author knows it.
fn shown(path: &str) -> &str {
    let below = path.strip_prefix(PLUGIN);
    below.map_or(path, |below| below.trim_start_matches('/'))
}

fn shown_url(url: &str) -> String {
    let path = ModuleSpecifier::parse(url).ok();
    let path = path.as_ref().and_then(plugin_path);
    path.map_or_else(|| url.to_owned(), |path| shown(&path).to_owned())
}

fn no_module(path: &str) -> String {
    let why = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("cjs" | "cts") => "CommonJS is not loaded: bundle it to a module",
        Some("tsx" | "jsx") => "JSX is not loaded: compile it to JavaScript",
        _ => "only .js, .mjs, .ts, .mts and .json are loaded",
    };
    format!("`{path}` is no module: {why}")
}

/// The path of a module of the plugin, `None` for anything else.
fn plugin_path(url: &ModuleSpecifier) -> Option<String> {
    let local = url.scheme() == "file" && url.host_str().is_none() && url.query().is_none();
    // An escaped slash would be one part of the URL and two of the path.
    let escaped_slash = url.path().to_ascii_lowercase().contains("%2f");
    if !local || escaped_slash || url.fragment().is_some() {
        return None;
    }
    let path = url
        .to_file_path()
        .ok()?
        .into_os_string()
        .into_string()
        .ok()?;
    let below = path.strip_prefix(PLUGIN)?;
    (below.starts_with('/') && !below.contains('\0')).then_some(path)
}

fn outside(specifier: &str, referrer: &str) -> JsErrorBox {
    let from = from(referrer, " from");
    let why = advice::of_specifier(specifier);
    refused(format!("import of `{specifier}`{from} refused: {why}"))
}

fn from(referrer: &str, how: &str) -> String {
    match referrer {
        "" | "." => String::new(),
        referrer => format!("{how} `{}`", shown_url(referrer)),
    }
}

fn refused(message: String) -> JsErrorBox {
    JsErrorBox::type_error(message)
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::FileLimits;

    use super::*;
    use crate::beneath::Place;

    fn resolve(specifier: &str) -> Result<String, String> {
        let directory = tempfile::tempdir().expect("directory");
        let own = Place {
            seen: PLUGIN.to_owned(),
            real: directory.path().to_owned(),
            directory: true,
            granted: false,
        };
        PluginLoader::new(
            Places::new(vec![own], FileLimits::default()),
            ModuleLimits::default(),
        )
        .resolve(specifier, "file:///plugin/lib/a.js", ResolutionKind::Import)
        .map(|url| url.to_string())
        .map_err(|error| error.to_string())
    }

    #[test]
    fn relative_imports_stay_in_the_plugin() {
        for (specifier, url) in [
            ("./b.js", "file:///plugin/lib/b.js"),
            ("../b.js", "file:///plugin/b.js"),
            ("/plugin/c.js", "file:///plugin/c.js"),
            ("file:///plugin/d.json", "file:///plugin/d.json"),
        ] {
            assert_eq!(resolve(specifier).as_deref(), Ok(url));
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for specifier in [
            "../../etc/passwd.js",
            "..%2f..%2fetc/passwd.js",
            "/etc/passwd.js",
            "file:///pluginx/a.js",
            "file://host/plugin/a.js",
            "file:///plugin",
            "http://example.com/a.js",
            "https://example.com/a.js",
            "data:text/javascript,1",
            "npm:left-pad",
            "node:fs",
            "ext:core/ops",
            "lodash",
            "./a.js?x",
            "./a.js#x",
            "./a%00.js",
            "./%2e%2e/%2e%2e/etc/a.js",
            "blob:null/1",
            "",
        ] {
            let error = resolve(specifier).expect_err(specifier);
            assert!(error.contains(&format!("`{specifier}`")), "{error}");
            assert!(error.contains("from `lib/a.js`"), "{error}");
        }
    }
}
