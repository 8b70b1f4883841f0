//! How the process ends.

/// All went well, or the engine asked for the end.
pub const OK: i32 = 0;
/// The plugin failed: it does not load, or an error nobody caught ended it.
pub const PLUGIN: i32 = 1;
/// What the kernel enforces differs from the settings (`EX_SOFTWARE`).
pub const REFUSED: i32 = 70;
/// The second filter or a thread could not be had (`EX_OSERR`).
pub const SYSTEM: i32 = 71;
/// The other end of the channel is gone or does not keep to the protocol (`EX_PROTOCOL`).
pub const PROTOCOL: i32 = 76;
/// The settings or arguments cannot be used (`EX_CONFIG`).
pub const CONFIG: i32 = 78;

/// Ends the process at once, whatever its threads are doing.
pub fn now(code: i32) -> ! {
    #[expect(unsafe_code, reason = "no safe way ends a process without destructors")]
    // SAFETY: `_exit` takes no pointer and does not return. JUSTIFICATION: `std::process::exit`
    // runs the engine's destructors while the JavaScript thread may still be inside it.
    unsafe {
        libc::_exit(code)
    }
}
