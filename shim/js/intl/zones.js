// Time zones: what a clock shows in one, and what it is called in English.
(function () {
const { internals, primordials } = __bootstrap;
const {
  Date,
  DatePrototypeGetTimezoneOffset,
  MathAbs,
  MathFloor,
  RangeError,
  RegExpPrototypeExec,
  String,
  StringPrototypeIncludes,
  StringPrototypePadStart,
} = primordials;

// The engine's own; see `../quickjs.js`.
const { partsInZone } = internals;

const MINUTE = 60_000;
const DAY = 86_400_000;

// The first whole day on which Alaska had one time.
const SINCE_1983 = 439_084_800_000;

// Zones that have names beside their distance from Greenwich, and had no others since then: how the
// names begin, the distance in hours, since when, and the zones of `America/`.
const NAMED = [
  [
    "E",
    "Eastern",
    -5,
    0,
    "Atikokan Cayman Detroit Indiana/Indianapolis Indiana/Vevay Indianapolis Jamaica " +
      "Nassau New_York Panama Port-au-Prince Toronto",
  ],
  [
    "C",
    "Central",
    -6,
    0,
    "Belize Chicago Costa_Rica El_Salvador Guatemala Matamoros Mexico_City Monterrey " +
      "Regina Tegucigalpa Winnipeg",
  ],
  ["M", "Mountain", -7, 0, "Boise Creston Denver Edmonton Phoenix"],
  ["P", "Pacific", -8, 0, "Los_Angeles Tijuana Vancouver"],
  ["AK", "Alaska", -9, SINCE_1983, "Anchorage Juneau Nome Sitka Yakutat"],
  ["HA", "Hawaii-Aleutian", -10, SINCE_1983, "Adak"],
  [
    "A",
    "Atlantic",
    -4,
    0,
    "Anguilla Antigua Aruba Barbados Blanc-Sablon Curacao Dominica Glace_Bay Goose_Bay " +
      "Grenada Guadeloupe Halifax Kralendijk Lower_Princes Marigot Martinique Moncton " +
      "Montserrat Port_of_Spain Puerto_Rico St_Barthelemy St_Kitts St_Lucia St_Thomas " +
      "St_Vincent Thule Tortola",
  ],
];

function twoDigits(number) {
  return StringPrototypePadStart(String(number), 2, "0");
}

// The zone that `Date` goes by is not known by its name.
function localOffset(ms) {
  return -DatePrototypeGetTimezoneOffset(new Date(ms)) * MINUTE;
}

// What a clock shows. A zone of `undefined` is that of `Date`.
function clock(ms, zone) {
  const at = zone === undefined ? ms + localOffset(ms) : ms;
  const parts = partsInZone(MathFloor(at), zone ?? "UTC");
  const offset = zone === undefined ? at - ms : parts.offsetNanoseconds / 1e6;
  const days = MathFloor((ms + offset) / DAY);
  return {
    __proto__: null,
    year: parts.year,
    month: parts.month,
    day: parts.day,
    hour: parts.hour,
    minute: parts.minute,
    second: parts.second,
    millisecond: ((ms % 1000) + 1000) % 1000,
    weekday: ((days + 4) % 7 + 7) % 7,
    offset,
    ms,
  };
}

function offsetText(offset, sign, separator) {
  const minutes = MathFloor(MathAbs(offset) / MINUTE);
  const hours = MathFloor(minutes / 60);
  return `${offset < 0 ? sign : "+"}${twoDigits(hours)}${separator}${twoDigits(minutes % 60)}`;
}

// The name of a zone in its usual case, or a `RangeError`.
function canonicalZone(zone) {
  const wrong = () => new RangeError(`Invalid time zone specified: ${zone}`);
  const distance = /^[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?$/;
  const name = /^[a-z][a-z0-9_+-]*(\/[a-z0-9_+-]+)*$/i;
  if (RegExpPrototypeExec(distance, zone) !== null) {
    const { offsetNanoseconds } = partsInZone(0, zone);
    return offsetText(offsetNanoseconds / 1e6, "-", ":");
  }
  if (RegExpPrototypeExec(name, zone) === null || zone === "Z" || zone === "z") throw wrong();
  try {
    return partsInZone(0, zone).timeZone;
  } catch {
    throw wrong();
  }
}

// What the zone of `Date` is said to be.
function localZone() {
  const offset = localOffset(primordials.DateNow());
  return offset === 0 ? "UTC" : offsetText(offset, "-", ":");
}

// The distance from Greenwich: `GMT+5:30`, or `GMT+05:30`.
function distanceName(offset, long) {
  if (offset === 0) return "GMT";
  const seconds = MathFloor(MathAbs(offset) / 1000);
  const hours = MathFloor(seconds / 3600);
  const minutes = MathFloor(seconds / 60) % 60;
  let text = `GMT${offset < 0 ? "-" : "+"}${long ? twoDigits(hours) : hours}`;
  if (long || minutes > 0 || seconds % 60 > 0) text += `:${twoDigits(minutes)}`;
  return seconds % 60 > 0 ? `${text}:${twoDigits(seconds % 60)}` : text;
}

function namedBy(zone, ms, offset, long) {
  if (zone === "UTC") return long ? "Coordinated Universal Time" : "UTC";
  const hours = offset / (60 * MINUTE);
  if (zone === "Pacific/Honolulu" && hours === -10) {
    return long ? "Hawaii-Aleutian Standard Time" : "HST";
  }
  const found = RegExpPrototypeExec(/^America\/(.*)$/, zone);
  const place = zone === "Atlantic/Bermuda" ? "Halifax" : found?.[1];
  for (let i = 0; i < NAMED.length; i++) {
    const summer = hours === NAMED[i][2] + 1;
    if ((hours !== NAMED[i][2] && !summer) || ms < NAMED[i][3]) continue;
    if (!StringPrototypeIncludes(` ${NAMED[i][4]} `, ` ${place} `)) continue;
    if (!long) return `${NAMED[i][0]}${summer ? "D" : "S"}T`;
    return `${NAMED[i][1]} ${summer ? "Daylight" : "Standard"} Time`;
  }
  return undefined;
}

// What a zone is called at a time when it is so far from Greenwich.
function zoneName(zone, { ms, offset }, style) {
  const long = style === "long" || style === "longOffset";
  const named = style === "long" || style === "short" ? namedBy(zone, ms, offset, long) : undefined;
  return named ?? distanceName(offset, long);
}

return { canonicalZone, clock, localZone, twoDigits, zoneName };
})();
