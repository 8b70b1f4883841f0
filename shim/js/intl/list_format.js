// `Intl.ListFormat` in English.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  SafeWeakMap,
  TypeError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { LOCALE, choice, finish, joined, known, mustBeNew, optionsObject, readCommon } = core
  .loadExtScript("ext:lazaret/intl/common.js");

const formats = new SafeWeakMap();

// What is between two, before the last of more, and between the others.
function between({ type, style }) {
  if (type === "disjunction") return { pair: " or ", last: ", or ", other: ", " };
  if (type === "unit" && style === "narrow") return { pair: " ", last: " ", other: " " };
  if (type === "unit" || style === "narrow") return { pair: ", ", last: ", ", other: ", " };
  const word = style === "long" ? "and" : "&";
  return { pair: ` ${word} `, last: `, ${word} `, other: ", " };
}

function partsOf(inner, list) {
  const texts = [];
  if (list !== undefined) {
    for (const text of list) {
      if (typeof text !== "string") {
        throw new TypeError("Iterable yielded something which is not a string");
      }
      ArrayPrototypePush(texts, text);
    }
  }
  const literals = between(inner);
  const parts = [];
  for (let i = 0; i < texts.length; i++) {
    if (i > 0) {
      const last = texts.length === 2 ? literals.pair : literals.last;
      const value = i === texts.length - 1 ? last : literals.other;
      ArrayPrototypePush(parts, { type: "literal", value });
    }
    ArrayPrototypePush(parts, { type: "element", value: texts[i] });
  }
  return parts;
}

function ListFormat(locales = undefined, options = undefined) {
  mustBeNew(new.target, "ListFormat");
  const read = optionsObject(options);
  readCommon(locales, read, []);
  WeakMapPrototypeSet(formats, this, {
    __proto__: null,
    type: choice(read, "type", ["conjunction", "disjunction", "unit"], "conjunction"),
    style: choice(read, "style", ["long", "short", "narrow"], "long"),
  });
}

finish(ListFormat, {
  format(list) {
    return joined(partsOf(known(WeakMapPrototypeGet(formats, this), "ListFormat"), list));
  },
  formatToParts(list) {
    return partsOf(known(WeakMapPrototypeGet(formats, this), "ListFormat"), list);
  },
  resolvedOptions() {
    const { type, style } = known(WeakMapPrototypeGet(formats, this), "ListFormat");
    return { locale: LOCALE, type, style };
  },
});

return { ListFormat };
})();
