//! Sends QuickJS's `JS_Eval` through the shim's own: see `src/eval.rs`.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_QUICKJS").is_some() {
        println!("cargo:rustc-link-arg=-Wl,--wrap=JS_Eval");
    }
}
