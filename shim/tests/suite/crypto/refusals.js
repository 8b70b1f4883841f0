// What is refused, and how.
import { base64url, bytes, equal, fails, text } from "./check.js";
import * as openssl from "./openssl.js";

const { subtle } = crypto;
const aes = (usages, extractable = false) => subtle.generateKey({ name: "AES-GCM", length: 256 }, extractable, usages);
const iv = new Uint8Array(12);
const gcm = { name: "AES-GCM", iv };

export async function broken() {
  const key = await aes(["encrypt", "decrypt"]);
  const sealed = new Uint8Array(await subtle.encrypt(gcm, key, text("secret")));
  for (const at of [0, sealed.length - 1]) {
    const other = sealed.slice();
    other[at] ^= 1;
    await fails("OperationError", "changed", () => subtle.decrypt(gcm, key, other));
  }
  await fails("OperationError", "short", () => subtle.decrypt(gcm, key, sealed.subarray(0, 15)));
  const additionalData = text("more");
  await fails("OperationError", "additional", () => subtle.decrypt({ ...gcm, additionalData }, key, sealed));
  const cbc = await subtle.generateKey({ name: "AES-CBC", length: 128 }, false, ["decrypt"]);
  const how = { name: "AES-CBC", iv: new Uint8Array(16) };
  await fails("OperationError", "padding", () => subtle.decrypt(how, cbc, new Uint8Array(15)));
  await fails("OperationError", "iv", () => subtle.decrypt({ ...how, iv }, cbc, new Uint8Array(16)));
  const kw = await subtle.generateKey({ name: "AES-KW", length: 128 }, false, ["unwrapKey"]);
  for (const length of [0, 8, 16, 23, 24, 40]) {
    const unwrap = () => subtle.unwrapKey("raw", new Uint8Array(length), kw, "AES-KW", "AES-GCM", false, ["encrypt"]);
    await fails("OperationError", `wrapped ${length}`, unwrap);
  }
  const { privateKey } = await subtle.generateKey("X25519", false, ["deriveBits"]);
  const low = await subtle.importKey("raw", new Uint8Array(32), "X25519", false, []);
  await fails("OperationError", "small order", () => subtle.deriveBits({ name: "X25519", public: low }, privateKey, 256));
}

export async function notAllowed() {
  const key = await aes(["encrypt"]);
  await fails("InvalidAccessError", "extractable", () => subtle.exportKey("raw", key));
  await fails("InvalidAccessError", "usage", () => subtle.decrypt(gcm, key, new Uint8Array(32)));
  await fails("InvalidAccessError", "algorithm", () => subtle.encrypt({ name: "AES-CBC", iv: new Uint8Array(16) }, key, iv));
  const wrapping = await aes(["wrapKey"]);
  await fails("InvalidAccessError", "wrapped", () => subtle.wrapKey("raw", key, wrapping, gcm));
  await fails("SyntaxError", "no usage", () => aes([]));
  await fails("SyntaxError", "another's usage", () => aes(["sign"]));
  await fails("TypeError", "no such usage", () => aes(["spend"]));
  await fails("NotSupportedError", "algorithm", () => subtle.generateKey("ROT13", true, ["encrypt"]));
  await fails("NotSupportedError", "digest", () => subtle.digest("MD5", iv));
  await fails("TypeError", "no key", () => subtle.encrypt(gcm, { ...key }, iv));
  await fails("TypeError", "no member", () => subtle.encrypt({ name: "AES-GCM" }, key, iv));
  await fails("TypeError", "constructor", () => new CryptoKey());
  await fails("TypeError", "constructor", () => new SubtleCrypto());
  await fails("TypeError", "constructor", () => new Crypto());
  const p256 = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
  const p384 = await subtle.generateKey({ name: "ECDH", namedCurve: "P-384" }, false, ["deriveBits"]);
  const other = { name: "ECDH", public: p384.publicKey };
  await fails("InvalidAccessError", "curve", () => subtle.deriveBits(other, p256.privateKey, 256));
  await fails("InvalidAccessError", "type", () => subtle.deriveBits({ name: "ECDH", public: p256.privateKey }, p256.privateKey, 256));
  await fails("InvalidAccessError", "private", () => subtle.exportKey("raw", p256.privateKey));
  // What a plugin writes into what it is shown changes nothing.
  key.algorithm.name = "AES-CBC";
  key.usages.push("decrypt");
  await fails("InvalidAccessError", "usage", () => subtle.decrypt(gcm, key, new Uint8Array(32)));
  equal((await subtle.encrypt(gcm, key, iv)).byteLength, 28, "as it was");
}

export async function noKeys() {
  const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
  const into = (format, key, algorithm, usages) => () => subtle.importKey(format, key, algorithm, true, usages);
  const data = (what, ...key) => fails("DataError", what, into(...key));
  await data("length", "raw", new Uint8Array(15), "AES-GCM", ["encrypt"]);
  await data("empty", "raw", new Uint8Array(0), { name: "HMAC", hash: "SHA-256" }, ["sign"]);
  await data("not on the curve", "raw", new Uint8Array(65).fill(4), ecdsa, ["verify"]);
  await data("infinity", "raw", new Uint8Array(1), ecdsa, ["verify"]);
  await data("another curve", "pkcs8", bytes(openssl.p384Pkcs8), ecdsa, ["sign"]);
  await data("another kind", "spki", bytes(openssl.rsaSpki), ecdsa, ["verify"]);
  await data("cut", "pkcs8", bytes(openssl.p256Pkcs8).subarray(0, 100), ecdsa, ["sign"]);
  await data("cut", "pkcs8", bytes(openssl.edPkcs8).subarray(1), "Ed25519", ["sign"]);
  const rsa = { name: "RSA-PSS", hash: "SHA-256" };
  await data("small", "pkcs8", bytes(openssl.smallPkcs8), rsa, ["sign"]);
  await data("much", "pkcs8", new Uint8Array(1 << 20).fill(0x30), rsa, ["sign"]);
  const key = await subtle.importKey("pkcs8", bytes(openssl.p256Pkcs8), ecdsa, true, ["sign"]);
  const jwk = await subtle.exportKey("jwk", key);
  const strange = { ...jwk, d: base64url(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1)) };
  await data("another's", "jwk", strange, ecdsa, ["sign"]);
  await data("zero", "jwk", { ...jwk, d: base64url(new Uint8Array(32)) }, ecdsa, ["sign"]);
  await data("no text", "jwk", { ...jwk, x: "***" }, ecdsa, ["sign"]);
  await data("missing", "jwk", { ...jwk, y: undefined }, ecdsa, ["sign"]);
  await data("kty", "jwk", { ...jwk, kty: "RSA" }, ecdsa, ["sign"]);
  await data("use", "jwk", { ...jwk, use: "enc" }, ecdsa, ["sign"]);
  await data("key_ops", "jwk", { ...jwk, key_ops: ["verify"] }, ecdsa, ["sign"]);
  await data("key_ops", "jwk", { ...jwk, key_ops: "sign" }, ecdsa, ["sign"]);
  await data("ext", "jwk", { ...jwk, ext: false }, ecdsa, ["sign"]);
  const full = await subtle.exportKey("jwk", await subtle.importKey("pkcs8", bytes(openssl.rsaPkcs8), rsa, true, ["sign"]));
  await data("alg", "jwk", { ...full, alg: "RS256" }, rsa, ["sign"]);
  await data("prime", "jwk", { ...full, p: "AQAB" }, rsa, ["sign"]);
  // Of other parts, which are looked at by who uses them.
  for (const [part, other] of [["d", full.n], ["d", full.dp], ["dp", full.dq], ["dq", full.qi], ["qi", full.p]]) {
    await data(`${part} of another`, "jwk", { ...full, [part]: other }, rsa, ["sign"]);
  }
  await data("exponent", "jwk", { ...full, e: "Aw" }, rsa, ["sign"]);
  const oaep = { name: "RSA-OAEP", hash: "SHA-256" };
  const long = { kty: "RSA", e: "AQAB", n: base64url(new Uint8Array(1024).fill(255)) };
  await data("long", "jwk", long, oaep, ["encrypt"]);
  equal((await into("jwk", long, rsa, ["verify"])()).algorithm.modulusLength, 8192, "long");
  await data("even", "jwk", { ...long, n: base64url(new Uint8Array(512).fill(254)) }, oaep, ["encrypt"]);
  await data("one", "jwk", { ...full, p: "AQ", q: full.n }, rsa, ["sign"]);
  await data("nothing", "jwk", { ...full, q: "AA" }, rsa, ["sign"]);
  await fails("SyntaxError", "usage", into("jwk", full, rsa, ["verify"]));
  await fails("NotSupportedError", "format", into("raw", iv, rsa, ["verify"]));
  await fails("NotSupportedError", "curve", into("raw", iv, { name: "ECDSA", namedCurve: "P-224" }, ["verify"]));
}

export async function notCloned() {
  const key = await aes(["encrypt"], true);
  const { port1 } = new MessageChannel();
  for (const [what, value] of Object.entries({ key, member: { key }, list: [[key]] })) {
    await fails("DataCloneError", `clone of ${what}`, () => structuredClone(value));
    await fails("DataCloneError", `message of ${what}`, () => port1.postMessage(value));
  }
  await fails("DataCloneError", "transfer", () => structuredClone(key, { transfer: [key] }));
  port1.close();
  equal(structuredClone({ usages: key.usages }), { usages: ["encrypt"] }, "clone");
}

export async function tooMuch() {
  const generate = (modulusLength, publicExponent = new Uint8Array([1, 0, 1])) => () =>
    subtle.generateKey({ name: "RSA-OAEP", hash: "SHA-256", modulusLength, publicExponent }, true, ["decrypt"]);
  for (const length of [0, 512, 1024, 2049, 2056, 2560, 3584, 4104, 16384, 4294967295]) {
    await fails("OperationError", `modulus of ${length}`, generate(length));
  }
  await fails("OperationError", "exponent", generate(2048, new Uint8Array([3])));
  const key = await subtle.importKey("raw", text("x"), "PBKDF2", false, ["deriveBits"]);
  const derive = (iterations, bits) => () =>
    subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: iv, iterations }, key, bits);
  for (const [iterations, bits] of [[2 ** 31, 256], [4000001, 8], [2000001, 264], [1, 4294967288], [0, 256]]) {
    await fails("OperationError", `${iterations} iterations`, derive(iterations, bits));
  }
  equal((await derive(1000, 512)()).byteLength, 64, "little");
  // Salt and `info` are hashed for each block.
  const much = new Uint8Array(2 << 20);
  const salted = { name: "PBKDF2", hash: "SHA-1", salt: much, iterations: 1 };
  await fails("OperationError", "salt", () => subtle.deriveBits(salted, key, 8 << 20));
  const hkdf = await subtle.importKey("raw", text("x"), "HKDF", false, ["deriveBits"]);
  const long = { name: "HKDF", hash: "SHA-256", salt: iv, info: iv };
  await fails("OperationError", "HKDF", () => subtle.deriveBits(long, hkdf, 8 * 32 * 255 + 8));
  await fails("OperationError", "info", () => subtle.deriveBits({ ...long, info: much }, hkdf, 8 * 32 * 255));
  equal((await subtle.deriveBits({ ...long, info: much }, hkdf, 256)).byteLength, 32, "info");
  await fails("OperationError", "HMAC", () => subtle.generateKey({ name: "HMAC", hash: "SHA-256", length: 4294967288 }, true, ["sign"]));
}
