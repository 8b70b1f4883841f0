import { chunk, debounce, groupBy, merge, sortBy, template } from 'lodash-es';

export const use = async () => {
  let calls = 0;
  const later = debounce(() => calls++, 5);
  later();
  later();
  await new Promise((go) => setTimeout(go, 50));
  return [
    chunk([1, 2, 3], 2), groupBy([1.2, 1.8, 2.1], Math.floor), merge({ a: { b: 1 } }, { a: { c: 2 } }),
    sortBy([{ n: 2 }, { n: 1 }], 'n'), template('<%- who %>!')({ who: '<me>' }), calls,
  ];
};
export const expected = [
  [[1, 2], [3]], { 1: [1.2, 1.8], 2: [2.1] }, { a: { b: 1, c: 2 } }, [{ n: 1 }, { n: 2 }], '&lt;me&gt;!', 1,
];
