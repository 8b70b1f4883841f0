// What the parts of `Intl` share: how language tags and options are read (ECMA-402, chapters 6 and
// 9), and how a class of it is laid out.
(function () {
const { primordials } = __bootstrap;
const {
  ArrayPrototypeIncludes,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  ArrayPrototypeSlice,
  ArrayPrototypeSort,
  MathFloor,
  Number,
  Object,
  ObjectCreate,
  ObjectDefineProperty,
  RangeError,
  ReflectGetOwnPropertyDescriptor,
  ReflectOwnKeys,
  RegExpPrototypeExec,
  StringPrototypeSlice,
  StringPrototypeSplit,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  SymbolToStringTag,
  TypeError,
} = primordials;

// The only one there is.
const LOCALE = "en-US";

const LANGUAGE = /^([a-z]{2,3}|[a-z]{5,8})$/;
const SCRIPT = /^[a-z]{4}$/;
const REGION = /^([a-z]{2}|[0-9]{3})$/;
const VARIANT = /^([a-z0-9]{5,8}|[0-9][a-z0-9]{3})$/;
const SINGLETON = /^[a-z0-9]$/;
const OF_EXTENSION = /^[a-z0-9]{2,8}$/;
const OF_PRIVATE_USE = /^[a-z0-9]{1,8}$/;

function is(kind, part) {
  return part !== undefined && RegExpPrototypeExec(kind, part) !== null;
}

// Keywords of Unicode's extension are sorted, and of what is true only the key is written.
function keywords(parts) {
  const attributes = [];
  const found = [];
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].length === 2) ArrayPrototypePush(found, parts[i]);
    else if (found.length === 0) ArrayPrototypePush(attributes, parts[i]);
    else if (parts[i] !== "true") found[found.length - 1] += `-${parts[i]}`;
  }
  ArrayPrototypeSort(attributes);
  ArrayPrototypeSort(found);
  for (let i = 0; i < found.length; i++) ArrayPrototypePush(attributes, found[i]);
  return attributes;
}

// A tag in its usual case and order; names that have become others stay.
function canonicalTag(tag) {
  const wrong = () => new RangeError(`Invalid language tag: ${tag}`);
  const parts = StringPrototypeSplit(StringPrototypeToLowerCase(tag), "-");
  if (!is(LANGUAGE, parts[0])) throw wrong();
  const whole = [parts[0]];
  let i = 1;
  if (is(SCRIPT, parts[i])) {
    const first = StringPrototypeToUpperCase(parts[i][0]);
    ArrayPrototypePush(whole, first + StringPrototypeSlice(parts[i++], 1));
  }
  if (is(REGION, parts[i])) ArrayPrototypePush(whole, StringPrototypeToUpperCase(parts[i++]));
  const variants = [];
  for (; is(VARIANT, parts[i]); i++) {
    if (ArrayPrototypeIncludes(variants, parts[i])) throw wrong();
    ArrayPrototypePush(variants, parts[i]);
  }
  ArrayPrototypeSort(variants);
  const extensions = [];
  const seen = [];
  let privateUse = "";
  while (i < parts.length) {
    const singleton = parts[i++];
    const from = i;
    const kind = singleton === "x" ? OF_PRIVATE_USE : OF_EXTENSION;
    while (is(kind, parts[i])) i++;
    if (!is(SINGLETON, singleton) || i === from || ArrayPrototypeIncludes(seen, singleton)) {
      throw wrong();
    }
    ArrayPrototypePush(seen, singleton);
    const own = ArrayPrototypeSlice(parts, from, i);
    const text = ArrayPrototypeJoin(singleton === "u" ? keywords(own) : own, "-");
    if (singleton === "x") privateUse = `-x-${text}`;
    else ArrayPrototypePush(extensions, `${singleton}-${text}`);
  }
  ArrayPrototypeSort(extensions);
  for (let n = 0; n < variants.length; n++) ArrayPrototypePush(whole, variants[n]);
  for (let n = 0; n < extensions.length; n++) ArrayPrototypePush(whole, extensions[n]);
  return ArrayPrototypeJoin(whole, "-") + privateUse;
}

function canonicalLocales(locales) {
  const found = [];
  if (locales === undefined) return found;
  const list = typeof locales === "string" ? [locales] : Object(locales);
  if (locales === null) throw new TypeError("Cannot convert null to object");
  const length = MathFloor(Number(list.length)) || 0;
  for (let i = 0; i < length; i++) {
    if (!(i in list)) continue;
    const tag = list[i];
    if (typeof tag !== "string" && (typeof tag !== "object" || tag === null)) {
      throw new TypeError("Language ID should be string or object.");
    }
    const canonical = canonicalTag(`${tag}`);
    if (!ArrayPrototypeIncludes(found, canonical)) ArrayPrototypePush(found, canonical);
  }
  return found;
}

// ----- options -----

function optionsOf(options) {
  if (options === undefined) return ObjectCreate(null);
  if (options === null) throw new TypeError("Cannot convert null to object");
  return Object(options);
}

// Newer classes take no options but objects.
function optionsObject(options) {
  if (options === undefined) return ObjectCreate(null);
  if (options === null || (typeof options !== "object" && typeof options !== "function")) {
    throw new TypeError("options must be an object");
  }
  return options;
}

function outOfRange(value, name) {
  return new RangeError(`Value ${value} out of range for Intl options property ${name}`);
}

// One of several texts.
function choice(options, name, values, fallback = undefined) {
  const value = options[name];
  if (value === undefined) return fallback;
  const text = `${value}`;
  if (!ArrayPrototypeIncludes(values, text)) throw outOfRange(text, name);
  return text;
}

function flag(options, name) {
  const value = options[name];
  return value === undefined ? undefined : !!value;
}

function whole(value, name, least, most, fallback) {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (!(number >= least && number <= most)) throw new RangeError(`${name} value is out of range.`);
  return MathFloor(number);
}

// What may be asked for and makes no difference here: there is one locale with one calendar and one
// way to write digits.
function readCommon(locales, options, keys) {
  canonicalLocales(locales);
  choice(options, "localeMatcher", ["lookup", "best fit"]);
  for (let i = 0; i < keys.length; i++) {
    const value = options[keys[i]];
    if (value === undefined) continue;
    if (RegExpPrototypeExec(/^[a-z0-9]{3,8}(-[a-z0-9]{3,8})*$/i, `${value}`) === null) {
      throw new RangeError(`Invalid ${keys[i]} : ${value}`);
    }
  }
}

// ----- classes -----

function define(object, methods) {
  const keys = ReflectOwnKeys(methods);
  for (let i = 0; i < keys.length; i++) {
    const property = ReflectGetOwnPropertyDescriptor(methods, keys[i]);
    ObjectDefineProperty(object, keys[i], { __proto__: null, ...property, enumerable: false });
  }
}

// Whether a tag is of what there is: English, without a region or as it is written in that one.
function isServed(tag) {
  const parts = StringPrototypeSplit(StringPrototypeToLowerCase(tag), "-");
  const region = parts[is(SCRIPT, parts[1]) ? 2 : 1];
  return parts[0] === "en" && (region === "us" || !is(REGION, region));
}

const statics = {
  supportedLocalesOf(locales, options = undefined) {
    const asked = canonicalLocales(locales);
    choice(optionsOf(options), "localeMatcher", ["lookup", "best fit"]);
    const found = [];
    for (let i = 0; i < asked.length; i++) {
      if (isServed(asked[i])) ArrayPrototypePush(found, asked[i]);
    }
    return found;
  },
};

function tagged(object, tag) {
  ObjectDefineProperty(object, SymbolToStringTag, {
    __proto__: null,
    configurable: true,
    value: tag,
  });
}

// Gives a constructor its methods.
function finish(constructor, methods) {
  define(constructor, statics);
  define(constructor.prototype, methods);
  ObjectDefineProperty(constructor.prototype, "constructor", {
    __proto__: null,
    enumerable: false,
  });
  tagged(constructor.prototype, `Intl.${constructor.name}`);
  ObjectDefineProperty(constructor, "prototype", { __proto__: null, writable: false });
  return constructor;
}

function mustBeNew(target, name) {
  if (target === undefined) throw new TypeError(`Constructor Intl.${name} requires 'new'`);
}

// What a constructor made of its options, for a method that was called on something.
function known(inner, name) {
  if (inner === undefined) throw new TypeError(`this is no Intl.${name}`);
  return inner;
}

function joined(parts) {
  let text = "";
  for (let i = 0; i < parts.length; i++) text += parts[i].value;
  return text;
}

return {
  LOCALE,
  canonicalLocales,
  choice,
  define,
  finish,
  flag,
  joined,
  known,
  mustBeNew,
  optionsObject,
  optionsOf,
  outOfRange,
  readCommon,
  tagged,
  whole,
};
})();
