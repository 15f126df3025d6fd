import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Empty } from '@/components/states';
import { StatusSign } from '@/components/status';
import { cn } from '@/lib/cn';
import { between, duration } from '@/lib/format';
import { depthOf, type Run, type Step } from './model';
import { StepDetail } from './step-detail';

const ROW = 34;

/** A run's steps, and all about the one that is shown. */
export function Steps({ run, shown, onShow }: { run: Run; shown?: Step; onShow: (path: string) => void }) {
  const { t } = useTranslation();
  if (run.steps.length === 0) return <Empty title={t('ui.run.no_steps')} />;
  return (
    <div className="grid gap-4 lg:grid-cols-[20rem_minmax(0,1fr)]">
      <StepList steps={run.steps} shown={shown?.path} onShow={onShow} />
      {shown && <StepDetail key={shown.path} run={run} step={shown} />}
    </div>
  );
}

function StepList(props: { steps: Step[]; shown?: string; onShow: (path: string) => void }) {
  const { t } = useTranslation();
  const { steps, shown, onShow } = props;
  const frame = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: steps.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const at = steps.findIndex((step) => step.path === shown);
  useEffect(() => {
    if (at >= 0) list.scrollToIndex(at);
  }, [at, list]);
  const move = (by: number) => {
    const next = steps[Math.min(Math.max(at + by, 0), steps.length - 1)];
    if (next) onShow(next.path);
  };
  return (
    <div
      ref={frame}
      role="listbox"
      aria-label={t('ui.run.steps')}
      aria-activedescendant={shown ? `step-${shown}` : undefined}
      tabIndex={0}
      onKeyDown={(event) => {
        const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      }}
      className="max-h-[32rem] overflow-y-auto rounded-lg border bg-card lg:sticky lg:top-17 lg:max-h-[calc(100dvh-6rem)] lg:self-start"
    >
      <div className="relative" style={{ height: list.getTotalSize() }}>
        {list.getVirtualItems().map((row) => {
          const step = steps[row.index];
          if (!step) return null;
          const last = step.attempts.at(-1);
          const took = between(step.attempts[0]?.started_at, last?.ended_at);
          return (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys
            <div
              key={step.path}
              id={`step-${step.path}`}
              role="option"
              tabIndex={-1}
              aria-selected={step.path === shown}
              onClick={() => onShow(step.path)}
              className={cn(
                'absolute inset-x-0 flex cursor-default items-center gap-2 border-b px-3',
                step.path === shown ? 'bg-accent font-medium' : 'hover:bg-muted',
              )}
              style={{ top: row.start, height: ROW, paddingLeft: 12 + depthOf(step) * 16 }}
            >
              <StatusSign status={step.status} />
              <span className="min-w-0 flex-1 truncate font-mono text-xs">{step.path}</span>
              {step.attempts.length > 1 && (
                <span className="numeric text-muted-foreground text-xs">×{step.attempts.length}</span>
              )}
              {took !== undefined && (
                <span className="numeric text-muted-foreground text-xs">{duration(took)}</span>
              )}
            </div>
          );
        })}
      </div>
    </div>
  );
}
