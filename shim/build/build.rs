//! Puts the JavaScript of the runtime and of Deno's extension crates into the program, and sends some
//! calls into QuickJS through the shim's own functions, see `src/eval.rs` and `src/runtime/kinds.rs`.

#[cfg(feature = "quickjs")]
mod bytecode;
mod scripts;

use std::path::{Path, PathBuf};

use scripts::Script;

fn main() {
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=../Cargo.lock");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let found = scripts::find();
    write(&out, "scripts.rs", sources(&found, &out));
    #[cfg(feature = "quickjs")]
    {
        for function in ["JS_Eval", "JS_GetPropertyStr"] {
            println!("cargo:rustc-link-arg=-Wl,--wrap={function}");
        }
        write(&out, "compiled.rs", bytecode::table(found, &out));
    }
}

/// The scripts that are evaluated when they are needed, sorted by name, as Rust.
fn sources(found: &[Script], out: &Path) -> String {
    let mut text = "pub(super) const LAZY: &[(&str, &str)] = &[\n".to_owned();
    for (
        index,
        Script {
            name, text: source, ..
        },
    ) in found.iter().enumerate().filter(|(_, script)| script.lazy)
    {
        // `deno_core` makes strings of them without looking.
        assert!(source.is_ascii(), "`{name}` is to be ASCII");
        let path = write(out, &format!("{index}.js"), source);
        text += &format!("({name:?}, include_str!({path:?})),\n");
    }
    text + "];\n"
}

/// Writes a file below `out`, and gives its path.
fn write(out: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = out.join(name);
    fs_err::write(&path, bytes).expect("cargo made the directory");
    path.to_str().expect("cargo's paths are text").to_owned()
}
