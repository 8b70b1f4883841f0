// `Intl` for QuickJS, which has none: in American English alone, and saying so. What would not be
// right is not there. Each part is read when it is first looked at.
(function () {
const { internals, primordials } = __bootstrap;
const { ObjectDefineProperty, ReflectDefineProperty } = primordials;
const { loadExtScript } = internals;
const { canonicalLocales, define, joined, tagged } = loadExtScript("ext:lazaret/intl/common.js");

const Intl = {};
tagged(Intl, "Intl");
define(Intl, {
  getCanonicalLocales(locales) {
    return canonicalLocales(locales);
  },
});

const parts = {
  __proto__: null,
  Collator: "collator",
  DateTimeFormat: "date_time_format",
  ListFormat: "list_format",
  NumberFormat: "number_format",
  PluralRules: "plural_rules",
  RelativeTimeFormat: "relative_time_format",
};

function part(name) {
  return loadExtScript(`ext:lazaret/intl/${parts[name]}.js`);
}

function plain(value) {
  return { __proto__: null, configurable: true, enumerable: false, value, writable: true };
}

for (const name in parts) {
  ObjectDefineProperty(Intl, name, {
    __proto__: null,
    configurable: true,
    enumerable: false,
    get() {
      const made = part(name)[name];
      // Of a frozen object it stays a getter.
      ReflectDefineProperty(Intl, name, plain(made));
      return made;
    },
    set: (value) => void ObjectDefineProperty(Intl, name, plain(value)),
  });
}

// What methods of the language give that go by a locale.
function dateText(date, locales, options, needed, defaults) {
  return part("DateTimeFormat").dateText(date, locales, options, needed, defaults);
}

function numberText(value, locales, options) {
  return joined(part("NumberFormat").formatter(locales, options)(value));
}

function compare(one, other, locales, options) {
  return part("Collator").comparison(locales, options)(one, other);
}

return { Intl, compare, dateText, numberText };
})();
