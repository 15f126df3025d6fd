/** A line from a step to who waits for it, along the way that the layout found. */
import { BaseEdge, EdgeLabelRenderer, type EdgeProps } from '@xyflow/react';
import { memo } from 'react';
import { cn } from '@/lib/cn';
import type { Point } from '../graph/layout';
import type { Wire } from './flow';

const ROUND = 8;

/** A path with round corners. */
export function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M ${first.x} ${first.y}`;
  rest.forEach((point, at) => {
    const before = at === 0 ? first : (rest[at - 1] ?? first);
    const next = rest[at + 1];
    if (!next) {
      path += ` L ${point.x} ${point.y}`;
      return;
    }
    const near = (other: Point): Point => {
      const length = Math.hypot(other.x - point.x, other.y - point.y) || 1;
      const by = Math.min(ROUND, length / 2) / length;
      return { x: point.x + (other.x - point.x) * by, y: point.y + (other.y - point.y) * by };
    };
    const [from, to] = [near(before), near(next)];
    path += ` L ${from.x} ${from.y} Q ${point.x} ${point.y} ${to.x} ${to.y}`;
  });
  return path;
}

const colours = {
  start: 'var(--plate)',
  order: 'var(--muted-foreground)',
  data: 'color-mix(in oklch, var(--muted-foreground) 75%, transparent)',
  case: 'var(--plate-rim)',
  failure: 'var(--destructive)',
};

export const WireView = memo(function WireView({ id, data, selected }: EdgeProps<Wire>) {
  if (!data) return null;
  const end = data.points.at(-1);
  return (
    <>
      <BaseEdge
        id={id}
        path={pathOf(data.points)}
        markerEnd={`url(#wire-${data.link})`}
        interactionWidth={data.written ? 16 : 0}
        style={{
          stroke: selected ? 'var(--primary)' : colours[data.link],
          strokeWidth: selected ? 2.5 : 1.5,
          strokeDasharray: data.link === 'order' || data.link === 'failure' ? '5 4' : undefined,
        }}
      />
      {data.label && end && (
        <EdgeLabelRenderer>
          <span
            className={cn(
              'nodrag nopan absolute rounded-sm border bg-background px-1.5 font-mono text-2xs',
              selected && 'border-primary',
            )}
            style={{
              zIndex: 1001,
              transform: `translate(-50%, -100%) translate(${end.x}px, ${end.y - 12}px)`,
            }}
          >
            {data.label}
          </span>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

/** The arrowheads, one a colour. */
export function Arrows() {
  return (
    <svg aria-hidden className="absolute size-0">
      <defs>
        {Object.entries(colours).map(([link, colour]) => (
          <marker
            key={link}
            id={`wire-${link}`}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M 0 0.5 L 7.5 4 L 0 7.5 z" fill={colour} />
          </marker>
        ))}
      </defs>
    </svg>
  );
}
