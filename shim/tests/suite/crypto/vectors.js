// Known answers of standards; each function checks some.
import { all, base64url, bits, bytes, equal, hex, text } from "./check.js";
import { gcm16 } from "./openssl.js";

const { subtle } = crypto;
const raw = (key, algorithm, usages) => subtle.importKey("raw", bytes(key), algorithm, false, usages);

// RFC 4231, case 2, and RFC 2202, case 2.
export async function hmac() {
  const data = text("what do ya want for nothing?");
  const answers = {
    "SHA-1": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    "SHA-256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    "SHA-384": "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    "SHA-512":
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
  };
  for (const [hash, answer] of Object.entries(answers)) {
    const key = await subtle.importKey("raw", text("Jefe"), { name: "hmac", hash }, false, ["sign", "verify"]);
    await bits(subtle.sign("HMAC", key, data), answer, hash);
    equal(await subtle.verify("HMAC", key, bytes(answer), data), true, hash);
    equal(await subtle.verify("HMAC", key, bytes(answer).subarray(1), data), false, hash);
  }
}

// RFC 5869, case 1; RFC 6070 and RFC 7914, section 11.
export async function derivation() {
  const ikm = await raw("0b".repeat(22), "HKDF", ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: bytes("000102030405060708090a0b0c"), info: bytes("f0f1f2f3f4f5f6f7f8f9") };
  await bits(
    subtle.deriveBits(hkdf, ikm, 42 * 8),
    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    "HKDF",
  );
  await bits(subtle.deriveBits(hkdf, ikm, 0), "", "HKDF of nothing");
  const derive = async (password, hash, iterations, length) => {
    const key = await subtle.importKey("raw", text(password), "PBKDF2", false, ["deriveBits"]);
    return subtle.deriveBits({ name: "PBKDF2", hash, salt: text("salt"), iterations }, key, length * 8);
  };
  await bits(derive("password", "SHA-1", 4096, 20), "4b007901b765489abead49d926f721d065a429c1", "PBKDF2");
  await bits(
    derive("passwd", { name: "sha-256" }, 1, 64),
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
    "PBKDF2",
  );
}

// SP 800-38A, sections F.2 and F.5.
export async function blocks() {
  const plain = bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
  const keys = [
    ["2b7e151628aed2a6abf7158809cf4f3c", "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2", "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"],
    ["8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a", "1abc932417521ca24f2b0459fe7e6e0b090339ec0aa6faefd5ccc2c6f4ce8e94"],
    ["603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d", "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"],
  ];
  for (const [key, chained, counted] of keys) {
    const cbc = await raw(key, "AES-CBC", all);
    const chain = { name: "AES-CBC", iv: bytes("000102030405060708090a0b0c0d0e0f") };
    const padded = await subtle.encrypt(chain, cbc, plain);
    // The standard has no padding, which is a block more here.
    equal(hex(padded).slice(0, 64), chained, "CBC");
    await bits(subtle.decrypt(chain, cbc, padded), hex(plain), "CBC");
    const ctr = await raw(key, "AES-CTR", all);
    for (const length of [32, 64, 128]) {
      const counter = { name: "AES-CTR", counter: bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), length };
      await bits(subtle.encrypt(counter, ctr, plain), counted, "CTR");
      await bits(subtle.decrypt(counter, ctr, bytes(counted)), hex(plain), "CTR");
    }
  }
}

// The specification of GCM, case 4, and a vector of 16 bytes, which is hashed first.
export async function authenticated() {
  const key = await raw("feffe9928665731c6d6a8f9467308308", "AES-GCM", all);
  const plain = bytes(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
  );
  const how = {
    name: "AES-GCM",
    iv: bytes("cafebabefacedbaddecaf888"),
    additionalData: bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
  };
  const sealed =
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
  const tag = "5bc94fbc3221a5db94fae95ae7121a47";
  await bits(subtle.encrypt(how, key, plain), sealed + tag, "GCM");
  await bits(subtle.decrypt(how, key, bytes(sealed + tag)), hex(plain), "GCM");
  for (const tagLength of [96, 104, 112, 120, 128]) {
    const short = bytes(sealed + tag.slice(0, tagLength / 4));
    await bits(subtle.encrypt({ ...how, tagLength }, key, plain), hex(short), "GCM");
    await bits(subtle.decrypt({ ...how, tagLength }, key, short), hex(plain), "GCM");
  }
  const hashed = { name: "AES-GCM", iv: bytes("000102030405060708090a0b0c0d0e0f"), additionalData: text("more") };
  await bits(subtle.encrypt(hashed, key, text("sample")), gcm16, "GCM 16");
  await bits(subtle.decrypt(hashed, key, bytes(gcm16)), hex(text("sample")), "GCM 16");
}

// RFC 3394, sections 4.1, 4.3 and 4.6.
export async function wrapping() {
  const kek = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const data = "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f";
  const cases = [
    [128, 128, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"],
    [256, 128, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"],
    [256, 256, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"],
  ];
  for (const [kekBits, dataBits, wrapped] of cases) {
    const key = await raw(kek.slice(0, kekBits / 4), "AES-KW", ["wrapKey", "unwrapKey"]);
    const inner = await subtle.importKey("raw", bytes(data.slice(0, dataBits / 4)), "AES-GCM", true, ["encrypt"]);
    await bits(subtle.wrapKey("raw", inner, key, "AES-KW"), wrapped, "KW");
    const again = await subtle.unwrapKey("raw", bytes(wrapped), key, "AES-KW", "AES-GCM", true, ["encrypt"]);
    await bits(subtle.exportKey("raw", again), data.slice(0, dataBits / 4), "KW");
  }
}

const pair = async (algorithm, jwk, ofPrivate, ofPublic) => {
  const { d, ...open } = jwk;
  return {
    open: await subtle.importKey("jwk", open, algorithm, true, ofPublic),
    secret: await subtle.importKey("jwk", { ...open, d }, algorithm, true, ofPrivate),
  };
};
const jwk = (members) => {
  for (const name of ["d", "x", "y"]) if (members[name]) members[name] = base64url(bytes(members[name]));
  return members;
};

// RFC 6979, sections A.2.5 and A.2.6; signing there has no randomness, as here.
export async function ecdsa() {
  const cases = [
    [
      "SHA-256",
      {
        kty: "EC",
        crv: "P-256",
        d: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        x: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        y: "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
      },
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ],
    [
      "SHA-384",
      {
        kty: "EC",
        crv: "P-384",
        d: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
        x: "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
        y: "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
      },
      "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    ],
  ];
  for (const [hash, key, signature] of cases) {
    const algorithm = { name: "ECDSA", namedCurve: key.crv };
    const { open, secret } = await pair(algorithm, jwk(key), ["sign"], ["verify"]);
    const how = { name: "ECDSA", hash };
    const made = hex(await subtle.sign(how, secret, text("sample")));
    if (globalThis.lazaret) equal(made, signature, key.crv);
    equal(await subtle.verify(how, open, bytes(signature), text("sample")), true, key.crv);
    equal(await subtle.verify(how, open, bytes(signature), text("simple")), false, key.crv);
    equal(await subtle.verify(how, open, bytes("00"), text("sample")), false, key.crv);
  }
}

// RFC 5903, section 8.1, and RFC 7748, section 6.1.
export async function agreement() {
  const p256 = await pair(
    { name: "ECDH", namedCurve: "P-256" },
    jwk({
      kty: "EC",
      crv: "P-256",
      d: "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
      x: "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
      y: "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
    }),
    ["deriveBits", "deriveKey"],
    [],
  );
  const point =
    "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab";
  const other = await raw(point, { name: "ECDH", namedCurve: "P-256" }, []);
  const shared = "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de";
  const how = { name: "ECDH", public: other };
  await bits(subtle.deriveBits(how, p256.secret, 256), shared, "ECDH");
  await bits(subtle.deriveBits(how, p256.secret, null), shared, "ECDH");
  await bits(subtle.deriveBits(how, p256.secret, 12), "d680", "ECDH in part");
  const key = await subtle.deriveKey(how, p256.secret, { name: "AES-GCM", length: 128 }, true, ["encrypt"]);
  await bits(subtle.exportKey("raw", key), shared.slice(0, 32), "ECDH");
  const alice = await pair(
    "X25519",
    jwk({
      kty: "OKP",
      crv: "X25519",
      d: "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
      x: "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    }),
    ["deriveBits"],
    [],
  );
  const bob = await raw("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", "X25519", []);
  await bits(
    subtle.deriveBits({ name: "X25519", public: bob }, alice.secret, 256),
    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    "X25519",
  );
}

// RFC 8032, section 7.1, test 2.
export async function edwards() {
  const key = jwk({
    kty: "OKP",
    crv: "Ed25519",
    d: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    x: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
  });
  const { open, secret } = await pair("Ed25519", key, ["sign"], ["verify"]);
  const signature =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
  await bits(subtle.sign("Ed25519", secret, bytes("72")), signature, "Ed25519");
  equal(await subtle.verify("Ed25519", open, bytes(signature), bytes("72")), true, "Ed25519");
  equal(await subtle.verify("Ed25519", open, bytes(signature), bytes("73")), false, "Ed25519");
}
