/** What can be told of a file without the server, which stays the judge. */
import { namedBy, nestings, stepsOf } from './build';
import { nodeAt, type Range, type Source } from './source';

/** Something wrong, and where. */
export interface Fault extends Range {
  code: 'syntax' | 'duplicate_id' | 'unknown_step' | 'without_work' | 'without_steps';
  /** The step it is about. */
  step?: string;
  /** The name in question, or what the YAML reader said. */
  about: string;
}

/** Every fault, first to last. */
export function faultsOf(source: Source): Fault[] {
  const syntax = source.doc.errors.map(
    ({ pos, message }): Fault => ({
      code: 'syntax',
      from: pos[0],
      to: Math.max(pos[1], pos[0] + 1),
      about: message,
    }),
  );
  if (syntax.length > 0) return syntax;
  const steps = stepsOf(source);
  const ids = new Set(steps.map(({ id }) => id));
  const children = nestings(steps);
  const faults: Fault[] = [];
  if (steps.length === 0) faults.push({ code: 'without_steps', from: 0, to: 0, about: '' });
  for (const step of steps) {
    const [from, to] = nodeAt(source, step.path)?.range ?? [0, 0];
    const own = { from, to: Math.min(to, lineOf(source, from)), step: step.key };
    if (step.key !== step.id) faults.push({ ...own, code: 'duplicate_id', about: step.id });
    if (!step.uses && !step.group) faults.push({ ...own, code: 'without_work', about: step.id });
    for (const reference of namedBy(source, step, children)) {
      if (ids.has(reference.id)) continue;
      faults.push({
        code: 'unknown_step',
        step: step.key,
        about: reference.id,
        from: reference.from,
        to: reference.to,
      });
    }
  }
  return faults.sort((one, other) => one.from - other.from);
}

function lineOf({ text }: Source, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}
