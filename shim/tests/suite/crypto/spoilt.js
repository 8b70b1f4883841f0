// A plugin that changes the language before it first looks at `crypto`.
const stolen = new Set();
const add = stolen.add.bind(stolen);
const each = stolen.forEach.bind(stolen);
const { defineProperty, getOwnPropertyNames, setPrototypeOf } = Object;
const { isView } = ArrayBuffer;
const bare = (members) => setPrototypeOf(members, null);
const list = (...items) => bare({ *[Symbol.iterator]() { for (let i = 0; i < items.length; i++) yield items[i]; } });

function spoil() {
  // Whatever is set, or read where it is not, passes by here.
  for (const name of ["k", "d", "kty", "material", "usages", "algorithm", "privateKey", "raw", "secret", "toJSON", "0", "kind"]) {
    defineProperty(Object.prototype, name, {
      get() {
        add(this);
        return undefined;
      },
      set(value) {
        add(value);
      },
    });
  }
  const thief = function (...values) {
    add(this);
    for (let i = 0; i < values.length; i++) add(values[i]);
    throw new Error("stolen");
  };
  for (const object of [Uint8Array.prototype, Uint8Array.prototype.__proto__, ArrayBuffer.prototype, JSON, Object, Reflect]) {
    for (const name of getOwnPropertyNames(object)) {
      if (name === "constructor") continue;
      try {
        object[name] = thief;
      } catch {}
    }
  }
  for (const name of ["toUpperCase", "slice", "replace"]) String.prototype[name] = thief;
  for (const name of ["push", "map", "join", "filter"]) Array.prototype[name] = thief;
  // What goes through a list finds whatever is asked for.
  Array.prototype[Symbol.iterator] = list("sign", "verify")[Symbol.iterator];
  globalThis.Uint8Array = thief;
  globalThis.DOMException = thief;
}

export async function spoilt() {
  const data = new Uint8Array([1, 2, 3]);
  const sixteen = new Uint8Array(16);
  spoil();
  const { subtle } = crypto;
  const algorithm = bare({ name: "AES-CBC", length: 256 });
  const key = await subtle.generateKey(algorithm, false, list("encrypt", "decrypt", "wrapKey", "unwrapKey"));
  const how = bare({ name: "AES-CBC", iv: sixteen });
  const sealed = await subtle.encrypt(how, key, data);
  const opened = new DataView(await subtle.decrypt(how, key, sealed));
  const inner = await subtle.generateKey(bare({ name: "HMAC", hash: "SHA-256" }), true, list("sign"));
  const wrapped = await subtle.wrapKey("jwk", inner, key, how);
  const to = bare({ name: "HMAC", hash: "SHA-256" });
  const again = await subtle.unwrapKey("jwk", wrapped, key, how, to, false, list("sign"));
  const some = new DataView(await subtle.sign("HMAC", inner, data));
  const other = new DataView(await subtle.sign("HMAC", again, data));
  const pair = await subtle.generateKey("Ed25519", false, list("sign", "verify"));
  const signature = await subtle.sign("Ed25519", pair.privateKey, data);
  const holds = await subtle.verify("Ed25519", pair.publicKey, signature, data);
  const refused = await subtle.exportKey("raw", again).catch(({ name }) => name);
  const strange = subtle.unwrapKey("jwk", wrapped, key, how, to, false, list("verify"));
  const unfit = await strange.catch(({ name }) => name);
  const { key_ops } = await subtle.exportKey("jwk", inner);
  let seen = 0;
  each((value) => (seen += isView(value) ? 1 : 0));
  return `${opened.getUint8(0)} ${opened.byteLength} ${some.getInt32(0) === other.getInt32(0)} ${holds} ${refused} ${unfit} ${key_ops[0]} ${seen}`;
}
