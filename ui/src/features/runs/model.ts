/** Runs as pages reason about them; pure. */
import { z } from 'zod/mini';
import type { components } from '@/lib/api/schema';

export type Run = components['schemas']['Run'];
export type Step = components['schemas']['Step'];
export type Attempt = components['schemas']['Attempt'];

const ENDED: ReadonlySet<Run['status']> = new Set(['succeeded', 'failed', 'cancelled', 'timed_out']);

/** True when nothing moves any more. */
export function hasEnded(run: Pick<Run, 'status'>): boolean {
  return ENDED.has(run.status);
}

/** True when some of it may be tried again. */
export function mayRetry(run: Pick<Run, 'status'>): boolean {
  return run.status === 'failed' || run.status === 'timed_out';
}

/** The first part of an id, by which people tell runs apart. */
export function shortId(id: string): string {
  return id.slice(-8);
}

/** How deep a step lies in loops. */
export function depthOf(step: Pick<Step, 'items'>): number {
  return step.items.length;
}

/** The step that a run's page opens first: the one that failed, else that waits, else the last. */
export function firstToSee(run: Run): Step | undefined {
  const failed = run.error?.step;
  return (
    run.steps.find((step) => step.path === failed) ??
    run.steps.find((step) => step.status === 'failed' || step.status === 'timed_out') ??
    run.steps.find((step) => step.status === 'waiting' || step.status === 'running') ??
    run.steps.at(-1)
  );
}

/** A bar of the waterfall, in shares of the whole. */
export interface Bar {
  path: string;
  depth: number;
  attempt: Attempt;
  from: number;
  width: number;
  took: number;
}

/** When each attempt worked, beside all others. */
export function waterfall(run: Run, now: number): { bars: Bar[]; from: number; span: number } {
  const from = Date.parse(run.created_at);
  const ends = run.steps.flatMap((step) => step.attempts.map((attempt) => endOf(attempt, now)));
  const until = Math.max(run.ended_at ? Date.parse(run.ended_at) : from, ...ends, from + 1);
  const span = until - from;
  const bars = run.steps.flatMap((step) =>
    step.attempts
      .filter((attempt) => !attempt.taken && attempt.status !== 'skipped')
      .map((attempt) => {
        const began = Date.parse(attempt.started_at);
        const took = Math.max(0, endOf(attempt, now) - began);
        const start = Math.min(Math.max(0, (began - from) / span), 1);
        return { path: step.path, depth: depthOf(step), attempt, from: start, width: took / span, took };
      }),
  );
  return { bars, from, span };
}

function endOf(attempt: Attempt, now: number): number {
  if (attempt.ended_at) return Date.parse(attempt.ended_at);
  const begun = Date.parse(attempt.started_at);
  return attempt.status === 'running' || attempt.status === 'waiting' ? Math.max(now, begun) : begun;
}

/** One place where two values differ. */
export interface Difference {
  path: string;
  left: unknown;
  right: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Where two values differ, leaf by leaf, at most `most`. */
export function differences(left: unknown, right: unknown, most = 50, path = ''): Difference[] {
  if (Object.is(left, right)) return [];
  const alike = isObject(left) && isObject(right) && Array.isArray(left) === Array.isArray(right);
  if (!alike) return [{ path, left, right }];
  const found: Difference[] = [];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const place = Array.isArray(left) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
    found.push(...differences(left[key], right[key], most - found.length, place));
    if (found.length >= most) break;
  }
  return found.slice(0, most);
}

/** A step of two runs. */
export interface Pair {
  path: string;
  left?: Step;
  right?: Step;
  differences: Difference[];
}

/** The steps of two runs side by side, in the order of the first. */
export function sideBySide(left: Run, right: Run): Pair[] {
  const paths = new Set([...left.steps, ...right.steps].map((step) => step.path));
  const last = (step?: Step) => step?.attempts.at(-1);
  return [...paths].map((path) => {
    const one = left.steps.find((step) => step.path === path);
    const other = right.steps.find((step) => step.path === path);
    const told = differences(
      { input: last(one)?.input, output: last(one)?.output, error: last(one)?.error?.message },
      { input: last(other)?.input, output: last(other)?.output, error: last(other)?.error?.message },
    );
    return { path, left: one, right: other, differences: told };
  });
}

/** JSON that a person has typed. */
export const typedJson = z.pipe(
  z.string(),
  z.transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch (error) {
      context.issues.push({ code: 'custom', input: text, message: String(error) });
      return z.NEVER;
    }
  }),
);
