// `Intl.PluralRules` in English.
(function () {
const { core, primordials } = __bootstrap;
const {
  Number,
  SafeWeakMap,
  StringPrototypeSlice,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { loadExtScript } = core;
const { LOCALE, choice, finish, known, mustBeNew, optionsOf, readCommon } = loadExtScript(
  "ext:lazaret/intl/common.js",
);
const { digitOptions, rounded, split, toDecimal } = loadExtScript("ext:lazaret/intl/decimals.js");

const rules = new SafeWeakMap();

function PluralRules(locales = undefined, options = undefined) {
  mustBeNew(new.target, "PluralRules");
  const read = optionsOf(options);
  readCommon(locales, read, []);
  WeakMapPrototypeSet(rules, this, {
    __proto__: null,
    type: choice(read, "type", ["cardinal", "ordinal"], "cardinal"),
    notation: choice(read, "notation", ["standard"], "standard"),
    digits: digitOptions(read, 0, 3, false),
  });
}

// By the digits that are written: 1 is one, 1.0 is not.
function categoryOf({ type, digits }, value) {
  if (value.special !== undefined) return "other";
  const { found, least } = rounded(value, digits);
  const { integer, fraction } = split(found, least, 1);
  if (type === "cardinal") return integer === "1" && fraction === "" ? "one" : "other";
  if (found.point < found.digits.length && found.digits !== "") return "other";
  const hundredth = Number(StringPrototypeSlice(integer, -2));
  if (hundredth >= 11 && hundredth <= 13) return "other";
  switch (hundredth % 10) {
    case 1:
      return "one";
    case 2:
      return "two";
    case 3:
      return "few";
    default:
      return "other";
  }
}

finish(PluralRules, {
  select(value) {
    const inner = known(WeakMapPrototypeGet(rules, this), "PluralRules");
    return categoryOf(inner, toDecimal(Number(value)));
  },
  resolvedOptions() {
    const inner = known(WeakMapPrototypeGet(rules, this), "PluralRules");
    const { roundingIncrement, roundingMode, roundingPriority, trailingZeroDisplay, ...digits } =
      inner.digits;
    const pluralCategories = inner.type === "cardinal"
      ? ["one", "other"]
      : ["one", "two", "few", "other"];
    return {
      locale: LOCALE,
      type: inner.type,
      notation: inner.notation,
      ...digits,
      pluralCategories,
      roundingIncrement,
      roundingMode,
      roundingPriority,
      trailingZeroDisplay,
    };
  },
});

return { PluralRules };
})();
