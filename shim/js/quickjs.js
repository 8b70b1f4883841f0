// What the binding to QuickJS relies on and a plugin could change. Nothing to do on another engine.
"use strict";

((global) => {
  const { core, primordials } = global.__bootstrap;
  const {
    ArrayBuffer,
    ArrayBufferPrototype,
    ArrayBufferPrototypeGetByteLength,
    ArrayBufferPrototypeSlice,
    DataViewPrototype,
    ObjectDefineProperty,
    ReflectDeleteProperty,
    RangeError,
    StringPrototype,
    TypedArrayPrototypeSet,
    Uint8Array,
    uncurryThis,
  } = primordials;

  if (!("__v8xTemporalTimeZone" in global)) return;

  function fix(object, name, attributes) {
    ObjectDefineProperty(object, name, { __proto__: null, configurable: false, ...attributes });
  }

  // `src/runtime/kinds.rs` looks these up.
  fix(DataViewPrototype, "buffer");
  fix(DataViewPrototype, "byteLength");
  fix(DataViewPrototype, "byteOffset");
  fix(global, "Object", { writable: false });
  // The engine calls it for every template, also those of the runtime's own code.
  fix(StringPrototype, "concat", { writable: false });

  // The engine keeps using the memory of a buffer that was made outside of it after this has moved
  // it, and the binding does not notice that it shrank: there is no `resize`, and a buffer is
  // transferred as a copy.
  const detach = uncurryThis(ArrayBufferPrototype.transfer);

  function toIndex(value) {
    const number = +value;
    const index = number - number % 1;
    if (index !== index) return 0;
    if (index < 0 || index > 9007199254740991) throw new RangeError("invalid array buffer length");
    return index;
  }

  function transferred(buffer, length) {
    const bytes = ArrayBufferPrototypeGetByteLength(buffer);
    const size = length === undefined ? bytes : toIndex(length);
    let copy;
    if (size <= bytes) {
      copy = ArrayBufferPrototypeSlice(buffer, 0, size);
    } else {
      copy = new ArrayBuffer(size);
      TypedArrayPrototypeSet(new Uint8Array(copy), new Uint8Array(buffer, 0, bytes));
    }
    detach(buffer, 0);
    return copy;
  }

  const methods = {
    transfer(length = undefined) {
      return transferred(this, length);
    },
    transferToFixedLength(length = undefined) {
      return transferred(this, length);
    },
  };
  fix(ArrayBufferPrototype, "transfer", { value: methods.transfer });
  fix(ArrayBufferPrototype, "transferToFixedLength", { value: methods.transferToFixedLength });
  ReflectDeleteProperty(ArrayBufferPrototype, "transferToImmutable");
  ReflectDeleteProperty(ArrayBufferPrototype, "resize");
})(globalThis);
