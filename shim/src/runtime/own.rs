//! Functions of JavaScript that the shim calls itself.

use deno_core::{JsRuntime, v8};

use super::start::StartError;

/// They are the same whatever a plugin does.
pub(super) struct Own {
    /// Does nothing.
    pub(super) ignore: v8::Global<v8::Function>,
    /// `bytesOf` of `js/host.js`.
    pub(super) bytes_of: v8::Global<v8::Function>,
    /// Gives a promise that is settled by what it is called with.
    pub(super) stand_in: v8::Global<v8::Function>,
}

impl Own {
    /// Takes them, and what no plugin is to see from the globals.
    ///
    /// # Errors
    ///
    /// [`StartError::Globals`].
    pub(super) fn new(js: &mut JsRuntime) -> Result<Self, StartError> {
        let mut value = |name, code| {
            js.execute_script(name, code)
                .map_err(|error| StartError::Globals(error.exception_message))
        };
        let bytes_of = value("ext:lazaret/hide.js", "globalThis.__hide()")?;
        let stand_in = value("ext:lazaret/stand_in.js", "async (value) => value")?;
        let none = || StartError::Globals("no function".to_owned());
        deno_core::scope!(scope, js);
        let ignore = v8::Function::new(scope, ignore).ok_or_else(none)?;
        let function = |value| {
            let value = v8::Local::new(scope, value);
            let function = v8::Local::<v8::Function>::try_from(value).map_err(|_| none())?;
            Ok(v8::Global::new(scope, function))
        };
        Ok(Self {
            bytes_of: function(bytes_of)?,
            stand_in: function(stand_in)?,
            ignore: v8::Global::new(scope, ignore),
        })
    }
}

fn ignore(_: &mut v8::PinScope, _: v8::FunctionCallbackArguments, _: v8::ReturnValue) {}
