import { XMLBuilder, XMLParser } from 'fast-xml-parser';

export const use = () => {
  const parser = new XMLParser({ ignoreAttributes: false });
  const tree = parser.parse('<a id="1"><b>2</b><b>three &amp; four</b></a>');
  return [tree, new XMLBuilder().build({ x: { y: [1, '<'] } })];
};
export const expected = [{ a: { b: [2, 'three & four'], '@_id': '1' } }, '<x><y>1</y><y>&lt;</y></x>'];
