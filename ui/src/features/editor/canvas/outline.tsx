/** The same workflow as a list: for screen readers, for phones, for who prefers it. */
import { TriangleAlertIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { cn } from '@/lib/cn';
import { useEdited, useEditor } from '../editor';
import { type Section, type StepNode, sections } from '../graph/build';
import { useNodeWords } from '../words';
import { signOf } from './looks';

function Item({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const editor = useEditor();
  const { title } = useNodeWords();
  const graph = useEdited((state) => state.graph);
  const chosen = useEdited((state) => state.chosen.has(step.key));
  const faults = useEdited((state) => state.faults.filter((fault) => fault.step === step.key).length);
  const after = graph.edges.filter(({ to }) => to === step.key).map(({ from }) => from);
  const Sign = signOf(step.uses, step.group);
  const nested = graph.steps.filter(({ parent }) => parent === step.key);
  return (
    <li>
      <button
        type="button"
        aria-pressed={chosen}
        onClick={() => editor.choose([step.key])}
        className={cn(
          'flex w-full items-center gap-3 rounded-md px-2.5 py-2 text-left hover:bg-accent',
          chosen && 'bg-accent',
        )}
      >
        <Sign aria-hidden className="size-4 shrink-0 text-muted-foreground" />
        <span className="min-w-0 flex-1">
          <span className="font-medium">{step.id}</span>
          <span className="ml-2 text-muted-foreground text-xs">{title(step.uses)}</span>
          {after.length > 0 && (
            <span className="block truncate text-muted-foreground text-xs">
              {t('ui.editor.after', { steps: after.join(', ') })}
            </span>
          )}
        </span>
        {faults > 0 && (
          <span className="flex items-center gap-1 text-destructive text-xs">
            <TriangleAlertIcon aria-hidden className="size-3.5" />
            {t('ui.editor.problems', { count: faults })}
          </span>
        )}
      </button>
      {nested.length > 0 && (
        <ul className="ml-4 border-l pl-2">
          {nested.map((each) => (
            <Item key={each.key} step={each} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Part({ section }: { section: Section }) {
  const { t } = useTranslation();
  const graph = useEdited((state) => state.graph);
  const steps = graph.steps.filter((step) => step.section === section && step.parent === undefined);
  if (steps.length === 0) return null;
  return (
    <section aria-label={t(`ui.editor.section.${section}`)}>
      <h2 className="px-2.5 pt-4 pb-1 text-muted-foreground text-xs">{t(`ui.editor.section.${section}`)}</h2>
      <ul>
        {steps.map((step) => (
          <Item key={step.key} step={step} />
        ))}
      </ul>
    </section>
  );
}

export function Outline() {
  return (
    <div className="h-full overflow-y-auto p-3">
      {sections.map((section) => (
        <Part key={section} section={section} />
      ))}
    </div>
  );
}
