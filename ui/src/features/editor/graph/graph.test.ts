/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of workflows look like this */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isMap, isScalar } from 'yaml';
import { graphOf, stepsOf } from './build';
import { faultsOf } from './check';
import { put, take } from './edit';
import { begun, changed, redone, undone } from './history';
import { apply, difference, inverse } from './patch';
import { nameOf, nodeAt, type Path, type Source, sourceOf, valueAt } from './source';
import { addStep, connected, copied, disconnected, freshId, moved, pasted, removed, renamed } from './steps';

const root = join(import.meta.dirname, '../../../../..');
const folders = ['workflows', 'examples/language', 'examples/bench', 'examples/demo', 'examples'];
const files = folders.flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'))
    .map((name) => ({ name: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') })),
);
const drawn = files.filter(({ text }) => /^steps:/m.test(text));

/** Every scalar of a file, by its path. */
function leaves(source: Source): { path: Path; value: unknown }[] {
  const found: { path: Path; value: unknown }[] = [];
  const walk = (node: unknown, path: Path): void => {
    if (isScalar(node)) found.push({ path, value: node.value });
    else if (isMap(node)) for (const pair of node.items) walk(pair.value, [...path, nameOf(pair as never)]);
    else if (node && typeof node === 'object' && 'items' in node) {
      (node.items as unknown[]).forEach((item, at) => {
        walk(item, [...path, at]);
      });
    }
  };
  walk(source.doc.contents, []);
  return found;
}

function changedLines(before: string, after: string): { out: string[]; in: string[] } {
  const [one, other] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < Math.min(one.length, other.length) && one[start] === other[start]) start += 1;
  let end = 0;
  while (
    end < Math.min(one.length, other.length) - start &&
    one[one.length - 1 - end] === other[other.length - 1 - end]
  )
    end += 1;
  return { out: one.slice(start, one.length - end), in: other.slice(start, other.length - end) };
}

test('there are workflows to try', () => {
  expect(drawn.length).toBeGreaterThan(20);
});

describe.each(drawn)('$name', ({ text }) => {
  const source = sourceOf(text);

  test('any one field that is edited changes its own lines only, and undo brings the file back', () => {
    for (const { path, value } of leaves(source)) {
      for (const next of typeof value === 'number'
        ? [value + 1]
        : [`${value} é`, "it's: #{ a }", '${{ inputs.x }}']) {
        const patch = put(source, path, next);
        const after = apply(text, patch);
        const again = sourceOf(after);
        expect(again.doc.errors, `${path.join('.')}\n${after}`).toEqual([]);
        expect(valueAt(again, path), path.join('.')).toEqual(next);
        const node = nodeAt(source, path);
        const lines = text.slice(node?.range?.[0], node?.range?.[1]).trimEnd().split('\n').length;
        const told = changedLines(text, after);
        expect(told.out.length, path.join('.')).toBeLessThanOrEqual(lines);
        for (const other of leaves(source)) {
          if (other.path.join('.') !== path.join('.'))
            expect(valueAt(again, other.path)).toEqual(other.value);
        }
        expect(apply(after, inverse(text, patch))).toBe(text);
      }
    }
  });

  test('any one field that is taken out leaves the others', () => {
    for (const { path } of leaves(source)) {
      const after = apply(text, take(source, path));
      expect(sourceOf(after).doc.errors, `${path.join('.')}\n${after}`).toEqual([]);
      expect(changedLines(text, after).in.length, `${path.join('.')}\n${after}`).toBeLessThanOrEqual(1);
    }
  });

  test('a field that is put anew stands in its step', () => {
    for (const step of stepsOf(source)) {
      const after = apply(text, put(source, [...step.path, 'timeout'], '7s'));
      expect(valueAt(sourceOf(after), [...step.path, 'timeout']), after).toBe('7s');
      expect(after.length - text.length).toBeLessThan(60);
    }
  });

  test('a renamed step is followed by all who name it', () => {
    for (const step of stepsOf(source)) {
      const there = apply(text, renamed(source, step.key, 'another_name'));
      const after = sourceOf(there);
      expect(after.doc.errors).toEqual([]);
      expect(faultsOf(after)).toEqual(faultsOf(source));
      expect(new RegExp(`steps\\??\\.${step.id}\\b`).test(there), there).toBe(false);
      expect(apply(there, renamed(after, 'another_name', step.id))).toBe(text);
    }
  });

  test('a step that is copied and pasted stands beside the first', () => {
    for (const step of stepsOf(source)) {
      const into = step.path.slice(0, -1);
      const done = pasted(source, { into, after: step.id }, copied(source, [step.key]));
      const after = sourceOf(apply(text, done?.patch ?? []));
      expect(after.doc.errors, after.text).toEqual([]);
      expect(done?.ids).toHaveLength(1);
      const value = valueAt(after, [...into, done?.ids[0] ?? '']) as { uses?: string };
      expect(value.uses).toBe(step.uses);
      expect(valueAt(after, step.path)).toEqual(valueAt(source, step.path));
    }
  });

  test('a step that is removed is named by no needs', () => {
    for (const step of stepsOf(source)) {
      const after = sourceOf(apply(text, removed(source, [step.key])));
      expect(after.doc.errors, after.text).toEqual([]);
      expect(stepsOf(after).some(({ id }) => id === step.id)).toBe(false);
      expect(graphOf(after).edges.some(({ from, to }) => from === step.id || to === step.id)).toBe(false);
    }
  });
});

const small = `name: small
steps:
  # counts
  one: # beside
    uses: set
    with: { x: 1 }

  two:
    uses: set
    needs: [one]
    with:
      y: '\${{ steps.one.x }}'
  loop:
    for_each: '\${{ steps.two.y }}'
    steps:
      inner: { uses: log, with: { message: 'steps.one in text' } }
`;

test('edges come from needs and from what is read', () => {
  const { edges, steps } = graphOf(sourceOf(small));
  expect(edges).toEqual([
    { key: 'one>two', from: 'one', to: 'two', link: 'order', written: true },
    { key: 'two>loop', from: 'two', to: 'loop', link: 'data', written: false },
  ]);
  expect(steps.map(({ key, parent }) => [key, parent])).toEqual([
    ['one', undefined],
    ['two', undefined],
    ['loop', undefined],
    ['inner', 'loop'],
  ]);
});

test('a switch labels what follows its cases', () => {
  const text = readFileSync(join(root, 'examples/language/switch.yaml'), 'utf8');
  const { edges } = graphOf(sourceOf(text));
  expect(edges.find(({ to }) => to === 'letter')).toMatchObject({ link: 'case', label: 'late, reminded' });
});

test('a step stands in after the failure of another', () => {
  const text = readFileSync(join(root, 'examples/language/errors.yaml'), 'utf8');
  expect(graphOf(sourceOf(text)).edges).toContainEqual(
    expect.objectContaining({ from: 'rate', to: 'usual_rate', link: 'failure' }),
  );
});

test('a new step stands behind the chosen one, in the hand of the file', () => {
  const patch = addStep(sourceOf(small), { into: ['steps'], after: 'one' }, 'mail', {
    uses: 'email.send',
    needs: ['one'],
    with: { to: '${{ inputs.to }}' },
  });
  expect(apply(small, patch)).toContain(
    "    with: { x: 1 }\n  mail:\n    uses: email.send\n    needs: [one]\n    with: { to: '${{ inputs.to }}' }\n\n  two:",
  );
});

test('the first step of an empty workflow', () => {
  for (const text of ['name: a\nsteps: {}\n', 'name: a\nsteps:\n', 'name: a\n', '']) {
    const after = sourceOf(apply(text, addStep(sourceOf(text), { into: ['steps'] }, 'one', { uses: 'set' })));
    expect(after.doc.errors, after.text).toEqual([]);
    expect(valueAt(after, ['steps', 'one', 'uses']), after.text).toBe('set');
  }
});

test('a connection is written once, and taken out again', () => {
  const source = sourceOf(small);
  const more = sourceOf(apply(small, connected(source, 'one', 'loop')));
  expect(valueAt(more, ['steps', 'loop', 'needs'])).toEqual(['one']);
  expect(connected(more, 'one', 'loop')).toEqual([]);
  expect(apply(more.text, disconnected(more, { from: 'one', to: 'loop' }))).toBe(small);
  expect(connected(source, 'one', 'inner')).toEqual([]);
});

test('a step moves into a loop and back, with its comments', () => {
  const there = sourceOf(apply(small, moved(sourceOf(small), ['one'], { into: ['steps', 'loop', 'steps'] })));
  expect(stepsOf(there).find(({ id }) => id === 'one')?.parent).toBe('loop');
  const other = sourceOf(apply(small, moved(sourceOf(small), ['two'], { into: ['steps'], after: 'loop' })));
  expect(stepsOf(other).map(({ id }) => id)).toEqual(['one', 'loop', 'inner', 'two']);
});

test('typing is undone as a word, operations one by one', () => {
  let history = begun('a');
  history = changed(history, difference(history.text, 'ab'), 'typing');
  history = changed(history, difference(history.text, 'abc'), 'typing');
  history = changed(history, difference(history.text, 'abcd'));
  expect(undone(history).text).toBe('abc');
  expect(undone(undone(history)).text).toBe('a');
  expect(redone(redone(undone(undone(history)))).text).toBe('abcd');
});

test('an id is made of what was wished', () => {
  expect(freshId(['mail'], 'Mail')).toBe('mail_2');
  expect(freshId(['mail', 'mail_2'], 'mail_2')).toBe('mail_3');
  expect(freshId([], '42 !')).toBe('step');
});

test('faults name their step', () => {
  const text =
    'name: a\nsteps:\n  one: { uses: set, with: { a: "${{ steps.nobody.x }}" }, needs: [gone] }\n  two: {}\n';
  expect(faultsOf(sourceOf(text)).map(({ code, step, about }) => [code, step, about])).toEqual([
    ['unknown_step', 'one', 'nobody'],
    ['unknown_step', 'one', 'gone'],
    ['without_work', 'two', 'two'],
  ]);
  expect(faultsOf(sourceOf('name: [a\n')).at(0)?.code).toBe('syntax');
});

test('a file of five hundred steps is drawn whole', () => {
  const steps = Array.from(
    { length: 500 },
    (_, at) =>
      `  s${at}:\n    uses: set\n    with: { x: '\${{ steps.s${Math.max(0, at - 1)}.x }}', y: ${at} }\n`,
  ).join('');
  expect(graphOf(sourceOf(`name: big\nsteps:\n${steps}`)).edges).toHaveLength(499);
});
