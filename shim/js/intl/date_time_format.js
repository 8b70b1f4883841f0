// `Intl.DateTimeFormat` in American English and the Gregorian calendar.
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayPrototypePush,
  DateNow,
  DatePrototypeGetTime,
  Number,
  ObjectAssign,
  RangeError,
  SafeWeakMap,
  String,
  StringPrototypePadStart,
  StringPrototypeSlice,
  TypeError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;
const { loadExtScript } = core;
const { LOCALE, choice, finish, flag, joined, known, optionsOf, outOfRange, readCommon, whole } =
  loadExtScript("ext:lazaret/intl/common.js");
const { canonicalZone, clock, localZone, twoDigits, zoneName } = loadExtScript(
  "ext:lazaret/intl/zones.js",
);
const { STYLES, TIME_STYLES, patternOf } = loadExtScript("ext:lazaret/intl/date_patterns.js");

const formats = new SafeWeakMap();

const LATEST = 8.64e15;

const WEEKDAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const ERAS = {
  __proto__: null,
  long: ["Before Christ", "Anno Domini"],
  short: ["BC", "AD"],
  narrow: ["B", "A"],
};

const WIDTHS = ["narrow", "short", "long"];
const DIGITS = ["2-digit", "numeric"];

// The fields in the order in which they are told.
const FIELDS = [
  ["weekday", WIDTHS],
  ["era", WIDTHS],
  ["year", DIGITS],
  ["month", ["2-digit", "numeric", "narrow", "short", "long"]],
  ["day", DIGITS],
  ["hour", DIGITS],
  ["minute", DIGITS],
  ["second", DIGITS],
  ["fractionalSecondDigits", undefined],
  ["timeZoneName", ["short", "long", "shortOffset", "longOffset"]],
];

function readFields(options) {
  const fields = { __proto__: null };
  for (let i = 0; i < FIELDS.length; i++) {
    const name = FIELDS[i][0];
    const values = FIELDS[i][1];
    const value = values === undefined
      ? whole(options[name], name, 1, 3, undefined)
      : choice(options, name, values);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

// What is shown where nothing was chosen: `needed` is which choice is looked for.
function addDefaults(fields, needed, defaults) {
  const { weekday, year, month, day, hour, minute, second, fractionalSecondDigits } = fields;
  const date = weekday ?? year ?? month ?? day;
  const time = hour ?? minute ?? second ?? fractionalSecondDigits;
  if (needed !== "time" && date !== undefined) return;
  if (needed !== "date" && time !== undefined) return;
  if (defaults !== "time") {
    ObjectAssign(fields, { year: "numeric", month: "numeric", day: "numeric" });
  }
  if (defaults !== "date") {
    ObjectAssign(fields, { hour: "numeric", minute: "numeric", second: "numeric" });
  }
}

function readStyles(options, fields, needed) {
  const values = ["full", "long", "medium", "short"];
  const dateStyle = choice(options, "dateStyle", values);
  const timeStyle = choice(options, "timeStyle", values);
  if (dateStyle === undefined && timeStyle === undefined) return undefined;
  for (const name in fields) throw new TypeError(`Can't set option ${name} with a style`);
  const refused = needed === "time" ? dateStyle : needed === "date" ? timeStyle : undefined;
  if (refused !== undefined) throw new TypeError(`style ${refused} is not for a ${needed}`);
  if (dateStyle !== undefined) ObjectAssign(fields, STYLES[dateStyle]);
  if (timeStyle !== undefined) {
    ObjectAssign(fields, { hour: "numeric", minute: "numeric" }, TIME_STYLES[timeStyle]);
  }
  return { __proto__: null, dateStyle, timeStyle };
}

function read(locales, given, needed, defaults) {
  const options = optionsOf(given);
  readCommon(locales, options, ["calendar", "numberingSystem"]);
  const hour12 = flag(options, "hour12");
  const cycle = choice(options, "hourCycle", ["h11", "h12", "h23", "h24"]);
  const zone = options.timeZone;
  const timeZone = zone === undefined ? undefined : canonicalZone(`${zone}`);
  if (options.dayPeriod !== undefined) throw outOfRange(options.dayPeriod, "dayPeriod");
  choice(options, "formatMatcher", ["basic", "best fit"]);
  const fields = readFields(options);
  const styles = readStyles(options, fields, needed);
  if (styles === undefined) addDefaults(fields, needed, defaults);
  if (fields.hour !== undefined) {
    fields.hourCycle = hour12 === undefined ? cycle ?? "h12" : hour12 ? "h12" : "h23";
    if (fields.hourCycle === "h23" || fields.hourCycle === "h24") fields.hour = "2-digit";
  }
  // Behind hours minutes have two digits, as seconds have behind minutes; alone none has to.
  const behind = fields.hour ?? fields.second ?? fields.fractionalSecondDigits;
  if (fields.minute && (fields.second || fields.fractionalSecondDigits)) fields.second = "2-digit";
  else if (fields.second) fields.second = "numeric";
  if (fields.minute) fields.minute = behind === undefined ? "numeric" : "2-digit";
  return { __proto__: null, fields, pattern: patternOf(fields), styles, timeZone };
}

function number(value, style) {
  return style === "2-digit" ? twoDigits(value % 100) : String(value);
}

function word(names, index, style) {
  if (style === "long") return names[index];
  return StringPrototypeSlice(names[index], 0, style === "short" ? 3 : 1);
}

function hourOf(hour, { hourCycle, hour: style }) {
  if (hourCycle === "h12") return number(hour % 12 || 12, style);
  if (hourCycle === "h11") return number(hour % 12, style);
  return number(hourCycle === "h24" ? hour || 24 : hour, style);
}

function valueOf(part, now, { fields, timeZone }) {
  switch (part) {
    case "weekday":
      return word(WEEKDAYS, now.weekday, fields.weekday);
    case "era":
      return ERAS[fields.era][now.year > 0 ? 1 : 0];
    case "year":
      return number(now.year > 0 ? now.year : 1 - now.year, fields.year);
    case "month":
      if (fields.month === "numeric" || fields.month === "2-digit") {
        return number(now.month, fields.month);
      }
      return word(MONTHS, now.month - 1, fields.month);
    case "hour":
      return hourOf(now.hour, fields);
    case "fractionalSecond": {
      const digits = StringPrototypePadStart(String(now.millisecond), 3, "0");
      return StringPrototypeSlice(digits, 0, fields.fractionalSecondDigits);
    }
    case "dayPeriod":
      return now.hour < 12 ? "AM" : "PM";
    case "timeZoneName":
      return zoneName(timeZone ?? localZone(), now, fields.timeZoneName);
    default:
      return number(now[part], fields[part]);
  }
}

function partsOf(inner, date) {
  const ms = date === undefined ? DateNow() : Number(date);
  if (!(ms >= -LATEST && ms <= LATEST)) throw new RangeError("Invalid time value");
  const now = clock(ms - ms % 1, inner.timeZone);
  const parts = [];
  for (let i = 0; i < inner.pattern.length; i++) {
    const { part, text } = inner.pattern[i];
    if (part === undefined) ArrayPrototypePush(parts, { type: "literal", value: text });
    else ArrayPrototypePush(parts, { type: part, value: valueOf(part, now, inner) });
  }
  return parts;
}

function DateTimeFormat(locales = undefined, options = undefined) {
  if (new.target === undefined) return new DateTimeFormat(locales, options);
  WeakMapPrototypeSet(formats, this, read(locales, options, "any", "date"));
}

finish(DateTimeFormat, {
  get format() {
    const inner = known(WeakMapPrototypeGet(formats, this), "DateTimeFormat");
    return inner.bound ??= (0, (date) => joined(partsOf(inner, date)));
  },
  formatToParts(date) {
    const inner = known(WeakMapPrototypeGet(formats, this), "DateTimeFormat");
    return partsOf(inner, date);
  },
  resolvedOptions() {
    const inner = known(WeakMapPrototypeGet(formats, this), "DateTimeFormat");
    const { fields, styles, timeZone } = inner;
    const told = {
      locale: LOCALE,
      calendar: "gregory",
      numberingSystem: "latn",
      timeZone: timeZone ?? localZone(),
    };
    const { hourCycle } = fields;
    if (hourCycle !== undefined) {
      told.hourCycle = hourCycle;
      told.hour12 = hourCycle === "h12" || hourCycle === "h11";
    }
    for (let i = 0; i < FIELDS.length && styles === undefined; i++) {
      const name = FIELDS[i][0];
      if (fields[name] !== undefined) told[name] = fields[name];
    }
    if (styles?.dateStyle !== undefined) told.dateStyle = styles.dateStyle;
    if (styles?.timeStyle !== undefined) told.timeStyle = styles.timeStyle;
    return told;
  },
});

// What `Date.prototype.toLocaleString` and its like give.
function dateText(date, locales, options, needed, defaults) {
  const ms = DatePrototypeGetTime(date);
  const inner = read(locales, options, needed, defaults);
  return ms !== ms ? "Invalid Date" : joined(partsOf(inner, ms));
}

return { DateTimeFormat, dateText };
})();
