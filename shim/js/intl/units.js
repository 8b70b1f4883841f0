// What units of measure are called in English: those that ECMA-402 knows, each by itself.
(function () {
const { primordials } = __bootstrap;
const { ArrayPrototypeIncludes, ObjectHasOwn } = primordials;

const SHORT = {
  __proto__: null,
  acre: "ac",
  bit: "bit",
  byte: "byte",
  celsius: "\u00b0C",
  centimeter: "cm",
  day: "day",
  degree: "deg",
  fahrenheit: "\u00b0F",
  "fluid-ounce": "fl oz",
  foot: "ft",
  gallon: "gal",
  gigabit: "Gb",
  gigabyte: "GB",
  gram: "g",
  hectare: "ha",
  hour: "hr",
  inch: "in",
  kilobit: "kb",
  kilobyte: "kB",
  kilogram: "kg",
  kilometer: "km",
  liter: "L",
  megabit: "Mb",
  megabyte: "MB",
  meter: "m",
  microsecond: "\u03bcs",
  mile: "mi",
  "mile-scandinavian": "smi",
  milliliter: "mL",
  millimeter: "mm",
  millisecond: "ms",
  minute: "min",
  month: "mth",
  nanosecond: "ns",
  ounce: "oz",
  percent: "%",
  petabyte: "PB",
  pound: "lb",
  second: "sec",
  stone: "st",
  terabit: "Tb",
  terabyte: "TB",
  week: "wk",
  yard: "yd",
  year: "yr",
};

// Those that are short in another way where there is no room at all.
const NARROW = {
  __proto__: null,
  byte: "B",
  day: "d",
  degree: "\u00b0",
  fahrenheit: "\u00b0",
  foot: "\u2032",
  hour: "h",
  inch: "\u2033",
  minute: "m",
  month: "m",
  pound: "#",
  second: "s",
  week: "w",
  year: "y",
};

// Those that are not called as they are named, or not with an `s` where there are more: one of it,
// and more than one.
const LONG = {
  __proto__: null,
  celsius: ["degree Celsius", "degrees Celsius"],
  fahrenheit: ["degree Fahrenheit", "degrees Fahrenheit"],
  "fluid-ounce": ["fluid ounce", "fluid ounces"],
  foot: ["foot", "feet"],
  inch: ["inch", "inches"],
  "mile-scandinavian": ["mile-scandinavian", "miles-scandinavian"],
  percent: ["percent", "percent"],
};

const COUNTED = ["day", "month", "week", "year"];
const CLOSE = ["celsius", "fahrenheit", "percent"];

function isUnit(unit) {
  return ObjectHasOwn(SHORT, unit);
}

// What is written behind a number of a unit: whether there is a space, and the name.
function unitName(unit, display, isOne) {
  if (display === "long") {
    const name = LONG[unit]?.[isOne ? 0 : 1] ?? (isOne ? unit : `${unit}s`);
    return { __proto__: null, apart: true, name };
  }
  if (display === "narrow") {
    return { __proto__: null, apart: false, name: NARROW[unit] ?? SHORT[unit] };
  }
  const ending = !isOne && ArrayPrototypeIncludes(COUNTED, unit) ? "s" : "";
  const apart = !ArrayPrototypeIncludes(CLOSE, unit);
  return { __proto__: null, apart, name: SHORT[unit] + ending };
}

return { isUnit, unitName };
})();
