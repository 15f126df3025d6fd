/** Which steps an expression reads, and where it names them. */
import { isMap, isPair, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { Range, Source } from './source';

/** One place that names a step: `steps.ID`, `run.steps.ID`, or an entry of `needs`. */
export interface Reference extends Range {
  id: string;
  kind: 'data' | 'state' | 'need' | 'stand_in';
  /** The case that an entry of `needs` follows. */
  case?: string;
}

/** Fields that are an expression without `${{ }}`. */
const BARE = new Set(['if', 'until', 'filter', 'dedup']);

const NAMED =
  /(?<![\w.])(run\s*\??\.\s*)?steps\s*\??\.\s*([a-z][a-z0-9_]*)((?:\s*\??\.\s*[a-z][a-z0-9_]*)*)/g;

/** Stretches of a scalar's text that are expressions. */
function expressions(text: string, bare: boolean): Range[] {
  const found: Range[] = [];
  for (let at = text.indexOf('${{'); at >= 0; at = text.indexOf('${{', at + 3)) {
    if (text[at - 1] === '$') continue;
    const end = text.indexOf('}}', at);
    found.push({ from: at + 3, to: end < 0 ? text.length : lastBrace(text, end) });
  }
  return found.length === 0 && bare ? [{ from: 0, to: text.length }] : found;
}

/** `}}}` closes a map and then the expression. */
function lastBrace(text: string, at: number): number {
  let end = at;
  while (text[end + 2] === '}') end += 1;
  return end;
}

/** Same length, with nothing inside of quoted texts. */
function blanked(code: string, escaped: boolean): string {
  const quoted = escaped ? /\\"[^"]*?\\"/g : /"(?:\\.|[^"\\])*"/g;
  return code
    .replace(quoted, (text) => ' '.repeat(text.length))
    .replace(/\/\/[^\n]*/g, (text) => ' '.repeat(text.length));
}

/** What one scalar reads; `known` tells which names are steps, so that nested ones are followed. */
export function referencesIn(
  source: Source,
  scalar: Scalar,
  bare: boolean,
  known: (id: string) => boolean,
): Reference[] {
  const [start, end] = scalar.range ?? [0, 0];
  const text = source.text.slice(start, end);
  const found: Reference[] = [];
  for (const { from, to } of expressions(text, bare)) {
    const code = blanked(text.slice(from, to), scalar.type === 'QUOTE_DOUBLE');
    for (const match of code.matchAll(NAMED)) {
      const id = match[2] ?? '';
      const rest = match[3] ?? '';
      const kind = match[1] ? 'state' : 'data';
      const head = start + from + match.index + match[0].length - rest.length;
      found.push({ id, kind, from: head - id.length, to: head });
      if (kind === 'state') continue;
      for (const field of rest.matchAll(/[a-z][a-z0-9_]*/g)) {
        if (!known(field[0])) break;
        const at = head + field.index;
        found.push({ id: field[0], kind, from: at, to: at + field[0].length });
      }
    }
  }
  return found;
}

/** Everything below a node that names a step, except what `skip` leaves to others. */
export function referencesBelow(
  source: Source,
  node: unknown,
  known: (parent: string | undefined, id: string) => boolean,
  skip: (key: string) => boolean = () => false,
): Reference[] {
  const found: Reference[] = [];
  const walk = (below: unknown, key: string, under: string): void => {
    if (isScalar(below)) {
      if (typeof below.value !== 'string') return;
      const bare = BARE.has(key) || under === 'cases' || key === 'code';
      let parent: string | undefined;
      found.push(
        ...referencesIn(source, below, bare, (id) => {
          const is = known(parent, id);
          parent = id;
          return is;
        }),
      );
    } else if (isMap(below)) {
      for (const pair of below.items) {
        const name = isScalar(pair.key) ? String(pair.key.value) : '';
        if (!skip(name)) walk(pair.value, name, key);
      }
    } else if (isSeq(below)) {
      for (const item of below.items) walk(isPair(item) ? item.value : item, '', key);
    }
  };
  walk(node, '', '');
  return found;
}

/** What `needs` and `on_error` of a step name. */
export function controlReferences(source: Source, step: unknown): Reference[] {
  if (!isMap(step)) return [];
  const found: Reference[] = [];
  const needs = step.get('needs', true) as Node | undefined;
  const list = isSeq(needs) ? needs.items : needs ? [needs] : [];
  for (const item of list) {
    if (isScalar(item) && typeof item.value === 'string') found.push(needIn(source, item, 'need'));
  }
  const instead = step.getIn(['on_error', 'step'], true);
  if (isScalar(instead) && typeof instead.value === 'string') found.push(needIn(source, instead, 'stand_in'));
  return found;
}

function needIn(source: Source, scalar: Scalar, kind: 'need' | 'stand_in'): Reference {
  const [id = '', chosen] = String(scalar.value).split('.');
  const [start, end] = scalar.range ?? [0, 0];
  const from = start + Math.max(0, source.text.slice(start, end).indexOf(id));
  return { id, kind, from, to: from + id.length, ...(chosen === undefined ? {} : { case: chosen }) };
}
