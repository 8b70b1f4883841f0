// What the binding to QuickJS relies on and a plugin could change, and what QuickJS does not do as
// the language has it. Nothing to do on another engine.
"use strict";

((global) => {
  const { internals, primordials } = global.__bootstrap;
  const {
    ArrayBuffer,
    ArrayBufferPrototype,
    ArrayBufferPrototypeGetByteLength,
    ArrayBufferPrototypeSlice,
    BigIntPrototype,
    BigIntPrototypeValueOf,
    DataViewPrototype,
    DatePrototype,
    NumberPrototype,
    NumberPrototypeValueOf,
    ObjectDefineProperty,
    ReflectDeleteProperty,
    RangeError,
    StringPrototype,
    StringPrototypeLocaleCompare,
    TypeError,
    TypedArrayPrototypeSet,
    Uint8Array,
    uncurryThis,
  } = primordials;

  if (!("__v8xTemporalTimeZone" in global)) return;

  // What a clock shows in a time zone, for `intl/zones.js`; by its being there `web.js` knows that
  // the engine has no `Intl`.
  internals.partsInZone = global.__v8xTemporalTimeZone;
  ReflectDeleteProperty(global, "__v8xTemporalTimeZone");

  function fix(object, name, attributes) {
    ObjectDefineProperty(object, name, { __proto__: null, configurable: false, ...attributes });
  }

  // `src/runtime/kinds.rs` looks these up.
  fix(DataViewPrototype, "buffer");
  fix(DataViewPrototype, "byteLength");
  fix(DataViewPrototype, "byteOffset");
  fix(global, "Object", { writable: false });
  // The engine calls it for every template, also those of the runtime's own code.
  fix(StringPrototype, "concat", { writable: false });

  // The engine keeps using the memory of a buffer that was made outside of it after this has moved
  // it, and the binding does not notice that it shrank: there is no `resize`, and a buffer is
  // transferred as a copy.
  const detach = uncurryThis(ArrayBufferPrototype.transfer);

  function toIndex(value) {
    const number = +value;
    const index = number - number % 1;
    if (index !== index) return 0;
    if (index < 0 || index > 9007199254740991) throw new RangeError("invalid array buffer length");
    return index;
  }

  function transferred(buffer, length) {
    const bytes = ArrayBufferPrototypeGetByteLength(buffer);
    const size = length === undefined ? bytes : toIndex(length);
    let copy;
    if (size <= bytes) {
      copy = ArrayBufferPrototypeSlice(buffer, 0, size);
    } else {
      copy = new ArrayBuffer(size);
      TypedArrayPrototypeSet(new Uint8Array(copy), new Uint8Array(buffer, 0, bytes));
    }
    detach(buffer, 0);
    return copy;
  }

  const methods = {
    transfer(length = undefined) {
      return transferred(this, length);
    },
    transferToFixedLength(length = undefined) {
      return transferred(this, length);
    },
  };
  fix(ArrayBufferPrototype, "transfer", { value: methods.transfer });
  fix(ArrayBufferPrototype, "transferToFixedLength", { value: methods.transferToFixedLength });
  ReflectDeleteProperty(ArrayBufferPrototype, "transferToImmutable");
  ReflectDeleteProperty(ArrayBufferPrototype, "resize");

  // Options of a comparison that the engine takes no notice of.
  const UNKNOWN = [
    "caseFirst",
    "collation",
    "ignorePunctuation",
    "localeMatcher",
    "sensitivity",
    "usage",
  ];

  // The engine's own take no notice of locales and options.
  const intl = () => internals.loadExtScript("ext:lazaret/intl.js");

  function replace(object, replacements) {
    for (const name in replacements) {
      ObjectDefineProperty(object, name, { __proto__: null, value: replacements[name] });
    }
  }

  replace(DatePrototype, {
    __proto__: null,
    toLocaleString(locales = undefined, options = undefined) {
      return intl().dateText(this, locales, options, "any", "all");
    },
    toLocaleDateString(locales = undefined, options = undefined) {
      return intl().dateText(this, locales, options, "date", "date");
    },
    toLocaleTimeString(locales = undefined, options = undefined) {
      return intl().dateText(this, locales, options, "time", "time");
    },
  });
  replace(NumberPrototype, {
    __proto__: null,
    toLocaleString(locales = undefined, options = undefined) {
      return intl().numberText(NumberPrototypeValueOf(this), locales, options);
    },
  });
  replace(BigIntPrototype, {
    __proto__: null,
    toLocaleString(locales = undefined, options = undefined) {
      return intl().numberText(BigIntPrototypeValueOf(this), locales, options);
    },
  });
  // What sorting asks for, once for each two texts: the engine knows it.
  function isNumericAlone(options) {
    if (options === null) return false;
    for (let i = 0; i < UNKNOWN.length; i++) {
      if (options[UNKNOWN[i]] !== undefined) return false;
    }
    return true;
  }

  replace(StringPrototype, {
    __proto__: null,
    localeCompare(that, locales = undefined, options = undefined) {
      if (this === undefined || this === null) throw new TypeError("this is no text");
      const own = `${this}`;
      const text = `${that}`;
      const usual = locales === undefined || locales === "en" || locales === "en-US";
      if (usual && options === undefined) return StringPrototypeLocaleCompare(own, text);
      if (!usual || !isNumericAlone(options)) return intl().compare(own, text, locales, options);
      const order = { __proto__: null, numeric: !!options.numeric };
      return StringPrototypeLocaleCompare(own, text, undefined, order);
    },
  });
})(globalThis);
