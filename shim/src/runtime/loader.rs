//! Plugin modules: `file:///plugin/...` and nothing else.

use std::cell::Cell;

use deno_core::{
    ModuleLoadOptions, ModuleLoadReferrer, ModuleLoadResponse, ModuleLoader, ModuleSource,
    ModuleSourceCode, ModuleSpecifier, ModuleType, RequestedModuleType, ResolutionKind,
    resolve_import,
};
use deno_error::JsErrorBox;

use crate::beneath::{PLUGIN, Places};

/// The longest specifier that is looked at, in bytes.
const MAX_SPECIFIER_BYTES: usize = 4096;

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
}

impl PluginLoader {
    pub(super) fn new(places: Places, limits: ModuleLimits) -> Self {
        Self {
            places,
            limits,
            bytes: Cell::new(0),
            count: Cell::new(0),
        }
    }

    fn read(&self, specifier: &ModuleSpecifier) -> Result<(ModuleType, Vec<u8>), JsErrorBox> {
        let path = plugin_path(specifier).ok_or_else(|| outside(specifier.as_str(), ""))?;
        let kind = match path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("js" | "mjs") => ModuleType::JavaScript,
            Some("json") => ModuleType::Json,
            Some("ts" | "mts" | "tsx" | "jsx") => {
                return Err(refused(format!(
                    "`{path}` must be compiled to JavaScript first: only .js, .mjs and .json are loaded"
                )));
            }
            _ => {
                return Err(refused(format!(
                    "`{path}` is no module: only .js, .mjs and .json are loaded"
                )));
            }
        };
        let ModuleLimits {
            bytes,
            total_bytes,
            count,
        } = self.limits;
        if self.count.get() >= count {
            return Err(refused(format!("plugin has more than `{count}` modules")));
        }
        let code = self
            .places
            .read(&path, bytes)
            .map_err(|error| refused(error.to_string()))?;
        let total = self.bytes.get() + code.len() as u64;
        if total > total_bytes {
            return Err(refused(format!(
                "plugin has more than `{total_bytes}` bytes of modules"
            )));
        }
        self.count.set(self.count.get() + 1);
        self.bytes.set(total);
        Ok((kind, code))
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
        resolve_import(specifier, referrer)
            .ok()
            .filter(|url| plugin_path(url).is_some())
            .ok_or_else(|| outside(specifier, referrer))
    }

    fn load(
        &self,
        specifier: &ModuleSpecifier,
        _referrer: Option<&ModuleLoadReferrer>,
        options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let source = self.read(specifier).and_then(|(kind, code)| {
            let as_json = options.requested_module_type == RequestedModuleType::Json;
            if as_json != (kind == ModuleType::Json) {
                return Err(refused(format!(
                    "`{specifier}`: JSON, and only JSON, is imported `with {{ type: \"json\" }}`"
                )));
            }
            let code = String::from_utf8(code)
                .map_err(|_| refused(format!("`{specifier}` is not UTF-8")))?;
            let code = ModuleSourceCode::String(code.into());
            Ok(ModuleSource::new(kind, code, specifier, None))
        });
        ModuleLoadResponse::Sync(source)
    }
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
    path.strip_prefix(PLUGIN)?.starts_with('/').then_some(path)
}

fn outside(specifier: &str, referrer: &str) -> JsErrorBox {
    let from = match referrer {
        "" | "." => String::new(),
        referrer => format!(" from `{referrer}`"),
    };
    refused(format!(
        "import of `{specifier}`{from} refused: a plugin imports only its own files, as `./other.js`"
    ))
}

fn refused(message: String) -> JsErrorBox {
    JsErrorBox::type_error(message)
}

#[cfg(test)]
mod tests {
    use lazaret_protocol::FileLimits;

    use super::*;

    fn resolve(specifier: &str) -> Result<String, String> {
        PluginLoader::new(
            Places::new(Vec::new(), FileLimits::default()),
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
            "",
        ] {
            let error = resolve(specifier).expect_err(specifier);
            assert!(error.contains(&format!("`{specifier}`")), "{error}");
            assert!(error.contains("file:///plugin/lib/a.js"), "{error}");
        }
    }
}
