/** Values as YAML text, in the hand of the file they go into. */
import { Document, isScalar, type YAMLSeq } from 'yaml';

/** How the value that is replaced was written. */
export type Hand = 'PLAIN' | 'QUOTE_SINGLE' | 'QUOTE_DOUBLE' | 'BLOCK_LITERAL' | 'BLOCK_FOLDED' | undefined;

const WIDEST_LINE = 100;
const STEP = 2;

/** On one line, between brackets. */
export function inline(value: unknown, hand?: Hand): string {
  if (Array.isArray(value)) return `[${value.map((item) => inline(item)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const parts = Object.entries(value).filter(([, part]) => part !== undefined);
    if (parts.length === 0) return '{}';
    return `{ ${parts.map(([key, part]) => `${inline(key)}: ${inline(part)}`).join(', ')} }`;
  }
  // Inside of brackets, so that commas and braces are quoted too.
  const doc = new Document([value], { version: '1.2' });
  const list = doc.contents as YAMLSeq;
  list.flow = true;
  const scalar = list.items[0];
  if (isScalar(scalar) && typeof scalar.value === 'string') {
    if (scalar.value.includes('\n')) scalar.type = 'QUOTE_DOUBLE';
    else if (hand === 'QUOTE_SINGLE' || hand === 'QUOTE_DOUBLE') scalar.type = hand;
    else if (scalar.value.includes('${{')) scalar.type = 'QUOTE_SINGLE';
  }
  const options = { lineWidth: 0, singleQuote: true, flowCollectionPadding: false };
  return doc.toString(options).trim().slice(1, -1);
}

const indented = (text: string, column: number): string =>
  text
    .split('\n')
    .map((line) => (line === '' ? '' : ' '.repeat(column) + line))
    .join('\n');

function literal(text: string, column: number, folded: boolean): string {
  const kept = text.endsWith('\n');
  const body = (kept ? text.slice(0, -1) : text).replace(/[ \t]+$/gm, '');
  const lines = folded ? body.replace(/\n/g, '\n\n') : body;
  const sign = `${folded ? '>' : '|'}${/^\s/.test(body) ? STEP : ''}${kept ? '' : '-'}`;
  return `${sign}\n${indented(lines, column)}`;
}

const simple = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || Object.keys(value).length === 0;

/** Whether it reads well on one line. */
function short(value: object): boolean {
  const parts = Object.values(value);
  const flat = parts.every((part) => simple(part) || Object.values(part as object).every(simple));
  return flat && !parts.some((part) => typeof part === 'string' && part.includes('\n'));
}

/**
 * What stands behind `key:` of a block map whose entries begin at `column`:
 * a space and the value, or a line break and the lines below.
 */
export function behindKey(value: unknown, column: number, hand?: Hand, block = false): string {
  if (typeof value === 'string' && value !== '') {
    const wasBlock = hand === 'BLOCK_LITERAL' || hand === 'BLOCK_FOLDED';
    if ((value.includes('\n') || wasBlock) && value.trim() !== '') {
      return ` ${literal(value, column + STEP, hand === 'BLOCK_FOLDED' && !value.includes('\n'))}`;
    }
  }
  if (simple(value)) return ` ${inline(value, hand)}`;
  const text = inline(value);
  if (!block && short(value as object) && column + text.length < WIDEST_LINE) return ` ${text}`;
  if (Array.isArray(value)) {
    const below = column + STEP;
    return `\n${value.map((item) => `${' '.repeat(below)}- ${inline(item)}`).join('\n')}`;
  }
  return `\n${entries(value as object, column + STEP)}`;
}

/** The lines of a block map; `block` keeps the maps in it on lines of their own. */
export function entries(map: object, column: number, block = false): string {
  return Object.entries(map)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => `${' '.repeat(column)}${inline(key)}:${behindKey(value, column, undefined, block)}`,
    )
    .join('\n');
}

/** Lines moved to another column. */
export function shifted(lines: string, by: number): string {
  if (by === 0) return lines;
  if (by > 0) return lines.replace(/^(?=.)/gm, ' '.repeat(by));
  return lines.replace(new RegExp(`^ {1,${-by}}`, 'gm'), '');
}
