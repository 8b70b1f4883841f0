import { produce } from 'immer';

export const use = () => {
  const before = { list: [{ done: false }, { done: false }], kept: {} };
  const after = produce(before, (draft) => { draft.list[1].done = true; });
  return [before.list[1].done, after.list[1].done, after.kept === before.kept, Object.isFrozen(after)];
};
export const expected = [false, true, true, true];
