/** What is wrong with the file, in words, each leading to its place. */
import { TriangleAlertIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useEdited, useEditor } from './editor';
import type { Fault } from './graph/check';

export function useFaultWords(): (fault: Fault) => string {
  const { t } = useTranslation();
  return ({ code, about }) => t(`ui.editor.fault.${code}`, { about });
}

/** The list of problems. */
export function Problems() {
  const { t } = useTranslation();
  const editor = useEditor();
  const say = useFaultWords();
  const faults = useEdited((state) => state.faults);
  const text = useEdited((state) => state.source.text);
  if (faults.length === 0) return null;
  const lineOf = (at: number) => text.slice(0, at).split('\n').length;
  return (
    <section
      aria-label={t('ui.editor.problems', { count: faults.length })}
      className="max-h-40 overflow-y-auto border-t bg-card"
    >
      <ul>
        {faults.map((fault) => (
          <li key={`${fault.code} ${fault.from} ${fault.about}`}>
            <button
              type="button"
              onClick={() => fault.step && editor.choose([fault.step])}
              className="flex w-full items-start gap-2 px-4 py-1.5 text-left text-[0.8125rem] hover:bg-accent"
            >
              <TriangleAlertIcon aria-hidden className="mt-0.5 size-3.5 shrink-0 text-destructive" />
              <span className="min-w-0 flex-1">{say(fault)}</span>
              <span className="numeric shrink-0 text-muted-foreground text-xs">
                {t('ui.editor.line', { line: lineOf(fault.from) })}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
