// Answers from a table of its own: a plugin that needs nothing from outside.

const highs = new Map([
  ["Bergen", 9],
  ["Kobe", 31],
  ["Lagos", 33],
  ["Valparaíso", 18],
]);

/** The expected high of a city in degrees Celsius. */
export function forecast({ city }) {
  const high = highs.get(city);
  if (high === undefined) {
    throw new RangeError(`no forecast for ${city}: known are ${[...highs.keys()].join(", ")}`);
  }
  return { city, high };
}
