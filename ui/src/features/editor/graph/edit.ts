/** One value of the file put, replaced or taken out; everything else stays as it was written. */
import { isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import type { Patch, Splice } from './patch';
import {
  columnOf,
  entryRange,
  isFlow,
  lineEnd,
  linesOf,
  nameOf,
  nodeAt,
  type Path,
  pairOf,
  rangeOf,
  type Source,
  valueAt,
} from './source';
import { behindKey, entries, type Hand, inline } from './write';

/** Maps that mean something even when they are empty. */
const KEPT_EMPTY = new Set(['steps', 'cases']);

/** Puts a value at a path; `undefined` takes it out. */
export function put(source: Source, path: Path, value: unknown): Patch {
  if (value === undefined) return take(source, path);
  const present = valueAt(source, path);
  if (present === value) return [];
  const parent = nodeAt(source, path.slice(0, -1));
  const key = path.at(-1);
  if (key === undefined) return [];
  if (isSeq(parent)) return putItem(source, parent, Number(key), value);
  if (!isMap(parent)) {
    if (path.length === 1)
      return [
        {
          from: source.text.length,
          to: source.text.length,
          insert: `${freshLine(source)}${entries({ [key]: value }, 0)}\n`,
        },
      ];
    return put(source, path.slice(0, -1), typeof key === 'number' ? [value] : { [key]: value });
  }
  const pair = pairOf(parent, key);
  return pair ? [replaced(source, pair, isFlow(parent), value)] : added(source, parent, String(key), value);
}

/** A line break when the text does not end with one. */
const freshLine = ({ text }: Source): string => (text === '' || text.endsWith('\n') ? '' : '\n');

function replaced(source: Source, pair: Pair<Scalar, Node | null>, flow: boolean, value: unknown): Splice {
  const { text } = source;
  const hand: Hand = isScalar(pair.value) ? (pair.value.type as Hand) : undefined;
  const colon = (pair.key.range?.[1] ?? 0) + text.slice(pair.key.range?.[1]).indexOf(':');
  const old =
    pair.value?.range && pair.value.range[1] > pair.value.range[0] ? rangeOf(source, pair.value) : undefined;
  if (flow) {
    const insert = inline(value, hand);
    return old ? { ...old, insert } : { from: colon + 1, to: colon + 1, insert: ` ${insert}` };
  }
  const column = columnOf(text, pair.key.range?.[0] ?? 0);
  const wasBlock = pair.value !== null && !isScalar(pair.value) && !isFlow(pair.value);
  const behind = behindKey(value, column, hand, wasBlock);
  if (!old) return { from: colon + 1, to: colon + 1, insert: behind };
  const between = text.slice(colon + 1, old.from);
  if (behind.startsWith(' ') && !between.includes('\n')) return { ...old, insert: behind.slice(1) };
  const comment = /#.*/.exec(between)?.[0];
  if (!comment) return { from: colon + 1, to: old.to, insert: behind };
  const [first = '', ...below] = behind.split('\n');
  return { from: colon + 1, to: old.to, insert: [`${first}  ${comment}`, ...below].join('\n') };
}

function added(source: Source, map: YAMLMap, key: string, value: unknown): Patch {
  const last = map.items.at(-1) as Pair<Scalar, Node | null> | undefined;
  if (isFlow(map)) {
    const entry = `${inline(key)}: ${inline(value)}`;
    if (last) {
      const at = entryRange(last).to;
      return [{ from: at, to: at, insert: `, ${entry}` }];
    }
    const { from, to } = rangeOf(source, map);
    return [{ from, to, insert: `{ ${entry} }` }];
  }
  if (!last) return [];
  const { to } = linesOf(source, last);
  const column = columnOf(source.text, last.key.range?.[0] ?? 0);
  const before = to > 0 && source.text[to - 1] !== '\n' ? '\n' : '';
  return [{ from: to, to, insert: `${before}${entries({ [key]: value }, column)}\n` }];
}

function putItem(source: Source, list: YAMLSeq, at: number, value: unknown): Patch {
  const item = list.items[at] as Node | undefined;
  if (item)
    return [
      { ...rangeOf(source, item), insert: inline(value, isScalar(item) ? (item.type as Hand) : undefined) },
    ];
  const last = list.items.at(-1) as Node | undefined;
  if (isFlow(list)) {
    if (last) {
      const end = entryRange(last).to;
      return [{ from: end, to: end, insert: `, ${inline(value)}` }];
    }
    return [{ ...rangeOf(source, list), insert: `[${inline(value)}]` }];
  }
  if (!last) return [];
  const dash = source.text.lastIndexOf('-', last.range?.[0] ?? 0);
  const to = lineEnd(source.text, Math.max(0, (last.range?.[2] ?? 1) - 1));
  const before = source.text[to - 1] === '\n' ? '' : '\n';
  return [
    { from: to, to, insert: `${before}${' '.repeat(columnOf(source.text, dash))}- ${inline(value)}\n` },
  ];
}

/** Takes a value out, and what would be empty without it. */
export function take(source: Source, path: Path): Patch {
  const above = path.slice(0, -1);
  const parent = nodeAt(source, above);
  const key = path.at(-1);
  if (key === undefined || (!isMap(parent) && !isSeq(parent))) return [];
  const index = isMap(parent)
    ? parent.items.findIndex((pair) => nameOf(pair as Pair) === String(key))
    : Number(key);
  const entry = parent.items[index];
  if (entry === undefined) return [];
  if (parent.items.length === 1 && above.length > 0) {
    const name = above.at(-1);
    if (!KEPT_EMPTY.has(String(name))) return take(source, above);
    const owner = pairOf(nodeAt(source, above.slice(0, -1)), String(name));
    return owner ? [replaced(source, owner, isFlow(nodeAt(source, above.slice(0, -1))), {})] : [];
  }
  if (isFlow(parent)) {
    const own = entryRange(entry);
    const next = parent.items[index + 1];
    if (next !== undefined) return [{ from: own.from, to: entryRange(next).from, insert: '' }];
    const before = parent.items[index - 1];
    return [{ from: before === undefined ? own.from : entryRange(before).to, to: own.to, insert: '' }];
  }
  if (isMap(parent)) {
    const pair = entry as Pair<Scalar, Node | null>;
    return [{ ...linesOf(source, pair), insert: '' }];
  }
  const item = entry as Node;
  const dash = source.text.lastIndexOf('-', item.range?.[0] ?? 0);
  const from = source.text.lastIndexOf('\n', dash) + 1;
  return [{ from, to: lineEnd(source.text, Math.max(from, (item.range?.[2] ?? 1) - 1)), insert: '' }];
}
