import Handlebars from 'handlebars';

export const use = () => {
  Handlebars.registerHelper('loud', (text) => text.toUpperCase());
  return Handlebars.compile('{{#each people}}{{loud name}} <{{this.mail}}>{{#unless @last}}, {{/unless}}{{/each}}')({
    people: [{ name: 'ada', mail: 'a&b' }, { name: 'bob', mail: 'c' }],
  });
};
export const expected = 'ADA <a&amp;b>, BOB <c>';
