import { h, isValidElement, toChildArray } from 'preact';

export const use = () => {
  const node = h('p', { id: 'x' }, 'a', [h('b', null, 1)]);
  return [isValidElement(node), node.type, node.props.id, toChildArray(node.props.children).length];
};
export const expected = [true, 'p', 'x', 2];
