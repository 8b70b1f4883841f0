// Keys that come in and go out, and RSA, against what OpenSSL made.
import { bits, bytes, equal, hex, text } from "./check.js";
import * as openssl from "./openssl.js";

const { subtle } = crypto;
const message = text("sample");
const importKey = (format, key, algorithm, usages) => subtle.importKey(format, bytes(key), algorithm, true, usages);

// A key by each of its formats, and out of each again.
async function around(algorithm, pkcs8, spki, ofPrivate, ofPublic) {
  const secret = await importKey("pkcs8", pkcs8, algorithm, ofPrivate);
  const open = await importKey("spki", spki, algorithm, ofPublic);
  await bits(subtle.exportKey("pkcs8", secret), pkcs8, "pkcs8");
  await bits(subtle.exportKey("spki", open), spki, "spki");
  for (const key of [secret, open]) {
    const jwk = await subtle.exportKey("jwk", key);
    const again = await subtle.importKey("jwk", JSON.parse(JSON.stringify(jwk)), algorithm, true, key.usages);
    equal(await subtle.exportKey("jwk", again), jwk, "jwk");
    equal([again.type, again.algorithm, again.usages], [key.type, key.algorithm, key.usages], "jwk");
  }
  return { secret, open };
}

const madeElsewhere = {
  "P-384": ["SHA-1", openssl.p384Sha1],
  "P-521": ["SHA-256", openssl.p521Sha256],
};

export async function elliptic() {
  for (const [namedCurve, pkcs8, spki] of [
    ["P-256", openssl.p256Pkcs8, openssl.p256Spki],
    ["P-384", openssl.p384Pkcs8, openssl.p384Spki],
    ["P-521", openssl.p521Pkcs8, openssl.p521Spki],
  ]) {
    const { secret, open } = await around({ name: "ECDSA", namedCurve }, pkcs8, spki, ["sign"], ["verify"]);
    equal([secret.type, open.type, secret.algorithm], ["private", "public", { name: "ECDSA", namedCurve }], "key");
    for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
      const signature = await subtle.sign({ name: "ECDSA", hash }, secret, message);
      equal(await subtle.verify({ name: "ECDSA", hash }, open, signature, message), true, `${namedCurve} ${hash}`);
    }
    const [hash, made] = madeElsewhere[namedCurve] ?? [];
    if (made !== undefined) {
      equal(await subtle.verify({ name: "ECDSA", hash }, open, bytes(made), message), true, `${namedCurve} ${hash}`);
      equal(await subtle.verify({ name: "ECDSA", hash }, open, bytes(made), text("simple")), false, namedCurve);
    }
    const point = hex(await subtle.exportKey("raw", open));
    const again = await importKey("raw", point, { name: "ECDSA", namedCurve }, ["verify"]);
    await bits(subtle.exportKey("spki", again), spki, "raw");
    const ecdh = { name: "ECDH", namedCurve };
    const mine = await subtle.generateKey(ecdh, false, ["deriveBits"]);
    const other = await subtle.generateKey(ecdh, false, ["deriveBits"]);
    const shared = await subtle.deriveBits({ name: "ECDH", public: other.publicKey }, mine.privateKey, null);
    await bits(subtle.deriveBits({ name: "ECDH", public: mine.publicKey }, other.privateKey, null), hex(shared), "ECDH");
  }
  await around("Ed25519", openssl.edPkcs8, openssl.edSpki, ["sign"], ["verify"]);
  await around("X25519", openssl.xPkcs8, openssl.xSpki, ["deriveBits"], []);
}

export async function rsaSignatures() {
  const { rsaPkcs8, rsaSpki, rs256, ps256 } = openssl;
  const pkcs = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const { secret, open } = await around(pkcs, rsaPkcs8, rsaSpki, ["sign"], ["verify"]);
  const { modulusLength, publicExponent, hash } = secret.algorithm;
  equal([modulusLength, [...publicExponent], hash.name], [2048, [1, 0, 1], "SHA-256"], "algorithm");
  await bits(subtle.sign(pkcs.name, secret, message), rs256, "RS256");
  equal(await subtle.verify(pkcs.name, open, bytes(rs256), message), true, "RS256");
  equal(await subtle.verify(pkcs.name, open, bytes(rs256), text("simple")), false, "RS256");
  const old = await importKey("spki", rsaSpki, { ...pkcs, hash: "SHA-1" }, ["verify"]);
  equal(await subtle.verify(pkcs.name, old, bytes(openssl.rs1), message), true, "RS1");
  const pss = { name: "RSA-PSS", hash: "SHA-256" };
  const probabilistic = await around(pss, rsaPkcs8, rsaSpki, ["sign"], ["verify"]);
  const how = { name: "RSA-PSS", saltLength: 32 };
  equal(await subtle.verify(how, probabilistic.open, bytes(ps256), message), true, "PS256");
  const signature = await subtle.sign(how, probabilistic.secret, message);
  equal(await subtle.verify(how, probabilistic.open, signature, message), true, "PS256");
  equal(await subtle.verify(how, probabilistic.open, signature, text("simple")), false, "PS256");
}

// A key of our own does all that others do.
export async function rsaNew() {
  const publicExponent = new Uint8Array([1, 0, 1]);
  const pss = { name: "RSA-PSS", hash: "SHA-384", modulusLength: 2048, publicExponent };
  const { privateKey, publicKey } = await subtle.generateKey(pss, true, ["sign", "verify"]);
  equal([privateKey.algorithm.modulusLength, publicKey.algorithm.modulusLength], [2048, 2048], "length");
  const how = { name: "RSA-PSS", saltLength: 48 };
  const signature = await subtle.sign(how, privateKey, message);
  const pkcs8 = hex(await subtle.exportKey("pkcs8", privateKey));
  const spki = hex(await subtle.exportKey("spki", publicKey));
  const { secret, open } = await around(pss, pkcs8, spki, ["sign"], ["verify"]);
  equal(await subtle.verify(how, open, signature, message), true, "its own");
  equal(await subtle.verify(how, publicKey, await subtle.sign(how, secret, message), message), true, "again");
  equal(await subtle.verify(how, open, signature, text("simple")), false, "another");
}

export async function rsaEncryption() {
  const { rsaPkcs8, rsaSpki, oaepLabelled } = openssl;
  for (const hash of ["SHA-1", "SHA-256", "SHA-384", "SHA-512"]) {
    const how = { name: "RSA-OAEP", hash };
    const { secret, open } = await around(how, rsaPkcs8, rsaSpki, ["decrypt", "unwrapKey"], ["encrypt", "wrapKey"]);
    await bits(subtle.decrypt(how, secret, await subtle.encrypt(how, open, message)), hex(message), hash);
    const inner = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const wrapped = await subtle.wrapKey("raw", inner, open, "RSA-OAEP");
    const again = await subtle.unwrapKey("raw", wrapped, secret, "RSA-OAEP", "AES-GCM", true, ["encrypt"]);
    await bits(subtle.exportKey("raw", again), hex(await subtle.exportKey("raw", inner)), hash);
    if (hash !== "SHA-256") continue;
    const labelled = { ...how, label: text("label") };
    await bits(subtle.decrypt(labelled, secret, bytes(oaepLabelled)), hex(message), "label");
  }
}

export async function secrets() {
  const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-512" }, true, ["sign", "verify"]);
  equal(key.algorithm, { name: "HMAC", length: 1024, hash: { name: "SHA-512" } }, "HMAC");
  const jwk = await subtle.exportKey("jwk", key);
  equal([jwk.kty, jwk.alg, jwk.key_ops, jwk.ext], ["oct", "HS512", ["sign", "verify"], true], "HMAC");
  const aes = await subtle.generateKey({ name: "AES-CBC", length: 192 }, true, ["wrapKey", "unwrapKey"]);
  const how = { name: "AES-CBC", iv: new Uint8Array(16) };
  const wrapped = await subtle.wrapKey("jwk", key, aes, how);
  const hmac = { name: "HMAC", hash: "SHA-512" };
  const again = await subtle.unwrapKey("jwk", wrapped, aes, how, hmac, true, ["sign", "verify"]);
  equal(await subtle.exportKey("jwk", again), jwk, "wrapped");
  equal((await subtle.exportKey("jwk", aes)).alg, "A192CBC", "AES");
  const base = await subtle.importKey("raw", text("x"), "PBKDF2", false, ["deriveKey"]);
  const derive = { name: "PBKDF2", hash: "SHA-256", salt: text("y"), iterations: 3 };
  const derived = await subtle.deriveKey(derive, base, hmac, true, ["sign"]);
  equal(derived.algorithm.length, 1024, "derived");
}
