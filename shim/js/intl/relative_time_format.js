// `Intl.RelativeTimeFormat` in English.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  Number,
  NumberIsFinite,
  ObjectHasOwn,
  ObjectIs,
  RangeError,
  RegExpPrototypeExec,
  SafeWeakMap,
  StringPrototypeSlice,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { loadExtScript } = core;
const { LOCALE, choice, finish, joined, known, mustBeNew, optionsOf, readCommon } = loadExtScript(
  "ext:lazaret/intl/common.js",
);
const numbers = loadExtScript("ext:lazaret/intl/number_format.js").formatter();

const formats = new SafeWeakMap();

// How each unit is shortened: one of it, more than one, and narrow.
const SHORT = {
  __proto__: null,
  year: ["yr.", "yr.", "y"],
  quarter: ["qtr.", "qtrs.", "q"],
  month: ["mo.", "mo.", "mo"],
  week: ["wk.", "wk.", "w"],
  day: ["day", "days", "d"],
  hour: ["hr.", "hr.", "h"],
  minute: ["min.", "min.", "m"],
  second: ["sec.", "sec.", "s"],
};

// What the last, this and the next one is called, where that is by another word.
const NEAR = {
  __proto__: null,
  day: ["yesterday", "today", "tomorrow"],
  hour: [undefined, "this hour", undefined],
  minute: [undefined, "this minute", undefined],
  second: [undefined, "now", undefined],
};

function near(style, unit, which) {
  if (NEAR[unit] !== undefined) return NEAR[unit][which];
  return `${["last", "this", "next"][which]} ${style === "long" ? unit : SHORT[unit][0]}`;
}

function unitOf(unit) {
  const text = `${unit}`;
  const one = RegExpPrototypeExec(/s$/, text) === null ? text : StringPrototypeSlice(text, 0, -1);
  if (!ObjectHasOwn(SHORT, one)) {
    const method = "Intl.RelativeTimeFormat.prototype.format()";
    throw new RangeError(`Invalid unit argument for ${method} '${text}'`);
  }
  return one;
}

function named(style, unit, isOne) {
  const words = SHORT[unit];
  if (style === "narrow") return words[2];
  if (style === "short") return ` ${words[isOne ? 0 : 1]}`;
  return ` ${unit}${isOne ? "" : "s"}`;
}

function partsOf({ numeric, style }, value, given) {
  const number = Number(value);
  const unit = unitOf(given);
  if (!NumberIsFinite(number)) throw new RangeError("Value need to be finite number");
  const past = number < 0 || ObjectIs(number, -0);
  const digits = numbers(past ? -number : number);
  const text = joined(digits);
  if (numeric === "auto" && (text === "0" || text === "1")) {
    const value = near(style, unit, text === "0" ? 1 : past ? 0 : 2);
    if (value !== undefined) return [{ type: "literal", value }];
  }
  const name = named(style, unit, text === "1");
  const parts = [];
  if (!past) ArrayPrototypePush(parts, { type: "literal", value: "in " });
  for (let i = 0; i < digits.length; i++) {
    ArrayPrototypePush(parts, { type: digits[i].type, value: digits[i].value, unit });
  }
  ArrayPrototypePush(parts, { type: "literal", value: past ? `${name} ago` : name });
  return parts;
}

function RelativeTimeFormat(locales = undefined, options = undefined) {
  mustBeNew(new.target, "RelativeTimeFormat");
  const read = optionsOf(options);
  readCommon(locales, read, ["numberingSystem"]);
  WeakMapPrototypeSet(formats, this, {
    __proto__: null,
    style: choice(read, "style", ["long", "short", "narrow"], "long"),
    numeric: choice(read, "numeric", ["always", "auto"], "always"),
  });
}

finish(RelativeTimeFormat, {
  format(value, unit) {
    const inner = known(WeakMapPrototypeGet(formats, this), "RelativeTimeFormat");
    return joined(partsOf(inner, value, unit));
  },
  formatToParts(value, unit) {
    return partsOf(known(WeakMapPrototypeGet(formats, this), "RelativeTimeFormat"), value, unit);
  },
  resolvedOptions() {
    const { style, numeric } = known(WeakMapPrototypeGet(formats, this), "RelativeTimeFormat");
    return { locale: LOCALE, style, numeric, numberingSystem: "latn" };
  },
});

return { RelativeTimeFormat };
})();
