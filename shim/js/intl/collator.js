// `Intl.Collator`, over the engine's own comparison. Of options that one knows `numeric` alone: for
// the others, what shall make no difference is taken out of the texts first.
(function () {
const { core, primordials } = __bootstrap;
const {
  RegExpPrototypeExec,
  RegExpPrototypeSymbolReplace,
  SafeRegExp,
  SafeWeakMap,
  StringPrototypeLocaleCompare,
  StringPrototypeNormalize,
  StringPrototypeToLowerCase,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { LOCALE, choice, finish, flag, known, optionsOf, readCommon } = core.loadExtScript(
  "ext:lazaret/intl/common.js",
);

const collators = new SafeWeakMap();

// Marks above and below letters.
const MARKS = new SafeRegExp(
  /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g,
);
const PUNCTUATION = new SafeRegExp(/[\p{P}\s]/gu);
const BEYOND_ASCII = /[^\u0000-\u007f]/;

// Letters that are others but for a mark that they cannot lose, and those others.
const STROKES = new SafeRegExp(
  /[\u00c6\u00d0\u00d8\u00df\u00e6\u00f0\u00f8\u0110\u0111\u0141\u0142\u0152\u0153\u1e9e]/g,
);
const PLAIN = {
  __proto__: null,
  "\u00c6": "AE",
  "\u00d8": "O",
  "\u00e6": "ae",
  "\u00f8": "o",
  "\u0110": "D",
  "\u0111": "d",
  "\u0141": "L",
  "\u0142": "l",
  "\u0152": "OE",
  "\u0153": "oe",
  "\u00d0": "D",
  "\u00f0": "d",
  "\u00df": "ss",
  "\u1e9e": "SS",
};

function without(text, pattern) {
  return RegExpPrototypeSymbolReplace(pattern, text, "");
}

function isAscii(text) {
  return RegExpPrototypeExec(BEYOND_ASCII, text) === null;
}

function unaccented(text) {
  if (isAscii(text)) return text;
  const plain = RegExpPrototypeSymbolReplace(STROKES, text, (letter) => PLAIN[letter]);
  return without(StringPrototypeNormalize(plain, "NFKD"), MARKS);
}

function folded(text) {
  return StringPrototypeToLowerCase(isAscii(text) ? text : StringPrototypeNormalize(text, "NFKC"));
}

function seenBy({ sensitivity, ignorePunctuation }, text) {
  let seen = ignorePunctuation ? without(text, PUNCTUATION) : text;
  if (sensitivity === "base" || sensitivity === "case") seen = unaccented(seen);
  if (sensitivity === "base" || sensitivity === "accent") seen = folded(seen);
  return seen;
}

function compared(inner, one, other) {
  const order = { __proto__: null, numeric: inner.numeric };
  const first = seenBy(inner, one);
  const second = seenBy(inner, other);
  const found = StringPrototypeLocaleCompare(first, second, LOCALE, order);
  if (found === 0 || inner.caseFirst !== "upper") return found;
  // Where they differ by more than case, that decides.
  const more = StringPrototypeLocaleCompare(folded(first), folded(second), LOCALE, order);
  return more === 0 ? -found : more;
}

function collatorOf(locales, options) {
  const read = optionsOf(options);
  readCommon(locales, read, ["collation"]);
  return {
    __proto__: null,
    usage: choice(read, "usage", ["sort", "search"], "sort"),
    sensitivity: choice(read, "sensitivity", ["base", "accent", "case", "variant"], "variant"),
    ignorePunctuation: flag(read, "ignorePunctuation") ?? false,
    numeric: flag(read, "numeric") ?? false,
    caseFirst: choice(read, "caseFirst", ["upper", "lower", "false"], "false"),
  };
}

function comparison(locales, options) {
  const inner = collatorOf(locales, options);
  return (one, other) => compared(inner, one, other);
}

function Collator(locales = undefined, options = undefined) {
  if (new.target === undefined) return new Collator(locales, options);
  WeakMapPrototypeSet(collators, this, collatorOf(locales, options));
}

finish(Collator, {
  get compare() {
    const inner = known(WeakMapPrototypeGet(collators, this), "Collator");
    return inner.bound ??= (0, (one, other) => compared(inner, `${one}`, `${other}`));
  },
  resolvedOptions() {
    const inner = known(WeakMapPrototypeGet(collators, this), "Collator");
    return {
      locale: LOCALE,
      usage: inner.usage,
      sensitivity: inner.sensitivity,
      ignorePunctuation: inner.ignorePunctuation,
      collation: "default",
      numeric: inner.numeric,
      caseFirst: inner.caseFirst,
    };
  },
});

return { Collator, comparison };
})();
