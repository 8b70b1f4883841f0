import { parse, parseDocument, stringify } from 'yaml';

export const use = () => {
  const document = parseDocument('a: 1 # one\n');
  document.set('b', [2]);
  return [parse('x: &x {y: [1, yes, ~]}\nz: *x\n'), stringify({ list: ['a b', 'c: d'] }), String(document)];
};
export const expected = [
  { x: { y: [1, 'yes', null] }, z: { y: [1, 'yes', null] } }, 'list:\n  - a b\n  - "c: d"\n', 'a: 1 # one\nb:\n  - 2\n',
];
