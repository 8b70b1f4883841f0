// What is known of currencies in English: their digits after the point, and their signs.
(function () {
const { primordials } = __bootstrap;
const { ArrayPrototypeIncludes, StringPrototypeIncludes } = primordials;

// The others have two.
const WITHOUT =
  "AFN ALL BIF CLP DJF GNF IQD IRR ISK JPY KMF KPW KRW LAK LBP MGA MMK PYG RSD RWF SLL SOS SYP " +
  "UGX VND VUV XAF XOF XPF YER";
const WITH_THREE = ["BHD", "JOD", "KWD", "LYD", "OMR", "TND"];

function placesOf(currency) {
  if (StringPrototypeIncludes(WITHOUT, currency)) return 0;
  return ArrayPrototypeIncludes(WITH_THREE, currency) ? 3 : 2;
}

// The others are written by their codes.
const SYMBOLS = {
  __proto__: null,
  AUD: "A$",
  BRL: "R$",
  CAD: "CA$",
  CNY: "CN\u00a5",
  EUR: "\u20ac",
  GBP: "\u00a3",
  HKD: "HK$",
  ILS: "\u20aa",
  INR: "\u20b9",
  JPY: "\u00a5",
  KRW: "\u20a9",
  MXN: "MX$",
  NZD: "NZ$",
  PHP: "\u20b1",
  TWD: "NT$",
  USD: "$",
  VND: "\u20ab",
  XAF: "FCFA",
  XCD: "EC$",
  XOF: "F\u202fCFA",
  XPF: "CFPF",
};

// Signs that several may have, and who has each.
const SHARED = {
  __proto__: null,
  "\u060b": "AFN",
  "\u058f": "AMD",
  "Kz": "AOA",
  "$":
    "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUC CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD " +
    "NZD SBD SGD SRD TTD TWD UYU XCD",
  "\u20bc": "AZN",
  "KM": "BAM",
  "\u09f3": "BDT",
  "Bs": "BOB",
  "P": "BWP",
  "\u00a5": "CNY",
  "\u20a1": "CRC",
  "K\u010d": "CZK",
  "kr": "DKK ISK NOK SEK",
  "E\u00a3": "EGP",
  "\u00a3": "FKP GIP SHP SSP SYP",
  "\u20be": "GEL",
  "GH\u20b5": "GHS",
  "FG": "GNF",
  "Q": "GTQ",
  "L": "HNL",
  "kn": "HRK",
  "Ft": "HUF",
  "Rp": "IDR",
  "\u20c0": "KGS",
  "\u17db": "KHR",
  "CF": "KMF",
  "\u20a9": "KPW",
  "\u20b8": "KZT",
  "\u20ad": "LAK",
  "L\u00a3": "LBP",
  "Rs": "LKR MUR NPR PKR",
  "Ar": "MGA",
  "K": "MMK",
  "\u20ae": "MNT",
  "RM": "MYR",
  "\u20a6": "NGN",
  "C$": "NIO",
  "z\u0142": "PLN",
  "\u20b2": "PYG",
  "lei": "RON",
  "\u20bd": "RUB",
  "RF": "RWF",
  "Db": "STN",
  "\u0e3f": "THB",
  "T$": "TOP",
  "\u20ba": "TRY",
  "\u20b4": "UAH",
  "R": "ZAR",
  "ZK": "ZMW",
};

// The sign of a currency, where it has one: the shortest, or one that no other has.
function signOf(currency, narrow) {
  if (narrow) {
    for (const sign in SHARED) {
      if (StringPrototypeIncludes(SHARED[sign], currency)) return sign;
    }
  }
  return SYMBOLS[currency];
}

// One of it, and more than one.
const NAMES = {
  __proto__: null,
  EUR: ["euro", "euros"],
  GBP: ["British pound", "British pounds"],
  JPY: ["Japanese yen", "Japanese yen"],
  USD: ["US dollar", "US dollars"],
};

// The others have their codes as names.
function nameOf(currency, isOne) {
  return NAMES[currency]?.[isOne ? 0 : 1] ?? currency;
}

return { nameOf, placesOf, signOf };
})();
