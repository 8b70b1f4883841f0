import { marked } from 'marked';

export const use = () => marked.parse('# Title\n\n- *one*\n- [two](https://example.com)\n');
export const expected =
  '<h1>Title</h1>\n<ul>\n<li><em>one</em></li>\n<li><a href="https://example.com">two</a></li>\n</ul>\n';
