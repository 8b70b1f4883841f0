//! `Intl`: what both engines give in American English, and what there is of it where the engine has
//! none.

use crate::harness::Plugin;

#[test]
fn what_is_written_in_american_english_is_the_same_on_both_engines() {
    let mut shim = Plugin::new(include_str!("intl/same.js")).ready();
    assert_eq!(shim.json("wrong", "[]"), "[]");
}

#[test]
fn numbers_and_dates_are_written_the_same_whatever_a_plugin_made_of_the_language() {
    let mut shim = Plugin::new(
        "const at = new Date(0);
         const options = { dateStyle: 'long', timeZone: 'UTC' };
         const loosely = { sensitivity: 'base', ignorePunctuation: true };
         const includes = Function.prototype.call.bind(Array.prototype.includes);
         const localeMethods = ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString'];
         export const f = () => {
           for (const name of Object.getOwnPropertyNames(RegExp.prototype)) {
             if (name !== 'constructor') {
               Object.defineProperty(RegExp.prototype, name, { get() { throw new Error(name); } });
             }
           }
           for (const of of [Array, String, Number, Object, Date]) {
             for (const name of Object.getOwnPropertyNames(of.prototype)) {
               if (name === 'constructor' || includes(localeMethods, name)) continue;
               try { of.prototype[name] = () => { throw new Error(name); }; } catch {}
             }
           }
           Array.prototype[Symbol.iterator] = null;
           return at.toLocaleDateString('en-US', options) + ' ' + (1234.5).toLocaleString('en-US') +
             ' ' + new Intl.PluralRules('en-US').select(1) +
             ' ' + new Intl.Collator('en-US', loosely).compare('R\\u00e9s-um\\u00e9', 'resume');
         };",
    )
    .ready();
    assert_eq!(
        shim.json("f", "[]"),
        "\"January 1, 1970 1,234.5 one 0\"",
        "read when it is first looked at, which is after that"
    );
}

/// What is told of what there is not.
#[cfg(feature = "quickjs")]
#[test]
fn there_is_no_language_but_english_and_it_says_so() {
    let mut shim = Plugin::new(
        "const names = ['Collator', 'DateTimeFormat', 'ListFormat', 'NumberFormat', 'PluralRules',
           'RelativeTimeFormat'];
         export const locales = () => names.map((name) => [
           Intl[name].supportedLocalesOf(['de-DE', 'en-GB', 'EN', 'ja', 'eng', 'en-001', 'en-latn-gb',
             'en-latn-us', 'en-u-hc-h23']),
           new Intl[name]('de-DE').resolvedOptions().locale,
         ]);
         export const german = () => [
           new Date(0).toLocaleDateString('de-DE', { timeZone: 'UTC', dateStyle: 'full' }),
           (1234.5).toLocaleString('de-DE'),
         ];
         export const there = () => Object.getOwnPropertyNames(Intl).sort();
         export const cannot = () => [{ style: 'unit', unit: 'mile-per-hour' }, { notation: 'scientific' },
           { roundingIncrement: 5 }].map((options) => {
             try { return new Intl.NumberFormat('en', options).format(1); }
             catch (error) { return error.name; }
           });
         export const zones = () => typeof globalThis.__v8xTemporalTimeZone;",
    )
    .ready();
    let each = r#"[["en","en-Latn-US","en-u-hc-h23"],"en-US"]"#;
    assert_eq!(
        shim.json("locales", "[]"),
        format!("[{}]", [each; 6].join(","))
    );
    assert_eq!(
        shim.json("german", "[]"),
        r#"["Thursday, January 1, 1970","1,234.5"]"#
    );
    assert_eq!(
        shim.json("there", "[]"),
        r#"["Collator","DateTimeFormat","ListFormat","NumberFormat","PluralRules","RelativeTimeFormat","getCanonicalLocales"]"#
    );
    assert_eq!(
        shim.json("cannot", "[]"),
        r#"["RangeError","RangeError","RangeError"]"#
    );
    assert_eq!(shim.json("zones", "[]"), "\"undefined\"");
}
