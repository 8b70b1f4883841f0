// In which order the parts of a date are written in American English, and what stands between them.
// A part is written `{NAME}`; all else stands for itself.
(function () {
const { primordials } = __bootstrap;
const { ArrayPrototypePush, StringPrototypeIndexOf, StringPrototypeSlice } = primordials;

// By weekday, year, month and day, as they are there.
const NUMERIC = {
  __proto__: null,
  d: "{day}",
  M: "{month}",
  Md: "{month}/{day}",
  y: "{year}",
  yd: "{year} (day: {day})",
  yM: "{month}/{year}",
  yMd: "{month}/{day}/{year}",
  E: "{weekday}",
  Ed: "{day} {weekday}",
  EM: "{month} {weekday}",
  EMd: "{weekday}, {month}/{day}",
  Ey: "{year} {weekday}",
  Eyd: "{day} {weekday} {year}",
  EyM: "{month}/{year} {weekday}",
  EyMd: "{weekday}, {month}/{day}/{year}",
};

// The same, where the month is a word.
const WORDS = {
  __proto__: null,
  M: "{month}",
  Md: "{month} {day}",
  yM: "{month} {year}",
  yMd: "{month} {day}, {year}",
  EM: "{month} {weekday}",
  EMd: "{weekday}, {month} {day}",
  EyM: "{month} {year} {weekday}",
  EyMd: "{weekday}, {month} {day}, {year}",
};

const STYLES = {
  __proto__: null,
  full: { __proto__: null, weekday: "long", year: "numeric", month: "long", day: "numeric" },
  long: { __proto__: null, year: "numeric", month: "long", day: "numeric" },
  medium: { __proto__: null, year: "numeric", month: "short", day: "numeric" },
  short: { __proto__: null, year: "2-digit", month: "numeric", day: "numeric" },
};

const TIME_STYLES = {
  __proto__: null,
  full: { __proto__: null, second: "numeric", timeZoneName: "long" },
  long: { __proto__: null, second: "numeric", timeZoneName: "short" },
  medium: { __proto__: null, second: "numeric" },
  short: { __proto__: null },
};

function isWord(month) {
  return month === "long" || month === "short" || month === "narrow";
}

function datePattern({ weekday, era, year, month, day }) {
  const parts = (weekday ? "E" : "") + (year ? "y" : "") + (month ? "M" : "") + (day ? "d" : "");
  const pattern = (isWord(month) ? WORDS : NUMERIC)[parts] ?? "";
  if (era === undefined) return pattern;
  return pattern === "" ? "{era}" : `${pattern} {era}`;
}

function timePattern(fields) {
  const { hour, minute, second, fractionalSecondDigits, timeZoneName, hourCycle } = fields;
  let pattern = hour ? "{hour}" : "";
  if (minute) pattern += pattern === "" ? "{minute}" : ":{minute}";
  if (second && (minute || !hour)) pattern += pattern === "" ? "{second}" : ":{second}";
  if (fractionalSecondDigits) {
    pattern += pattern === "" ? "{fractionalSecond}" : ".{fractionalSecond}";
  }
  if (hour && (hourCycle === "h12" || hourCycle === "h11")) pattern += " {dayPeriod}";
  if (second && hour && !minute) pattern += " (second: {second})";
  if (timeZoneName) pattern += pattern === "" ? "{timeZoneName}" : " {timeZoneName}";
  return pattern;
}

// The pieces of a pattern: the name of a part, or a text.
function pieces(pattern) {
  const found = [];
  let at = 0;
  while (at < pattern.length) {
    const opened = StringPrototypeIndexOf(pattern, "{", at);
    const end = opened === -1 ? pattern.length : opened;
    if (end > at) {
      const text = StringPrototypeSlice(pattern, at, end);
      ArrayPrototypePush(found, { __proto__: null, part: undefined, text });
    }
    if (opened === -1) break;
    const closed = StringPrototypeIndexOf(pattern, "}", opened);
    const part = StringPrototypeSlice(pattern, opened + 1, closed);
    ArrayPrototypePush(found, { __proto__: null, part, text: "" });
    at = closed + 1;
  }
  return found;
}

function between({ month, hour, minute, timeZoneName }, date) {
  if (month === "long") return " at ";
  return date === "{weekday}" && hour && minute && !timeZoneName ? " " : ", ";
}

// The pieces of a date with these fields.
function patternOf(fields) {
  const date = datePattern(fields);
  const time = timePattern(fields);
  return pieces(date === "" || time === "" ? date + time : date + between(fields, date) + time);
}

return { STYLES, TIME_STYLES, patternOf };
})();
