type A = 1;
  const b: A = ;
