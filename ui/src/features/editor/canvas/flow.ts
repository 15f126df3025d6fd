/** The graph and its layout as what React Flow draws; what did not change keeps its identity. */
import { type Edge as FlowEdge, Position } from '@xyflow/react';
import type { Edge, Graph, Link } from '../graph/build';
import type { Fault } from '../graph/check';
import { type Box, firstSteps, frameOf, type Layout, type Point, START } from '../graph/layout';
import type { Card } from './cards';

export type Wire = FlowEdge<
  { points: Point[]; link: Link | 'start'; label?: string; written: boolean },
  'wire'
>;

const handles = ({ width, height }: Box): Card['handles'] => [
  { type: 'target', position: Position.Top, x: width / 2 - 5, y: -5, width: 10, height: 10 },
  { type: 'source', position: Position.Bottom, x: width / 2 - 5, y: height - 5, width: 10, height: 10 },
];

/** Cards as they were drawn last, to be drawn again only when something about them changed. */
export type Kept<T> = Map<string, { sign: string; item: T }>;

function keeping<T>(kept: Kept<T>, key: string, sign: string, make: () => T): T {
  const before = kept.get(key);
  if (before?.sign === sign) return before.item;
  const item = make();
  kept.set(key, { sign, item });
  return item;
}

export function cardsOf(
  graph: Graph,
  layout: Layout,
  chosen: ReadonlySet<string>,
  faults: readonly Fault[],
  kept: Kept<Card>,
  labels: (key: string) => string,
): Card[] {
  const wrong = new Map<string, number>();
  for (const { step } of faults) if (step) wrong.set(step, (wrong.get(step) ?? 0) + 1);
  const cards: Card[] = [];
  const add = (
    key: string,
    data: unknown,
    make: (base: Omit<Card, 'data' | 'type'>) => Card,
    parent?: string,
  ) => {
    const box = layout.boxes.get(key);
    if (!box || (parent !== undefined && !layout.boxes.has(parent))) return;
    const selected = chosen.has(key);
    const sign = JSON.stringify([box, selected, data, parent]);
    cards.push(
      keeping(kept, key, sign, () =>
        make({
          id: key,
          position: { x: box.x, y: box.y },
          width: box.width,
          height: box.height,
          handles: handles(box),
          selected,
          draggable: false,
          ariaLabel: labels(key),
          ...(parent === undefined ? {} : { parentId: parent }),
        } as Omit<Card, 'data' | 'type'>),
      ),
    );
  };
  add(START, graph.start, (base) => ({ ...base, type: 'start', data: { start: graph.start } }));
  const framed = new Set<string>();
  for (const step of graph.steps) {
    const section = step.section;
    if (section !== 'steps' && !framed.has(section)) {
      framed.add(section);
      add(frameOf(section), section, (base) => ({
        ...base,
        type: 'frame',
        connectable: false,
        data: { section },
      }));
    }
    const parent = step.parent ?? (section === 'steps' ? undefined : frameOf(section));
    const count = wrong.get(step.key) ?? 0;
    const type = step.group ? 'loop' : 'step';
    add(
      step.key,
      [step, count],
      (base) => ({ ...base, type, data: { step, faults: count } }) as Card,
      parent,
    );
  }
  return cards;
}

export function wiresOf(graph: Graph, layout: Layout, chosen: string | undefined, kept: Kept<Wire>): Wire[] {
  const wires: Wire[] = [];
  const add = (edge: Pick<Edge, 'key' | 'from' | 'to' | 'label' | 'written'> & { link: Link | 'start' }) => {
    const points = layout.routes.get(edge.key);
    if (!points) return;
    const selected = edge.key === chosen;
    wires.push(
      keeping(kept, edge.key, JSON.stringify([points, edge, selected]), () => ({
        id: edge.key,
        source: edge.from,
        target: edge.to,
        type: 'wire',
        selected,
        selectable: edge.written,
        focusable: edge.written,
        data: { points, link: edge.link, label: edge.label, written: edge.written },
      })),
    );
  };
  for (const { key } of firstSteps(graph)) {
    add({ key: `${START}>${key}`, from: START, to: key, link: 'start', written: false });
  }
  for (const edge of graph.edges) add(edge);
  return wires;
}
