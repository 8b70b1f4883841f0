type A = {
  b: 1;
};

throw new RangeError("at load");
