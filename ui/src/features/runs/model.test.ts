import { expect, test } from 'vitest';
import { differences, firstToSee, type Run, sideBySide, typedJson, waterfall } from './model';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

function attempt(from: number, to: number | null, more: object = {}) {
  const ended_at = to === null ? null : at(to);
  return { number: 1, status: 'succeeded', started_at: at(from), ended_at, logs: [], ...more };
}

function run(steps: object[], more: object = {}): Run {
  const times = { created_at: at(0), started_at: at(0), ended_at: at(10) };
  return {
    id: 'r',
    workflow: 'w',
    status: 'succeeded',
    steps,
    labels: {},
    cleanup: [],
    ...times,
    ...more,
  } as unknown as Run;
}

const step = (path: string, attempts: object[], status = 'succeeded') => ({
  path,
  step: path,
  items: [],
  status,
  attempts,
});

test('each attempt lies where it worked', () => {
  const { bars, span } = waterfall(run([step('a', [attempt(0, 5)]), step('b', [attempt(5, 10)])]), 0);
  expect(span).toBe(10_000);
  expect(bars.map(({ from, width }) => [from, width])).toEqual([
    [0, 0.5],
    [0.5, 0.5],
  ]);
});

test('what still works reaches until now; what was taken over worked elsewhere', () => {
  const moving = attempt(5, null, { status: 'running' });
  const steps = [step('a', [attempt(-9, -8, { taken: 'origin' })]), step('b', [moving], 'running')];
  const { bars } = waterfall(run(steps, { status: 'running', ended_at: null }), Date.parse(at(20)));
  expect(bars).toHaveLength(1);
  expect(bars[0]).toMatchObject({ path: 'b', from: 0.25, width: 0.75 });
});

test('the step that failed is seen first', () => {
  const steps = [step('a', []), step('b', [], 'failed'), step('c', [])];
  expect(firstToSee(run(steps))?.path).toBe('b');
  expect(firstToSee(run(steps, { error: { step: 'a' } }))?.path).toBe('a');
});

test('two values differ at their leaves', () => {
  expect(differences({ a: [1, { b: 2 }], c: 3 }, { a: [1, { b: 4 }], c: 3 })).toEqual([
    { path: 'a[1].b', left: 2, right: 4 },
  ]);
  expect(differences([1], { 0: 1 })).toHaveLength(1);
  expect(differences(Array(99).fill(0), Array(99).fill(1), 5)).toHaveLength(5);
});

test('steps that only one run has stand alone', () => {
  const pairs = sideBySide(run([step('a', [])]), run([step('a', []), step('b', [])]));
  expect(pairs.map(({ path, left }) => [path, left !== undefined])).toEqual([
    ['a', true],
    ['b', false],
  ]);
});

test('typed JSON is read, or refused with why', () => {
  expect(typedJson.safeParse('{"a": 1}').data).toEqual({ a: 1 });
  expect(typedJson.safeParse('{').error?.issues[0]?.message).toContain('JSON');
});
