// Keys that come in and go out: raw, PKCS #8, SPKI, and JSON Web Keys (RFC 7517, 7518, 8037).
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  String,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  Uint8Array,
} = primordials;
const {
  op_lazaret_crypto_base64url,
  op_lazaret_crypto_from_base64url,
  op_lazaret_crypto_public,
  op_lazaret_crypto_read,
  op_lazaret_crypto_rsa_join,
  op_lazaret_crypto_rsa_part,
  op_lazaret_crypto_write,
} = core.ops;
const { bad, copyOf, failure, NONE } = core.loadExtScript("ext:lazaret/crypto/values.js");
const { USAGES, kindOf, listed, make, permit } = core.loadExtScript(
  "ext:lazaret/crypto/keys.js",
);

const lengthOf = TypedArrayPrototypeGetByteLength;

// `given` are bytes that nobody else has, or an object for `jwk`.
function read(format, given, algorithm, extractable, usages) {
  const kind = kindOf(algorithm);
  if (format === "jwk") return readJwk(kind, given, algorithm, extractable, usages);
  const type = typeOf(kind, format);
  permit(type, algorithm, usages);
  const material = type === "secret"
    ? checked(given, algorithm, extractable)
    : op_lazaret_crypto_read(kind, format, given);
  return make(type, algorithm, extractable, usages, material);
}

function typeOf(kind, format) {
  if (format === "raw" && kind === "bytes") return "secret";
  if (format === "raw" && kind !== "RSA") return "public";
  if (format === "spki" && kind !== "bytes") return "public";
  if (format === "pkcs8" && kind !== "bytes") return "private";
  throw unsupported();
}

function unsupported() {
  return failure("NotSupportedError", "keys of this kind do not come in this format");
}

// A secret key that may have any bytes, but not so many as it likes.
function checked(bytes, { name, length }, extractable) {
  const bits = 8 * lengthOf(bytes);
  switch (name) {
    case "HKDF":
    case "PBKDF2":
      if (extractable) throw failure("SyntaxError", "such a key is not extractable");
      return bytes;
    case "HMAC":
      if (bits === 0 || (length !== undefined && length !== bits)) {
        throw bad("the key does not have the length that is said");
      }
      return bytes;
    default:
      if (bits !== 128 && bits !== 192 && bits !== 256) {
        throw bad("a key of AES has 128, 192 or 256 bits");
      }
      return bytes;
  }
}

const HASHES = {
  __proto__: null,
  "SHA-1": "1",
  "SHA-256": "256",
  "SHA-384": "384",
  "SHA-512": "512",
};
const CURVES = { __proto__: null, "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };
const TYPES = { __proto__: null, bytes: "oct", RSA: "RSA", Ed25519: "OKP", X25519: "OKP" };

// What `alg` has to be where it is there, and whether it is told.
function algOf({ name, hash, namedCurve }, bits) {
  const number = hash === undefined ? "" : HASHES[hash];
  switch (name) {
    case "AES-CBC":
      return `A${bits}CBC`;
    case "AES-CTR":
      return `A${bits}CTR`;
    case "AES-GCM":
      return `A${bits}GCM`;
    case "AES-KW":
      return `A${bits}KW`;
    case "HMAC":
      return `HS${number}`;
    case "RSASSA-PKCS1-v1_5":
      return `RS${number}`;
    case "RSA-PSS":
      return `PS${number}`;
    case "RSA-OAEP":
      return number === "1" ? "RSA-OAEP" : `RSA-OAEP-${number}`;
    case "ECDSA":
      return CURVES[namedCurve];
    default:
      return undefined;
  }
}

function readJwk(kind, jwk, algorithm, extractable, usages) {
  if (typeof jwk !== "object" || jwk === null) throw new TypeError("a JSON Web Key is an object");
  const text = (name) => {
    const value = jwk[name];
    return value === undefined ? undefined : String(value);
  };
  const bytes = (name) => {
    const value = text(name);
    if (value === undefined) throw bad(`\`${name}\` is missing`);
    return op_lazaret_crypto_from_base64url(value);
  };
  const type = TYPES[kind] ?? "EC";
  if (text("kty") !== type) throw bad(`\`kty\` is not \`${type}\``);
  if (algorithm.name === "HKDF" || algorithm.name === "PBKDF2") throw unsupported();
  const isPrivate = kind !== "bytes" && jwk.d !== undefined;
  permit(kind === "bytes" ? "secret" : isPrivate ? "private" : "public", algorithm, usages);
  checkJwk(text, jwk, algorithm, extractable, usages);
  let material;
  if (kind === "bytes") {
    material = checked(bytes("k"), algorithm, extractable);
    checkAlg(text("alg"), algorithm, 8 * lengthOf(material));
    return make("secret", algorithm, extractable, usages, material);
  }
  checkAlg(text("alg"), algorithm);
  if (kind === "RSA") {
    if (jwk.oth !== undefined) throw unsupported();
    const more = (name) => (isPrivate ? bytes(name) : NONE);
    material = op_lazaret_crypto_rsa_join(
      bytes("n"),
      bytes("e"),
      more("d"),
      more("p"),
      more("q"),
      more("dp"),
      more("dq"),
      more("qi"),
    );
  } else {
    if (text("crv") !== kind) throw bad(`\`crv\` is not \`${kind}\``);
    const given = type === "OKP" ? bytes("x") : pointOf(bytes("x"), bytes("y"));
    const point = op_lazaret_crypto_read(kind, "raw", given);
    material = isPrivate ? op_lazaret_crypto_read(kind, "scalar", bytes("d")) : point;
    if (isPrivate && !equal(op_lazaret_crypto_public(kind, material), point)) {
      throw bad("the public key is another's");
    }
  }
  return make(isPrivate ? "private" : "public", algorithm, extractable, usages, material);
}

function checkJwk(text, jwk, { name }, extractable, usages) {
  const use = text("use");
  const operations = jwk.key_ops;
  if (operations !== undefined && !ArrayIsArray(operations)) throw bad("`key_ops` is no list");
  const isSignature = name === "HMAC" || name === "ECDSA" || name === "Ed25519" ||
    name === "RSA-PSS" || name === "RSASSA-PKCS1-v1_5";
  const fits = use === undefined || use === (isSignature ? "sig" : "enc");
  const found = { __proto__: null };
  // By their places: what iterates a list is the plugin's to change.
  for (let i = 0; i < operations?.length; i++) found[String(operations[i])] = true;
  for (let i = 0; i < USAGES.length; i++) {
    const usage = USAGES[i];
    if (!usages[usage]) continue;
    if (!fits) throw bad("`use` does not fit");
    if (operations !== undefined && !found[usage]) throw bad("`key_ops` does not have all usages");
  }
  const { ext } = jwk;
  if (ext !== undefined && !ext && extractable) throw bad("`ext` does not allow it");
}

function checkAlg(alg, algorithm, bits) {
  const expected = algOf(algorithm, bits);
  const isEdwards = algorithm.name === "Ed25519" && (alg === "EdDSA" || alg === "Ed25519");
  if (alg === undefined || isEdwards || algorithm.name === "ECDH" || algorithm.name === "X25519") return;
  if (alg !== expected) throw bad("`alg` does not fit");
}

function pointOf(x, y) {
  const point = new Uint8Array(1 + lengthOf(x) + lengthOf(y));
  if (lengthOf(x) !== lengthOf(y)) throw bad("the coordinates have different lengths");
  point[0] = 4;
  TypedArrayPrototypeSet(point, x, 1);
  TypedArrayPrototypeSet(point, y, 1 + lengthOf(x));
  return point;
}

function equal(some, other) {
  let differs = lengthOf(some) ^ lengthOf(other);
  for (let i = 0; differs === 0 && i < lengthOf(some); i++) differs |= some[i] ^ other[i];
  return differs === 0;
}

// The bytes of an extractable key, or the object for `jwk`, without a prototype.
function write(format, own) {
  const { algorithm, material, type } = own;
  const { kind } = algorithm;
  switch (format) {
    case "jwk":
      return writeJwk(own);
    case "raw":
      if (kind === "RSA") throw unsupported();
      if (type === "private") throw wrongType();
      return kind === "bytes" ? copyOf(material) : op_lazaret_crypto_write(kind, format, material);
    case "spki":
    case "pkcs8":
      if (kind === "bytes") throw unsupported();
      if (type !== (format === "spki" ? "public" : "private")) throw wrongType();
      return op_lazaret_crypto_write(kind, format, material);
    default:
      throw unsupported();
  }
}

function wrongType() {
  return failure("InvalidAccessError", "this format is not for such a key");
}

const RSA_PARTS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

function writeJwk({ algorithm, extractable, material, type, usages }) {
  const { kind } = algorithm;
  const jwk = { __proto__: null };
  const text = op_lazaret_crypto_base64url;
  const isPrivate = type === "private";
  if (kind === "bytes") {
    jwk.kty = "oct";
    jwk.k = text(material);
    jwk.alg = algOf(algorithm, algorithm.length);
  } else if (kind === "RSA") {
    jwk.kty = "RSA";
    jwk.alg = algOf(algorithm);
    for (let i = 0; i < (isPrivate ? 8 : 2); i++) {
      jwk[RSA_PARTS[i]] = text(op_lazaret_crypto_rsa_part(isPrivate, i, material));
    }
  } else {
    const point = isPrivate ? op_lazaret_crypto_public(kind, material) : material;
    jwk.crv = kind;
    if (kind === "Ed25519" || kind === "X25519") {
      jwk.kty = "OKP";
      jwk.x = text(point);
    } else {
      const half = (lengthOf(point) - 1) / 2;
      jwk.kty = "EC";
      jwk.x = text(part(point, 1, half));
      jwk.y = text(part(point, 1 + half, half));
    }
    if (isPrivate) jwk.d = text(material);
  }
  jwk.key_ops = listed(usages);
  jwk.ext = extractable;
  return jwk;
}

function part(bytes, from, length) {
  const copy = new Uint8Array(length);
  for (let i = 0; i < length; i++) copy[i] = bytes[from + i];
  return copy;
}

return { read, write };
})();
