/** The first page's script, compressed: what `index.html` loads before anything is shown. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MOST = 200_000;
const dist = join(import.meta.dirname, '..', 'dist');

const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));
const loaded = new Set();

function load(name) {
  if (loaded.has(name)) return;
  loaded.add(name);
  for (const next of manifest[name]?.imports ?? []) load(next);
}

for (const [name, chunk] of Object.entries(manifest)) if (chunk.isEntry) load(name);
// Not imported at once, but shown on every first page: the words, and who is signed in.
const always = /src\/lib\/words\/fr\.ts$/;
for (const name of Object.keys(manifest)) if (always.test(name)) load(name);

const sizes = [...loaded].map((name) => {
  const file = manifest[name]?.file ?? '';
  return { file, bytes: file.endsWith('.js') ? gzipSync(readFileSync(join(dist, file))).length : 0 };
});
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
process.stdout.write(`first page: ${(total / 1000).toFixed(1)} kB of ${MOST / 1000} kB\n`);
if (total > MOST) {
  for (const { file, bytes } of sizes) process.stdout.write(`${(bytes / 1000).toFixed(1)} kB ${file}\n`);
  process.exit(1);
}
