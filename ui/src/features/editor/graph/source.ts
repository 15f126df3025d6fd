/** A workflow's file as it stands: its text, and where each thing stands in it. */
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

export type Path = readonly (string | number)[];

/** A stretch of the text. */
export interface Range {
  from: number;
  to: number;
}

export interface Source {
  readonly text: string;
  readonly doc: Document;
}

/** Reads a text; what is wrong with its YAML is in `doc.errors`. */
export function sourceOf(text: string): Source {
  const doc = parseDocument(text, {
    version: '1.2',
    prettyErrors: false,
    logLevel: 'silent',
    uniqueKeys: false, // its search is quadratic; ids are checked with the steps
  });
  return { text, doc };
}

export const samePath = (one: Path, other: Path): boolean =>
  one.length === other.length && one.every((part, at) => part === other[at]);

/** The name that a key says. */
export function nameOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

/** The pair of a map with this key. */
export function pairOf(map: unknown, key: string | number): Pair<Scalar, Node | null> | undefined {
  if (!isMap(map)) return undefined;
  return map.items.find((pair) => nameOf(pair) === String(key)) as Pair<Scalar, Node | null> | undefined;
}

/** The node at a path. */
export function nodeAt(source: Source, path: Path): Node | null | undefined {
  let node: unknown = source.doc.contents;
  for (const part of path) {
    if (isSeq(node)) node = node.items[Number(part)];
    else node = pairOf(node, part)?.value;
  }
  return node as Node | null | undefined;
}

/** The value at a path, as data. */
export function valueAt(source: Source, path: Path): unknown {
  const node = nodeAt(source, path);
  return node ? node.toJS(source.doc) : undefined;
}

/** Where a node's own text stands, without the line break that ends a block. */
export function rangeOf(source: Source, node: Node): Range {
  const [from, end] = node.range ?? [0, 0];
  let to = end;
  while (to > from && /\s/.test(source.text[to - 1] ?? '')) to -= 1;
  return { from, to };
}

/** Where the line begins. */
export const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

/** Where the next line begins; the end of the text after the last. */
export function lineEnd(text: string, at: number): number {
  const found = text.indexOf('\n', at);
  return found < 0 ? text.length : found + 1;
}

/** How far its line is indented. */
export function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

/** The lines of a pair of a block map, with the comments right above and behind it. */
export function linesOf(source: Source, pair: Pair<Scalar, Node | null>): Range {
  const { text } = source;
  const start = pair.key.range?.[0] ?? 0;
  const column = columnOf(text, start);
  let from = lineStart(text, start);
  while (from > 0) {
    const above = lineStart(text, from - 1);
    const line = text.slice(above, from - 1);
    if (!line.startsWith(`${' '.repeat(column)}#`)) break;
    from = above;
  }
  const value = pair.value;
  const end = value ? (value.range?.[2] ?? 0) : (pair.key.range?.[2] ?? 0);
  const to = end > 0 && text[end - 1] === '\n' ? end : lineEnd(text, end);
  return { from, to };
}

/** Whether a collection is written between brackets. */
export const isFlow = (node: unknown): boolean => (isMap(node) || isSeq(node)) && node.flow === true;

/** Where an entry of a collection between brackets stands. */
export function entryRange(entry: unknown): Range {
  if (isPair(entry)) {
    const { key, value } = entry as Pair<Scalar, Node | null>;
    const from = key.range?.[0] ?? 0;
    return { from, to: Math.max(key.range?.[1] ?? from, value?.range?.[1] ?? 0) };
  }
  const range = (entry as Node).range;
  return { from: range?.[0] ?? 0, to: range?.[1] ?? 0 };
}

export type Collection = YAMLMap | YAMLSeq;
