//! Functions of JavaScript that the shim calls itself.

use deno_core::{JsRuntime, v8};

use super::start::StartError;

/// They are the same whatever a plugin does.
pub(super) struct Own {
    /// Does nothing.
    pub(super) ignore: v8::Global<v8::Function>,
    /// Gives a promise that is settled by what it is called with.
    pub(super) stand_in: v8::Global<v8::Function>,
    /// `bytesOf` of `js/host.js`.
    pub(super) bytes_of: v8::Global<v8::Function>,
    /// Those of `js/call.js`, under the names they have there.
    pub(super) begin: v8::Global<v8::Function>,
    pub(super) end: v8::Global<v8::Function>,
    pub(super) enter: v8::Global<v8::Function>,
    pub(super) leave: v8::Global<v8::Function>,
    pub(super) open: v8::Global<v8::Function>,
    pub(super) step: v8::Global<v8::Function>,
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
        let all = value("ext:lazaret/hide.js", "globalThis.__hide()")?;
        let stand_in = value("ext:lazaret/stand_in.js", "async (value) => value")?;
        let none = || StartError::Globals("no function".to_owned());
        deno_core::scope!(scope, js);
        let all = v8::Local::new(scope, all);
        let all = v8::Local::<v8::Object>::try_from(all).map_err(|_| none())?;
        let own = |name| {
            let name = v8::String::new(scope, name).ok_or_else(none)?;
            let value = all.get(scope, name.into()).ok_or_else(none)?;
            let function = v8::Local::<v8::Function>::try_from(value).map_err(|_| none())?;
            Ok::<_, StartError>(v8::Global::new(scope, function))
        };
        let own = (
            own("bytesOf")?,
            own("begin")?,
            own("end")?,
            own("enter")?,
            own("leave")?,
            own("open")?,
            own("step")?,
        );
        let (bytes_of, begin, end, enter, leave, open, step) = own;
        let ignore = v8::Function::new(scope, ignore).ok_or_else(none)?;
        let stand_in = v8::Local::new(scope, stand_in);
        let stand_in = v8::Local::<v8::Function>::try_from(stand_in).map_err(|_| none())?;
        Ok(Self {
            ignore: v8::Global::new(scope, ignore),
            stand_in: v8::Global::new(scope, stand_in),
            bytes_of,
            begin,
            end,
            enter,
            leave,
            open,
            step,
        })
    }
}

fn ignore(_: &mut v8::PinScope, _: v8::FunctionCallbackArguments, _: v8::ReturnValue) {}
