import semver from 'semver';

export const use = () => [
  semver.satisfies('1.4.2', '^1.2.0 || ~3.0'), semver.inc('1.2.3', 'minor'), semver.rsort(['1.0.0', '2.0.0', '2.0.0-rc.1']),
];
export const expected = [true, '1.3.0', ['2.0.0', '2.0.0-rc.1', '1.0.0']];
