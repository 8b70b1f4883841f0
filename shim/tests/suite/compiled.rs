//! The runtime's own scripts are in the program as bytecode: no start parses them. It has no text
//! of functions, so that one that was parsed shows itself by its text.

use super::harness::Plugin;

#[test]
fn all_that_a_plugin_finds_was_compiled_before() {
    let mut shim = Plugin::new(
        "const text = (value) => Function.prototype.toString.call(value);
         const seen = new Set();
         const parsed = [];
         function look(value, name) {
           if (value === null || !['function', 'object'].includes(typeof value)) return;
           if (seen.has(value)) return;
           seen.add(value);
           if (typeof value === 'function' && !text(value).includes('[native code]')) parsed.push(name);
           for (const key of Reflect.ownKeys(value)) {
             const { value: inner, get, set } = Object.getOwnPropertyDescriptor(value, key);
             for (const part of [inner, get, set]) look(part, `${name}.${String(key)}`);
           }
         }
         export const f = () => {
           // What is made when it is first looked at, and by getters that `look` does not call.
           for (const whole of [Intl, lazaret]) {
             for (const name of Object.getOwnPropertyNames(whole)) look(whole[name], name);
           }
           for (const name of Object.getOwnPropertyNames(globalThis)) look(globalThis[name], name);
           return [seen.size > 1000, parsed];
         };
         export const own = () => text(() => 1 + 1);",
    )
    .ready();
    assert_eq!(shim.json("f", "[]"), "[true,[]]");
    assert_eq!(shim.json("own", "[]"), "\"() => 1 + 1\"");
}
