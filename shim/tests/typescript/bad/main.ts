import './lib/bad.ts';
