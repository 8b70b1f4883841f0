// What both engines give, in American English: a use, and its result as JSON.

const at = new Date(Date.UTC(2020, 11, 31, 16, 5, 9, 45));
const UTC = { timeZone: "UTC" };

const number = (value, options) => new Intl.NumberFormat("en-US", options).format(value);
const money = (value, currency, options) =>
  number(value, { style: "currency", currency, ...options });
const date = (options, time = at) =>
  new Intl.DateTimeFormat("en-US", { ...UTC, ...options }).format(time);
const joined = (parts) => parts.map(({ type, value }) => `${type}=${value}`).join("|");
const plural = (value, type) => new Intl.PluralRules("en-US", { type }).select(value);
const list = (values, options) => new Intl.ListFormat("en-US", options).format(values);
const ago = (value, unit, options) =>
  new Intl.RelativeTimeFormat("en-US", options).format(value, unit);
const order = (one, other, options) => new Intl.Collator("en-US", options).compare(one, other);
const thrown = (use) => {
  try {
    return use();
  } catch (error) {
    return error.name;
  }
};

const numbers = [
  [() => number(1234567.891), "1,234,567.891"],
  [() => [number(1.005, { maximumFractionDigits: 2 }), number(-0.5), number(1e21)], [
    "1.01",
    "-0.5",
    "1,000,000,000,000,000,000,000",
  ]],
  [() => [number(NaN), number(-Infinity), number("12.50"), number(123456789012345678901n)], [
    "NaN",
    "-\u221e",
    "12.5",
    "123,456,789,012,345,678,901",
  ]],
  [() => number(1234.5, { useGrouping: false, minimumFractionDigits: 2 }), "1234.50"],
  [() => number(123456, { maximumSignificantDigits: 3 }), "123,000"],
  [() => number(5, { minimumIntegerDigits: 3 }), "005"],
  [() => number(2.5, { maximumFractionDigits: 0, roundingMode: "halfEven" }), "2"],
  [() => number(9.995, { maximumFractionDigits: 2 }), "10"],
  [() => [0.256, -0.5].map((n) => number(n, { style: "percent" })), ["26%", "-50%"]],
  [() => [money(1234.5, "USD"), money(-1, "EUR"), money(2.5, "JPY"), money(1, "GBP")], [
    "$1,234.50",
    "-\u20ac1.00",
    "\u00a53",
    "\u00a31.00",
  ]],
  [() => money(-5, "CHF"), "-CHF\u00a05.00"],
  [() => money(-5, "USD", { currencySign: "accounting" }), "($5.00)"],
  [() => money(5, "USD", { currencyDisplay: "name" }), "5.00 US dollars"],
  [() => ["USD", "EUR", "GBP", "JPY"].map((currency) =>
    [1, -1, 2].map((n) => money(n, currency, { currencyDisplay: "name", maximumFractionDigits: 0 }))
  ), [
    ["1 US dollar", "-1 US dollar", "2 US dollars"],
    ["1 euro", "-1 euro", "2 euros"],
    ["1 British pound", "-1 British pound", "2 British pounds"],
    ["1 Japanese yen", "-1 Japanese yen", "2 Japanese yen"],
  ]],
  [() => money(1, "USD", { currencyDisplay: "name" }), "1.00 US dollars"],
  [() => number(1, { style: "unit", unit: "day", unitDisplay: "long", minimumIntegerDigits: 2 }),
    "01 day"],
  [() => ["", ".", "5.", ".5", "-.5e1", "1.2.3", "1e", "e1", "1".repeat(1e5) + "x"].map((text) =>
    number(text)
  ), ["0", "NaN", "5", "0.5", "-5", "NaN", "NaN", "NaN", "NaN"]],
  [() => money(5, "CAD", { currencyDisplay: "narrowSymbol", maximumFractionDigits: 0 }), "$5"],
  [() => [number(1234, { notation: "compact" }), number(999999, { notation: "compact" })], [
    "1.2K",
    "1M",
  ]],
  [() => number(15e6, { notation: "compact", compactDisplay: "long" }), "15 million"],
  [() => ["long", "short", "narrow"].map((unitDisplay) =>
    [1, 2.5].map((n) => number(n, { style: "unit", unit: "day", unitDisplay }))
  ), [["1 day", "2.5 days"], ["1 day", "2.5 days"], ["1d", "2.5d"]]],
  [() => ["megabyte", "celsius", "percent"].map((unit) => number(8, { style: "unit", unit })), [
    "8 MB",
    "8\u00b0C",
    "8%",
  ]],
  [() => number(6, { style: "unit", unit: "foot", unitDisplay: "long" }), "6 feet"],
  [() => [number(5, { signDisplay: "always" }), number(-0.1, {
    maximumFractionDigits: 0,
    signDisplay: "negative",
  })], ["+5", "0"]],
  [() => joined(new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" })
    .formatToParts(-1234.5)),
    "minusSign=-|currency=$|integer=1|group=,|integer=234|decimal=.|fraction=50"],
  [() => [1, 2.25].map(new Intl.NumberFormat("en-US", { minimumFractionDigits: 1 }).format), [
    "1.0",
    "2.25",
  ]],
  [() => [(1234.5).toLocaleString(), (0.5).toLocaleString("en-US", { style: "percent" })], [
    "1,234.5",
    "50%",
  ]],
  [() => [(12345n).toLocaleString("en-US"), [1234, 5678].toLocaleString()], [
    "12,345",
    "1,234,5,678",
  ]],
  [() => new Intl.NumberFormat("en-US", { style: "currency", currency: "usd" }).resolvedOptions(), {
    locale: "en-US",
    numberingSystem: "latn",
    style: "currency",
    currency: "USD",
    currencyDisplay: "symbol",
    currencySign: "standard",
    minimumIntegerDigits: 1,
    minimumFractionDigits: 2,
    maximumFractionDigits: 2,
    useGrouping: "auto",
    notation: "standard",
    signDisplay: "auto",
    roundingIncrement: 1,
    roundingMode: "halfExpand",
    roundingPriority: "auto",
    trailingZeroDisplay: "auto",
  }],
];

const dates = [
  [() => at.toLocaleString("en-US", UTC), "12/31/2020, 4:05:09 PM"],
  [() => at.toLocaleDateString("en-US", UTC), "12/31/2020"],
  [() => at.toLocaleTimeString("en-US", UTC), "4:05:09 PM"],
  [() => at.toLocaleDateString("en-US", { ...UTC, month: "short", day: "2-digit" }), "Dec 31"],
  [() => new Date(NaN).toLocaleString(), "Invalid Date"],
  [() => date({ hour: "numeric", minute: "2-digit" }, new Date(0)), "12:00 AM"],
  [() => date({ hour: "numeric", hour12: false }, new Date(0)), "00"],
  [() => date({ hour: "2-digit", minute: "2-digit", hourCycle: "h24" }, new Date(0)), "24:00"],
  [() => date({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    "Thursday, December 31, 2020"],
  [() => date({ year: "numeric", month: "2-digit", day: "2-digit" }, new Date(0)), "01/01/1970"],
  [() => [date({ month: "long", year: "numeric" }), date({ weekday: "narrow" })], [
    "December 2020",
    "T",
  ]],
  [() => date({ dateStyle: "full", timeStyle: "long" }),
    "Thursday, December 31, 2020 at 4:05:09 PM UTC"],
  [() => date({ dateStyle: "medium", timeStyle: "short" }), "Dec 31, 2020, 4:05 PM"],
  [() => date({ dateStyle: "short" }), "12/31/20"],
  [() => date({ minute: "numeric", second: "numeric", fractionalSecondDigits: 3 }), "05:09.045"],
  [() => date({ timeZone: "Asia/Tokyo", timeStyle: "short", dateStyle: "short" }),
    "1/1/21, 1:05 AM"],
  [() => date({ timeZone: "+05:30", hour: "numeric", minute: "numeric", timeZoneName: "short" }),
    "9:35 PM GMT+5:30"],
  [() => [at, new Date(Date.UTC(2020, 6, 1))].map((time) =>
    date({ timeZone: "America/New_York", hour: "numeric", timeZoneName: "short" }, time)
  ), ["11 AM EST", "8 PM EDT"]],
  [() => date({ timeZone: "Europe/Berlin", hour: "numeric", timeZoneName: "longOffset" }),
    "5 PM GMT+01:00"],
  [() => date({}, -62167219200001), "12/31/2"],
  [() => date({ year: "numeric", era: "short" }, -62167219200001), "2 BC"],
  [() => joined(new Intl.DateTimeFormat("en-US", {
    ...UTC,
    weekday: "short",
    hour: "numeric",
    minute: "2-digit",
    month: "short",
    day: "numeric",
  }).formatToParts(at)), "weekday=Thu|literal=, |month=Dec|literal= |day=31|literal=, |hour=4|" +
    "literal=:|minute=05|literal= |dayPeriod=PM"],
  [() => [0, 864e5].map(new Intl.DateTimeFormat("en-US", UTC).format), ["1/1/1970", "1/2/1970"]],
  [() => new Intl.DateTimeFormat("en-US", { timeZone: "america/new_york", hour: "numeric" })
    .resolvedOptions(), {
    locale: "en-US",
    calendar: "gregory",
    numberingSystem: "latn",
    timeZone: "America/New_York",
    hourCycle: "h12",
    hour12: true,
    hour: "numeric",
  }],
  [() => new Intl.DateTimeFormat("en-US", { timeZone: "+01" }).resolvedOptions().timeZone,
    "+01:00"],
  [() => typeof new Intl.DateTimeFormat().resolvedOptions().timeZone, "string"],
  [() => {
    const options = { hour: "2-digit", minute: "2-digit", hour12: false };
    return new Intl.DateTimeFormat("en-US", options).format(at) === at.toTimeString().slice(0, 5);
  }, true],
];

const words = [
  [() => [0, 1, 2, 1.5].map((n) => plural(n)), ["other", "one", "other", "other"]],
  [() => [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map((n) => plural(n, "ordinal")), [
    "one",
    "two",
    "few",
    "other",
    "other",
    "other",
    "other",
    "one",
    "two",
    "other",
  ]],
  [() => new Intl.PluralRules("en-US", { minimumFractionDigits: 1 }).select(1), "other"],
  [() => [[], ["a"], ["a", "b"], new Set(["a", "b", "c"])].map((values) => list(values)), [
    "",
    "a",
    "a and b",
    "a, b, and c",
  ]],
  [() => ["short", "narrow"].map((style) => list(["a", "b", "c"], { style })), [
    "a, b, & c",
    "a, b, c",
  ]],
  [() => list(["a", "b", "c"], { type: "disjunction" }), "a, b, or c"],
  [() => list(["1 ft", "2 in"], { type: "unit", style: "narrow" }), "1 ft 2 in"],
  [() => [ago(-1, "day"), ago(2, "weeks"), ago(-0, "hour"), ago(1.5, "month")], [
    "1 day ago",
    "in 2 weeks",
    "0 hours ago",
    "in 1.5 months",
  ]],
  [() => [-1, 0, 1, 2].map((n) => ago(n, "day", { numeric: "auto" })), [
    "yesterday",
    "today",
    "tomorrow",
    "in 2 days",
  ]],
  [() => [ago(-3, "year", { style: "short" }), ago(3, "minute", { style: "narrow" })], [
    "3 yr. ago",
    "in 3m",
  ]],
  [() => new Intl.RelativeTimeFormat("en-US").formatToParts(-1234, "day"), [
    { type: "integer", value: "1", unit: "day" },
    { type: "group", value: ",", unit: "day" },
    { type: "integer", value: "234", unit: "day" },
    { type: "literal", value: " days ago" },
  ]],
  [() => ["z", "a", "\u00e4", "Z", "B"].sort(new Intl.Collator("en-US").compare), [
    "a",
    "\u00e4",
    "B",
    "z",
    "Z",
  ]],
  [() => ["a10", "a2"].sort(new Intl.Collator("en-US", { numeric: true }).compare), ["a2", "a10"]],
  [() => ["base", "accent", "case", "variant"].map((sensitivity) => [
    order("a", "A", { sensitivity }),
    order("a", "\u00e1", { sensitivity }),
    order("a", "b", { sensitivity }),
  ]), [[0, 0, -1], [0, -1, -1], [-1, 0, -1], [-1, -1, -1]]],
  [() => order("a", "A", { caseFirst: "upper" }), 1],
  [() => order("a-b", "ab", { ignorePunctuation: true }), 0],
  [() => [
    "a".localeCompare("B"),
    "R\u00e9sum\u00e9".localeCompare("resume", "en", { sensitivity: "base" }),
    "a2".localeCompare("a10", undefined, { numeric: true }),
    "a2".localeCompare("a10", undefined, { numeric: false }),
    "A2".localeCompare("a2", "en", { numeric: true, sensitivity: "accent" }),
  ], [-1, 0, -1, 1, 0]],
];

const shape = [
  [() => Intl.getCanonicalLocales(["EN-us", "zh-hant-tw", "en-us", "de-u-co-phonebk"]), [
    "en-US",
    "zh-Hant-TW",
    "de-u-co-phonebk",
  ]],
  [() => [Object.prototype.toString.call(Intl), Object.keys(Intl)], ["[object Intl]", []]],
  [() => {
    const older = [Intl.Collator, Intl.DateTimeFormat, Intl.NumberFormat];
    return older.every((made) => made() instanceof made);
  }, true],
  [() => [Intl.PluralRules, Intl.ListFormat, Intl.RelativeTimeFormat].map((made) => thrown(made)), [
    "TypeError",
    "TypeError",
    "TypeError",
  ]],
  [() => {
    class Own extends Intl.NumberFormat {}
    return [new Own("en-US").format(1234), new Own() instanceof Own];
  }, ["1,234", true]],
  [() => [
    () => new Intl.NumberFormat("en_US"),
    () => Intl.getCanonicalLocales("x"),
    () => new Intl.DateTimeFormat("en", { timeZone: "Nope/Nowhere" }),
    () => new Intl.DateTimeFormat("en", { timeZone: "Z" }),
    () => new Intl.DateTimeFormat("en", { month: "tiny" }),
    () => new Intl.DateTimeFormat().format(NaN),
    () => new Intl.NumberFormat("en", { style: "x" }),
    () => new Intl.NumberFormat("en", { maximumFractionDigits: 101 }),
    () => new Intl.NumberFormat("en", { style: "currency", currency: "us" }),
    () => new Intl.NumberFormat("en", { style: "unit", unit: "parsec" }),
    () => new Intl.RelativeTimeFormat().format(1, "fortnight"),
    () => new Intl.Collator("en", { usage: "x" }),
    () => new Intl.PluralRules("en", { localeMatcher: "x" }),
    () => "a".localeCompare("b", "en_US"),
    () => (1).toLocaleString("en", { style: "x" }),
  ].map(thrown), new Array(15).fill("RangeError")],
  [() => [
    () => new Intl.NumberFormat("en", { style: "currency" }),
    () => new Intl.NumberFormat("en", null),
    () => new Intl.ListFormat("en", "x"),
    () => new Intl.ListFormat("en").format([1]),
    () => new Intl.DateTimeFormat("en", { dateStyle: "full", year: "numeric" }),
    () => at.toLocaleDateString("en", { timeStyle: "full" }),
    () => Intl.NumberFormat.prototype.resolvedOptions.call({}),
    () => Date.prototype.toLocaleString.call({}),
    () => Number.prototype.toLocaleString.call("1"),
    () => String.prototype.localeCompare.call(null, "a"),
    () => "a".localeCompare("b", "en", null),
  ].map(thrown), new Array(11).fill("TypeError")],
];

// Of each use that gives something else, what it is and what it gives.
export const wrong = () => {
  const found = [];
  for (const [use, expected] of [...numbers, ...dates, ...words, ...shape]) {
    const given = JSON.stringify(thrown(use));
    if (given !== JSON.stringify(expected)) found.push(`${use} gives ${given}`);
  }
  return found;
};
