// `Intl.NumberFormat` in English: plain numbers, shortened ones, percentages, money and measures.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  ArrayPrototypeUnshift,
  Number,
  RangeError,
  RegExpPrototypeExec,
  SafeWeakMap,
  StringPrototypeSlice,
  StringPrototypeToUpperCase,
  TypeError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { loadExtScript } = core;
const { LOCALE, choice, finish, joined, known, optionsOf, readCommon } = loadExtScript(
  "ext:lazaret/intl/common.js",
);
const { digitOptions, digitParts, rounded, split, toDecimal } = loadExtScript(
  "ext:lazaret/intl/decimals.js",
);
const { nameOf, placesOf, signOf } = loadExtScript("ext:lazaret/intl/currencies.js");

const { isUnit, unitName } = loadExtScript("ext:lazaret/intl/units.js");

const formats = new SafeWeakMap();

const STYLES = ["decimal", "percent", "currency", "unit"];
const SHORT = ["", "K", "M", "B", "T"];
const LONG = ["", "thousand", "million", "billion", "trillion"];

function read(locales, options) {
  readCommon(locales, options, ["numberingSystem"]);
  const made = { __proto__: null };
  made.style = choice(options, "style", STYLES, "decimal");
  readCurrency(made, options);
  readUnit(made, options);
  made.notation = choice(options, "notation", ["standard", "compact"], "standard");
  const compact = made.notation === "compact";
  const money = made.style === "currency" && !compact;
  const places = money ? placesOf(made.currency) : 0;
  const most = money ? places : made.style === "percent" ? 0 : 3;
  made.digits = digitOptions(options, places, most, compact);
  const display = choice(options, "compactDisplay", ["short", "long"], "short");
  made.compactDisplay = compact ? display : undefined;
  made.useGrouping = grouping(options, compact ? "min2" : "auto");
  const signs = ["auto", "never", "always", "exceptZero", "negative"];
  made.signDisplay = choice(options, "signDisplay", signs, "auto");
  return made;
}

function readCurrency(made, options) {
  const { currency } = options;
  if (currency !== undefined && RegExpPrototypeExec(/^[a-z]{3}$/i, `${currency}`) === null) {
    throw new RangeError(`Invalid currency code : ${currency}`);
  }
  const displays = ["code", "symbol", "narrowSymbol", "name"];
  const display = choice(options, "currencyDisplay", displays, "symbol");
  const sign = choice(options, "currencySign", ["standard", "accounting"], "standard");
  if (made.style !== "currency") return;
  if (currency === undefined) throw new TypeError("Currency code is required with currency style.");
  made.currency = StringPrototypeToUpperCase(`${currency}`);
  made.currencyDisplay = display;
  made.currencySign = sign;
}

function readUnit(made, options) {
  const { unit } = options;
  if (unit !== undefined && !isUnit(`${unit}`)) {
    throw new RangeError(`Invalid unit argument for Intl.NumberFormat() '${unit}'`);
  }
  const display = choice(options, "unitDisplay", ["short", "narrow", "long"], "short");
  if (made.style !== "unit") return;
  if (unit === undefined) throw new TypeError("Invalid unit argument for Intl.NumberFormat() ''");
  made.unit = `${unit}`;
  made.unitDisplay = display;
}

function grouping(options, fallback) {
  const { useGrouping } = options;
  // Older code has texts here, which say nothing (ECMA-402, GetBooleanOrStringNumberFormatOption).
  const nothing = useGrouping === undefined || useGrouping === "true" || useGrouping === "false";
  if (nothing) return fallback;
  if (useGrouping === true) return "always";
  if (!useGrouping) return false;
  return choice(options, "useGrouping", ["min2", "auto", "always"]);
}

// How a number is shortened: by which power of a thousand, and what is left of it.
function shortened(value, digits) {
  for (let power = 0;; power++) {
    const less = { __proto__: null, ...value, point: value.point - 3 * power };
    const made = rounded(value.digits === "" ? value : less, digits);
    const last = power === SHORT.length - 1;
    if (last || made.found.point <= 3) return { __proto__: null, ...made, power };
  }
}

function numberParts(inner, value) {
  if (value.special !== undefined) {
    const type = value.special === "NaN" ? "nan" : "infinity";
    return { __proto__: null, parts: [{ type, value: value.special }], zero: type === "nan" };
  }
  const percent = inner.style === "percent" && value.digits !== "";
  const exact = percent ? { __proto__: null, ...value, point: value.point + 2 } : value;
  const { found, least, power } = inner.notation === "compact"
    ? shortened(exact, inner.digits)
    : { __proto__: null, ...rounded(exact, inner.digits), power: 0 };
  const strips = inner.digits.trailingZeroDisplay === "stripIfInteger" &&
    found.point >= found.digits.length;
  const { integer, fraction } = split(found, strips ? 0 : least, inner.digits.minimumIntegerDigits);
  const fewest = inner.useGrouping === false ? Infinity : inner.useGrouping === "min2" ? 5 : 4;
  const parts = digitParts(integer, fraction, fewest);
  if (power > 0) {
    const long = inner.compactDisplay === "long";
    if (long) ArrayPrototypePush(parts, { type: "literal", value: " " });
    ArrayPrototypePush(parts, { type: "compact", value: (long ? LONG : SHORT)[power] });
  }
  return { __proto__: null, parts, zero: found.digits === "" };
}

function plusOrMinus({ signDisplay }, negative, zero) {
  switch (signDisplay) {
    case "never":
      return "";
    case "always":
      return negative ? "-" : "+";
    case "exceptZero":
      return zero ? "" : negative ? "-" : "+";
    case "negative":
      return negative && !zero ? "-" : "";
    default:
      return negative ? "-" : "";
  }
}

// Whether no more is written than that it is one.
function isOne(parts) {
  return parts.length === 1 && Number(parts[0].value) === 1;
}

// A code stands apart from the number, a sign does not.
function putCurrency(inner, parts) {
  const { currency, currencyDisplay } = inner;
  if (currencyDisplay === "name") {
    const name = nameOf(currency, isOne(parts));
    ArrayPrototypePush(parts, { type: "literal", value: " " });
    ArrayPrototypePush(parts, { type: "currency", value: name });
    return;
  }
  const narrow = currencyDisplay === "narrowSymbol";
  const shown = (currencyDisplay === "code" ? undefined : signOf(currency, narrow)) ?? currency;
  const last = StringPrototypeSlice(shown, -1);
  if (RegExpPrototypeExec(/[\p{L}]/u, last) !== null) {
    ArrayPrototypeUnshift(parts, { type: "literal", value: "\u00a0" });
  }
  ArrayPrototypeUnshift(parts, { type: "currency", value: shown });
}

function putUnit({ unit, unitDisplay }, parts) {
  const { apart, name } = unitName(unit, unitDisplay, isOne(parts));
  if (apart) ArrayPrototypePush(parts, { type: "literal", value: " " });
  ArrayPrototypePush(parts, { type: "unit", value: name });
}

function partsOf(inner, value) {
  const { parts, zero } = numberParts(inner, value);
  if (inner.style === "unit") putUnit(inner, parts);
  if (inner.style === "percent") ArrayPrototypePush(parts, { type: "percentSign", value: "%" });
  if (inner.style === "currency") putCurrency(inner, parts);
  const sign = plusOrMinus(inner, value.negative, zero);
  if (sign === "+") ArrayPrototypeUnshift(parts, { type: "plusSign", value: sign });
  if (sign === "-") {
    const brackets = inner.currencySign === "accounting" && inner.currencyDisplay !== "name";
    if (brackets) {
      ArrayPrototypeUnshift(parts, { type: "literal", value: "(" });
      ArrayPrototypePush(parts, { type: "literal", value: ")" });
    } else {
      ArrayPrototypeUnshift(parts, { type: "minusSign", value: sign });
    }
  }
  return parts;
}

function NumberFormat(locales = undefined, options = undefined) {
  if (new.target === undefined) return new NumberFormat(locales, options);
  WeakMapPrototypeSet(formats, this, read(locales, optionsOf(options)));
}

finish(NumberFormat, {
  get format() {
    const inner = known(WeakMapPrototypeGet(formats, this), "NumberFormat");
    return inner.bound ??= (0, (value) => joined(partsOf(inner, toDecimal(value))));
  },
  formatToParts(value) {
    const inner = known(WeakMapPrototypeGet(formats, this), "NumberFormat");
    return partsOf(inner, toDecimal(value));
  },
  resolvedOptions() {
    const inner = known(WeakMapPrototypeGet(formats, this), "NumberFormat");
    const { roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay, ...digits } =
      inner.digits;
    const money = inner.style === "currency" && {
      currency: inner.currency,
      currencyDisplay: inner.currencyDisplay,
      currencySign: inner.currencySign,
    };
    return {
      locale: LOCALE,
      numberingSystem: "latn",
      style: inner.style,
      ...money,
      ...(inner.style === "unit" && { unit: inner.unit, unitDisplay: inner.unitDisplay }),
      ...digits,
      useGrouping: inner.useGrouping,
      notation: inner.notation,
      ...(inner.notation === "compact" && { compactDisplay: inner.compactDisplay }),
      signDisplay: inner.signDisplay,
      roundingIncrement,
      roundingMode,
      roundingPriority,
      trailingZeroDisplay,
    };
  },
});

// What gives the parts of a number.
function formatter(locales, options) {
  const inner = read(locales, optionsOf(options));
  return (value) => partsOf(inner, toDecimal(value));
}

return { NumberFormat, formatter };
})();
