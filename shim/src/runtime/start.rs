//! A runtime from nothing to a loaded plugin.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use deno_core::error::CoreError;
use deno_core::url::Url;
use deno_core::{JsRuntime, PollEventLoopOptions, RuntimeOptions, v8};
use lazaret_protocol::{Environment, Given, GivenSecret, PluginError, ShimSettings, StateLimits};

use super::asks::{Asker, Asks};
use super::errors::{core_error, is_of_an_interruption};
use super::extension::{Host, Sink, extension};
use super::fetch::{self, Egress};
use super::loader::{ModuleLimits, PluginLoader};
use super::log::LogLimit;
use super::measures::Measures;
use super::own::Own;
use super::room::Top;
use super::used::Used;
use crate::beneath::{PLUGIN, Places};

/// The most functions a plugin may export.
const MAX_EXPORTS: usize = 1024;

/// How much is said about refused acts: some hundred a second.
const REFUSAL_BYTES_PER_SECOND: u64 = 16 * 1024;

/// The longest name of an export in bytes.
const MAX_EXPORT_NAME_BYTES: usize = 256;

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine does not start.
    #[error("failed to start the JavaScript engine")]
    Engine(#[source] Box<CoreError>),
    /// The engine does not know the flag that keeps it from compiling to machine code.
    #[error("the JavaScript engine cannot run without executable memory")]
    NeedsExecutableMemory,
    /// The globals are not as they were left.
    #[error("failed to prepare the global object: {0}")]
    Globals(String),
}

/// Makes ready for the first runtime of this process; called once, before it.
///
/// Without executable memory V8 must only interpret. QuickJS never does anything else.
///
/// # Errors
///
/// [`StartError::NeedsExecutableMemory`].
pub fn prepare(deny_executable_memory: bool) -> Result<(), StartError> {
    const INTERPRET: &str = "--jitless";
    if cfg!(feature = "v8") && deny_executable_memory {
        // The first word stands for the program's name and comes back, as do unknown flags.
        let flags = vec![String::new(), INTERPRET.to_owned()];
        if deno_core::v8_set_flags(flags)
            .iter()
            .any(|flag| flag == INTERPRET)
        {
            return Err(StartError::NeedsExecutableMemory);
        }
    }
    Ok(())
}

/// What a runtime is made from.
pub struct Config {
    /// Name of the plugin, for messages.
    pub plugin: String,
    /// What may be read; the plugin's own modules are below `/plugin`.
    pub places: Places,
    /// What is seen of an environment.
    pub environment: Environment,
    /// What the operator gives the plugin, as the text of a JSON object.
    pub config: String,
    /// Its secrets, or what stands for them.
    pub secrets: Vec<GivenSecret>,
    /// What holds for what the plugin keeps and logs.
    pub state: StateLimits,
    /// The way out to the network, if there is one.
    pub egress: Option<Egress>,
    /// The longest log line in bytes.
    pub log_line_bytes: u64,
    /// Log bytes a second.
    pub log_bytes_per_second: u64,
    /// The largest result of a call in bytes.
    pub result_bytes: u64,
    /// How much code is loaded at most.
    pub modules: ModuleLimits,
    /// Where messages of the plugin go.
    pub sink: Arc<dyn Sink>,
    /// What is asked of the engine, where there is one.
    pub asks: Option<Arc<Asks>>,
    /// Tell which permissions are used.
    pub learns: bool,
}

impl Config {
    /// The configuration of a plugin in its container, with what the engine gave it there.
    #[must_use]
    pub fn of(
        settings: &ShimSettings,
        given: Given,
        sink: Arc<dyn Sink>,
        asks: Option<Arc<Asks>>,
    ) -> Self {
        Self {
            plugin: settings.plugin.clone(),
            places: Places::of(settings),
            environment: settings.environment.clone(),
            config: settings.config.clone(),
            secrets: given.secrets,
            state: settings.state,
            egress: settings
                .egress
                .then(|| Egress::of(settings, given.authority.as_deref())),
            log_line_bytes: settings.log_line_bytes,
            log_bytes_per_second: settings.log_bytes_per_second,
            result_bytes: settings.result_bytes,
            modules: ModuleLimits::default(),
            sink,
            asks,
            learns: settings.learns,
        }
    }
}

/// A JavaScript engine with one plugin, or none yet. Lives on one thread, in a tokio context.
pub struct Runtime {
    pub(super) js: JsRuntime,
    pub(super) exports: BTreeMap<String, v8::Global<v8::Function>>,
    pub(super) own: Own,
    pub(super) result_bytes: u64,
    loader: Rc<PluginLoader>,
}

impl Runtime {
    /// Starts the engine. No plugin code is read.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn new(config: Config) -> Result<Self, StartError> {
        let host = Host {
            plugin: config.plugin,
            places: config.places.clone(),
            environment: config.environment,
            config: config.config,
            state: config.state,
            measures: Measures::default(),
            log: LogLimit::new(
                config.log_line_bytes,
                config.log_bytes_per_second,
                Instant::now(),
            ),
            refusals: LogLimit::new(
                REFUSAL_BYTES_PER_SECOND,
                REFUSAL_BYTES_PER_SECOND,
                Instant::now(),
            ),
            asker: Asker::new(config.asks, config.sink.clone()),
            sink: config.sink,
            used: config.learns.then(Used::default),
            call: None,
            top: Top::here(),
        };
        let loader = Rc::new(PluginLoader::new(config.places, config.modules));
        let mut extensions = super::web::extensions();
        extensions.push(super::crypto::extension());
        extensions.push(fetch::data::extension());
        let egress = config.egress.is_some();
        extensions.extend(config.egress.map(fetch::extension));
        if egress {
            extensions.push(super::sockets::extension());
        }
        extensions.push(super::websocket::extension(egress));
        extensions.push(super::act_ops::extension());
        extensions.push(super::file_ops::extension());
        extensions.push(super::open_ops::extension());
        extensions.push(super::search::extension());
        extensions.push(super::secrets::extension(config.secrets));
        extensions.push(super::state_ops::extension());
        extensions.push(super::window_ops::extension());
        extensions.push(super::watch_ops::extension());
        extensions.push(extension(host, egress));
        let mut js = JsRuntime::try_new(RuntimeOptions {
            module_loader: Some(loader.clone()),
            extensions,
            create_params: heap_limits(),
            // Those of an extension are taken out when they are first read: one that failed, as where
            // the stack had no room for it, would be gone. From here they are read again.
            residual_lazy_js_sources: super::web::LAZY,
            // Without it, buffers that are transferred stay with the sender.
            shared_array_buffer_store: Some(Default::default()),
            ..Default::default()
        })
        .map_err(|error| StartError::Engine(Box::new(error)))?;
        super::stack::install(js.v8_isolate());
        let own = Own::new(&mut js)?;
        Ok(Self {
            js,
            exports: BTreeMap::new(),
            own,
            result_bytes: config.result_bytes,
            loader,
        })
    }

    /// Interrupts this runtime from another thread.
    pub fn handle(&mut self) -> v8::IsolateHandle {
        self.js.v8_isolate().thread_safe_handle()
    }

    /// Loads and evaluates the entry module, a path below `/plugin`, with all it imports.
    /// Returns the names of its exported functions, sorted.
    ///
    /// # Errors
    ///
    /// What the plugin threw, or why a module cannot be had.
    pub async fn load(&mut self, entry: &str) -> Result<Vec<String>, PluginError> {
        let entry = Url::from_file_path(format!("{PLUGIN}/{entry}"))
            .map_err(|()| failure("Error", format!("entry `{entry}` is no path")))?;
        let id = match self.evaluate(&entry).await {
            Ok(id) => id,
            Err(error) => return Err(self.loader.explained(core_error(&error))),
        };
        let namespace = self
            .js
            .get_module_namespace(id)
            .map_err(|error| core_error(&error))?;
        self.exports = self.functions_of(&namespace)?;
        Ok(self.exports.keys().cloned().collect())
    }

    async fn evaluate(&mut self, entry: &Url) -> Result<deno_core::ModuleId, CoreError> {
        let options = PollEventLoopOptions::default();
        let id = self.js.load_main_es_module(entry).await?;
        let evaluated = self.js.mod_evaluate(id);
        self.js
            .with_event_loop_promise(Box::pin(evaluated), options)
            .await?;
        // What the module threw is a rejection that the next round of the event loop reports.
        std::future::poll_fn(|context| match self.js.poll_event_loop(context, options) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        })
        .await?;
        Ok(id)
    }

    /// One round of the event loop.
    ///
    /// # Errors
    ///
    /// An error or a rejection that nobody caught.
    pub fn poll(&mut self, context: &mut Context) -> Result<(), PluginError> {
        let options = PollEventLoopOptions::default();
        match self.js.poll_event_loop(context, options) {
            Poll::Ready(Err(error)) => {
                let error = core_error(&error);
                if is_of_an_interruption(&error) {
                    context.waker().wake_by_ref();
                    return Ok(());
                }
                Err(error)
            }
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Tells the engine what the plugin measured since the last time.
    pub fn tell_measures(&mut self) {
        let state = self.js.op_state();
        state.borrow_mut().borrow_mut::<Host>().tell_measures();
    }

    /// Bytes in use on the heap, and outside of it.
    pub fn heap(&mut self) -> (u64, u64) {
        let statistics = self.js.v8_isolate().get_heap_statistics();
        (
            statistics.used_heap_size() as u64,
            statistics.external_memory() as u64,
        )
    }

    fn functions_of(
        &mut self,
        namespace: &v8::Global<v8::Object>,
    ) -> Result<BTreeMap<String, v8::Global<v8::Function>>, PluginError> {
        deno_core::scope!(scope, self.js);
        v8::tc_scope!(let scope, scope);
        let namespace = v8::Local::new(scope, namespace);
        let names = namespace
            .get_own_property_names(scope, v8::GetPropertyNamesArgs::default())
            .ok_or_else(|| failure("Error", "exports cannot be listed".to_owned()))?;
        let mut functions = BTreeMap::new();
        for index in 0..names.length() {
            let Some(name) = names.get_index(scope, index) else {
                continue;
            };
            let function = namespace
                .get(scope, name)
                .and_then(|value| v8::Local::<v8::Function>::try_from(value).ok());
            if let (Some(function), Ok(name)) = (function, v8::Local::<v8::String>::try_from(name))
            {
                if name.utf8_length(scope) > MAX_EXPORT_NAME_BYTES {
                    return Err(failure(
                        "Error",
                        format!("name of an export is longer than {MAX_EXPORT_NAME_BYTES} bytes"),
                    ));
                }
                let name = name.to_rust_string_lossy(scope);
                functions.insert(name, v8::Global::new(scope, function));
            }
        }
        if functions.len() > MAX_EXPORTS {
            return Err(failure(
                "Error",
                format!("plugin exports more than {MAX_EXPORTS} functions"),
            ));
        }
        Ok(functions)
    }
}

/// V8 ends the process with a trap at a limit of its own, near 2 GiB unless told. The container's
/// limit is to decide, whatever it is, and the kernel to say so: this is more than any container
/// gets, and costs no memory.
#[cfg(feature = "v8")]
fn heap_limits() -> Option<v8::CreateParams> {
    const MORE_THAN_ANY_CONTAINER: usize = 1 << 40;
    let parameters = v8::CreateParams::default();
    Some(parameters.set_max_old_generation_size_in_bytes(MORE_THAN_ANY_CONTAINER))
}

/// QuickJS counts the items of a list in 31 bits when it lists their names, and writes elsewhere
/// beyond: with this no buffer is as long. The container's limit is to decide below that.
#[cfg(feature = "quickjs")]
fn heap_limits() -> Option<v8::CreateParams> {
    const LESS_THAN_ITS_COUNTER: usize = (1 << 31) - (64 << 20);
    let parameters = v8::CreateParams::default();
    Some(parameters.set_max_old_generation_size_in_bytes(LESS_THAN_ITS_COUNTER))
}

fn failure(name: &str, message: String) -> PluginError {
    PluginError {
        name: name.to_owned(),
        message,
        stack: String::new(),
        location: None,
    }
}

#[cfg(all(test, feature = "v8"))]
mod tests {
    use super::*;

    #[test]
    fn the_engine_leaves_the_memory_limit_to_the_container() {
        let mut js = JsRuntime::new(RuntimeOptions {
            create_params: heap_limits(),
            ..Default::default()
        });
        let limit = js.v8_isolate().get_heap_statistics().heap_size_limit();
        assert!(limit >= 1 << 40, "{limit}");
    }
}
