// Numbers as their decimal digits: how they are read, rounded and cut into parts (ECMA-402, section
// 16.5). A double stands for the shortest decimal that is read as it.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  BigIntPrototypeToString,
  MathMax,
  MathMin,
  Number,
  NumberPrototypeToString,
  ObjectIs,
  RangeError,
  RegExpPrototypeExec,
  StringPrototypeCharCodeAt,
  StringPrototypePadEnd,
  StringPrototypePadStart,
  StringPrototypeRepeat,
  StringPrototypeSlice,
  StringPrototypeTrim,
} = primordials;
const { choice, outOfRange, whole } = core.loadExtScript("ext:lazaret/intl/common.js");

// It says in one way alone which digits are before a point: what is none is refused in one go.
const DECIMAL = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?$/;

// More digits than a number of the language can have.
const MOST_EXPONENT = 10_000;

// `0.DIGITS` times ten to the power of `point`; zero has no digits.
function decimal(negative, digits, point) {
  let from = 0;
  while (from < digits.length && digits[from] === "0") from++;
  let to = digits.length;
  while (to > from && digits[to - 1] === "0") to--;
  const kept = StringPrototypeSlice(digits, from, to);
  return { __proto__: null, negative, digits: kept, point: kept === "" ? 0 : point - from };
}

function parsed(text) {
  const found = RegExpPrototypeExec(DECIMAL, text);
  if (found === null) return undefined;
  const digits = found[2] + (found[3] ?? "");
  if (digits === "") return undefined;
  const exponent = Number(found[4] ?? 0);
  if (exponent > MOST_EXPONENT || exponent < -MOST_EXPONENT) return undefined;
  return decimal(found[1] === "-", digits, found[2].length + exponent);
}

// A value as what is formatted: `special` is set for what has no digits.
function toDecimal(value) {
  const primitive = typeof value === "object" || typeof value === "function"
    ? toPrimitive(value)
    : value;
  if (typeof primitive === "bigint") return parsed(BigIntPrototypeToString(primitive));
  if (typeof primitive === "string") {
    const exact = parsed(StringPrototypeTrim(primitive));
    if (exact !== undefined) return exact;
  }
  const number = Number(primitive);
  if (number !== number) return { __proto__: null, negative: false, special: "NaN" };
  if (number === Infinity || number === -Infinity) {
    return { __proto__: null, negative: number < 0, special: "\u221e" };
  }
  const made = parsed(NumberPrototypeToString(number));
  if (ObjectIs(number, -0)) made.negative = true;
  return made;
}

// `Number` would not leave a BigInt one.
function toPrimitive(value) {
  if (value === null) return 0;
  const convert = value[primordials.SymbolToPrimitive];
  if (convert !== undefined && convert !== null) {
    return primordials.ReflectApply(convert, value, ["number"]);
  }
  const own = value.valueOf();
  return typeof own === "object" || typeof own === "function" ? `${value}` : own;
}

// Whether digits that are cut off count as one more of the last that stays.
function roundsUp({ negative, digits }, kept, mode) {
  const rest = StringPrototypeSlice(digits, MathMax(kept, 0));
  if (rest === "") return false;
  const half = kept < 0 ? -1 : rest === "5" ? 0 : StringPrototypeCharCodeAt(rest, 0) >= 53 ? 1 : -1;
  switch (mode) {
    case "ceil":
      return !negative;
    case "floor":
      return negative;
    case "expand":
      return true;
    case "trunc":
      return false;
    case "halfCeil":
      return half > 0 || (half === 0 && !negative);
    case "halfFloor":
      return half > 0 || (half === 0 && negative);
    case "halfTrunc":
      return half > 0;
    case "halfEven": {
      const last = kept > 0 ? StringPrototypeCharCodeAt(digits, kept - 1) : 48;
      return half > 0 || (half === 0 && last % 2 === 1);
    }
    default:
      return half >= 0;
  }
}

// Rounded to so many digits after the point, which may be fewer than none.
function roundedAt(value, places, mode) {
  const kept = value.point + places;
  if (kept >= value.digits.length) return value;
  const up = roundsUp(value, kept, mode);
  if (kept < 0) return decimal(value.negative, up ? "1" : "", 1 - places);
  let digits = StringPrototypeSlice(value.digits, 0, kept);
  if (!up) return decimal(value.negative, digits, value.point);
  let nines = 0;
  while (nines < kept && digits[kept - 1 - nines] === "9") nines++;
  if (nines === kept) return decimal(value.negative, "1", value.point + 1);
  const last = StringPrototypeCharCodeAt(digits, kept - 1 - nines) - 47;
  digits = StringPrototypeSlice(digits, 0, kept - 1 - nines) + last;
  return decimal(value.negative, digits, value.point);
}

// Rounded, with how many digits after the point are written at least.
function rounded(value, options) {
  const { minimumFractionDigits, maximumFractionDigits, roundingMode, roundingPriority } = options;
  const byPlaces = { __proto__: null, places: maximumFractionDigits, least: minimumFractionDigits };
  const most = options.maximumSignificantDigits;
  let chosen = byPlaces;
  if (most !== undefined) {
    const magnitude = value.digits === "" ? 1 : value.point;
    const bySignificant = { __proto__: null, places: most - magnitude, least: undefined };
    const finer = maximumFractionDigits === undefined ||
      bySignificant.places >= maximumFractionDigits;
    if (roundingPriority === "auto") chosen = bySignificant;
    else if (roundingPriority === "morePrecision") chosen = finer ? bySignificant : byPlaces;
    else chosen = finer ? byPlaces : bySignificant;
  }
  const found = roundedAt(value, chosen.places, roundingMode);
  const magnitude = found.digits === "" ? 1 : found.point;
  const least = chosen.least ?? MathMax(0, options.minimumSignificantDigits - magnitude);
  return { __proto__: null, found, least };
}

// Digits before and after the point.
function split({ digits, point }, leastFraction, leastInteger) {
  const before = MathMax(point, 0);
  let integer = StringPrototypePadEnd(StringPrototypeSlice(digits, 0, before), before, "0");
  integer = StringPrototypePadStart(integer, leastInteger, "0");
  const zeros = StringPrototypeRepeat("0", MathMax(0, -point));
  let fraction = (digits === "" ? "" : zeros) + StringPrototypeSlice(digits, before);
  fraction = StringPrototypePadEnd(fraction, leastFraction, "0");
  return { __proto__: null, fraction, integer };
}

// The parts of those digits, in groups of three from `fewest` digits on.
function digitParts(integer, fraction, fewest) {
  const parts = [];
  if (integer.length < fewest) {
    ArrayPrototypePush(parts, { type: "integer", value: integer });
  } else {
    let to = (integer.length - 1) % 3 + 1;
    for (let from = 0; from < integer.length; from = to, to += 3) {
      if (from > 0) ArrayPrototypePush(parts, { type: "group", value: "," });
      const value = StringPrototypeSlice(integer, from, to);
      ArrayPrototypePush(parts, { type: "integer", value });
    }
  }
  if (fraction !== "") {
    ArrayPrototypePush(parts, { type: "decimal", value: "." });
    ArrayPrototypePush(parts, { type: "fraction", value: fraction });
  }
  return parts;
}

const MODES = [
  "ceil",
  "floor",
  "expand",
  "trunc",
  "halfCeil",
  "halfFloor",
  "halfExpand",
  "halfTrunc",
  "halfEven",
];

// How digits are rounded and how many are written (SetNumberFormatDigitOptions). Without any choice
// it is from `least` to `most` after the point, or as is usual for shortened numbers.
function digitOptions(options, least, most, compact) {
  const integer = whole(options.minimumIntegerDigits, "minimumIntegerDigits", 1, 21, 1);
  const { minimumFractionDigits: mnfd, maximumFractionDigits: mxfd } = options;
  const { minimumSignificantDigits: mnsd, maximumSignificantDigits: mxsd } = options;
  const increment = whole(options.roundingIncrement, "roundingIncrement", 1, 5000, 1);
  if (increment !== 1) throw outOfRange(increment, "roundingIncrement");
  const mode = choice(options, "roundingMode", MODES, "halfExpand");
  const priorities = ["auto", "morePrecision", "lessPrecision"];
  const priority = choice(options, "roundingPriority", priorities, "auto");
  const zeros = choice(options, "trailingZeroDisplay", ["auto", "stripIfInteger"], "auto");
  const made = { __proto__: null, minimumIntegerDigits: integer };
  const significant = mnsd !== undefined || mxsd !== undefined;
  const fraction = mnfd !== undefined || mxfd !== undefined;
  const needsFraction = priority !== "auto" || (!significant && (fraction || !compact));
  if (needsFraction) {
    let low = whole(mnfd, "minimumFractionDigits", 0, 100, undefined);
    let high = whole(mxfd, "maximumFractionDigits", 0, 100, undefined);
    if (low === undefined && high === undefined) {
      low = least;
      high = most;
    } else if (low === undefined) {
      low = MathMin(least, high);
    } else if (high === undefined) {
      high = MathMax(most, low);
    } else if (low > high) {
      throw new RangeError("maximumFractionDigits value is out of range.");
    }
    made.minimumFractionDigits = low;
    made.maximumFractionDigits = high;
  }
  if (significant || priority !== "auto") {
    const low = whole(mnsd, "minimumSignificantDigits", 1, 21, 1);
    made.minimumSignificantDigits = low;
    made.maximumSignificantDigits = whole(mxsd, "maximumSignificantDigits", low, 21, 21);
  }
  const usual = !needsFraction && !significant;
  if (usual) {
    made.minimumFractionDigits = 0;
    made.maximumFractionDigits = 0;
    made.minimumSignificantDigits = 1;
    made.maximumSignificantDigits = 2;
  }
  made.roundingIncrement = increment;
  made.roundingMode = mode;
  made.roundingPriority = usual ? "morePrecision" : priority;
  made.trailingZeroDisplay = zeros;
  return made;
}

return { digitOptions, digitParts, rounded, split, toDecimal };
})();
