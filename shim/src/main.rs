//! The init process of a Lazaret container; see the library for what it does.

use lazaret_shim::{boot, exit};

fn main() {
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    exit::now(boot::run(&arguments))
}
