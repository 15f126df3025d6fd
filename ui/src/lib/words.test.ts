import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { typeset } from './i18n';
import { words as en } from './words/en';
import { words as fr } from './words/fr';

const FORMS = /_(zero|one|two|few|many|other)$/;

function keys(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([key, below]) =>
    typeof below === 'string' ? [`${path}${key}`] : keys(below, `${path}${key}.`),
  );
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !/\.test\.tsx?$|schema\.d\.ts$/.test(entry.name) ? [path] : [];
  });
}

const code = sources(join(import.meta.dirname, '..'))
  .map((path) => readFileSync(path, 'utf8'))
  .join('\n');

test('French and English have the same words', () => {
  expect(keys(en).sort()).toEqual(keys(fr).sort());
});

test('every word that a screen asks for is in the catalogue', () => {
  const known = new Set(keys(fr).flatMap((key) => [key, key.replace(FORMS, '')]));
  const asked = [...code.matchAll(/\bt\(\s*'([a-z0-9_.]+)'/g)].map(([, key]) => key);
  expect(asked.filter((key) => key && !known.has(key))).toEqual([]);
});

test('every word of the screens is said by one', () => {
  const families = [...code.matchAll(/`(ui\.[a-z0-9_.]+)\$\{/g)].map(([, family = '']) => family);
  const unsaid = keys(fr.ui, 'ui.').filter((key) => {
    const plain = key.replace(FORMS, '');
    return !code.includes(`'${plain}'`) && !families.some((family) => plain.startsWith(family));
  });
  expect(unsaid).toEqual([]);
});

test('French is set with its own spaces', () => {
  expect(typeset('« Oui » : vraiment ?')).toBe('«\u00a0Oui\u00a0»\u00a0: vraiment\u202f?');
});
