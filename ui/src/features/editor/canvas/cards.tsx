/** What stands on the canvas: the start, steps, and what holds steps. */
import { Handle, type Node, type NodeProps, Position } from '@xyflow/react';
import {
  FilterIcon,
  type LucideIcon,
  PlayIcon,
  RepeatIcon,
  RotateCwIcon,
  ShieldAlertIcon,
  TriangleAlertIcon,
  UndoIcon,
} from 'lucide-react';
import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import { cn } from '@/lib/cn';
import type { Start, StepNode } from '../graph/build';
import { useNodeWords } from '../words';
import { signOf } from './looks';

export type StepCard = Node<{ step: StepNode; faults: number }, 'step'>;
export type LoopCard = Node<{ step: StepNode; faults: number }, 'loop'>;
export type FrameCard = Node<{ section: 'on_failure' | 'finally' }, 'frame'>;
export type StartCard = Node<{ start: Start }, 'start'>;
export type Card = StepCard | LoopCard | FrameCard | StartCard;

const dot =
  '!size-2.5 !rounded-full !border-2 !border-primary !bg-card opacity-0 transition-opacity group-hover:opacity-100 group-data-[chosen=true]:opacity-100';

function Mark({ icon: Icon, text, label }: { icon: LucideIcon; text: string; label: string }) {
  return (
    <span title={`${label} : ${text}`} className="flex min-w-0 items-center gap-1">
      <Icon aria-hidden className="size-3 shrink-0" />
      <span className="truncate">{text}</span>
    </span>
  );
}

function Marks({ step }: { step: StepNode }) {
  const { t } = useTranslation();
  const marks: [LucideIcon, string | undefined, string][] = [
    [FilterIcon, step.condition, t('ui.editor.step.if')],
    [RepeatIcon, step.loop ?? step.until, t(step.loop ? 'ui.editor.step.for_each' : 'ui.editor.step.repeat')],
    [RotateCwIcon, step.retries && `×${step.retries}`, t('ui.editor.step.retry')],
    [ShieldAlertIcon, step.onError, t('ui.editor.step.on_error')],
    [UndoIcon, step.compensated ? t('ui.editor.step.undone') : undefined, t('ui.editor.step.compensate')],
  ];
  const shown = marks.filter(([, text]) => text);
  if (shown.length === 0) return null;
  return (
    <div className="flex items-center gap-2.5 overflow-hidden font-mono text-2xs text-muted-foreground">
      {shown.map(([icon, text, label]) => (
        <Mark key={label} icon={icon} text={text ?? ''} label={label} />
      ))}
    </div>
  );
}

function Faulty({ count }: { count: number }) {
  const { t } = useTranslation();
  if (count === 0) return null;
  return (
    <span
      title={t('ui.editor.problems', { count })}
      className="absolute -top-2 -right-2 grid size-5 place-content-center rounded-full bg-destructive text-white"
    >
      <TriangleAlertIcon aria-hidden className="size-3" />
      <span className="sr-only">{t('ui.editor.problems', { count })}</span>
    </span>
  );
}

export const StepView = memo(function StepView({ data: { step, faults }, selected }: NodeProps<StepCard>) {
  const { title } = useNodeWords();
  const Sign = signOf(step.uses);
  return (
    <div
      data-chosen={selected}
      title={step.about}
      className={cn(
        'group relative flex size-full flex-col justify-center gap-1 rounded-lg border bg-card px-3 shadow-xs transition-shadow hover:shadow-md',
        faults > 0 && 'border-destructive/60',
        selected && 'border-primary ring-2 ring-primary/30',
      )}
    >
      <Handle type="target" position={Position.Top} className={dot} />
      <div className="flex items-center gap-2.5">
        <span className="grid size-8 shrink-0 place-content-center rounded-md bg-accent text-accent-foreground">
          <Sign aria-hidden className="size-4" />
        </span>
        <span className="grid min-w-0">
          <span className="truncate font-medium text-[0.8125rem] leading-5">{step.id}</span>
          <span className="truncate text-2xs text-muted-foreground">{title(step.uses)}</span>
        </span>
      </div>
      <Marks step={step} />
      {step.cases && step.cases.length > 0 && (
        <div className="flex gap-1 overflow-hidden">
          {step.cases.map((each) => (
            <span key={each} className="truncate rounded-sm bg-secondary px-1.5 font-mono text-2xs">
              {each}
            </span>
          ))}
        </div>
      )}
      <Faulty count={faults} />
      <Handle type="source" position={Position.Bottom} className={dot} />
    </div>
  );
});

export const LoopView = memo(function LoopView({ data: { step, faults }, selected }: NodeProps<LoopCard>) {
  return (
    <div
      data-chosen={selected}
      title={step.about}
      className={cn(
        'group relative size-full rounded-xl border border-input border-dashed bg-accent/35',
        selected && 'border-primary ring-2 ring-primary/30',
      )}
    >
      <Handle type="target" position={Position.Top} className={dot} />
      <div className="flex h-12 items-center gap-2.5 px-4">
        <RepeatIcon aria-hidden className="size-4 shrink-0 text-muted-foreground" />
        <span className="shrink-0 font-medium text-[0.8125rem]">{step.id}</span>
        <span className="truncate font-mono text-2xs text-muted-foreground">{step.loop ?? step.until}</span>
      </div>
      <Faulty count={faults} />
      <Handle type="source" position={Position.Bottom} className={dot} />
    </div>
  );
});

export const FrameView = memo(function FrameView({ data: { section } }: NodeProps<FrameCard>) {
  const { t } = useTranslation();
  return (
    <div
      className={cn(
        'size-full rounded-xl border',
        section === 'on_failure' ? 'border-destructive/30 bg-destructive/4' : 'bg-muted/60',
      )}
    >
      <p className="px-4 py-3 font-medium text-[0.8125rem] text-muted-foreground">
        {t(`ui.editor.section.${section}`)}
      </p>
    </div>
  );
});

export const StartView = memo(function StartView({ data: { start }, selected }: NodeProps<StartCard>) {
  const { t } = useTranslation();
  const lines = start.triggers.length > 0 ? start.triggers : [{ name: 'manual', kind: 'manual', detail: '' }];
  return (
    <div
      data-chosen={selected}
      className={cn(
        'group flex size-full flex-col justify-center gap-1 rounded-lg bg-plate px-3.5 text-white',
        selected && 'ring-2 ring-primary/40 ring-offset-2 ring-offset-background',
      )}
    >
      <span className="flex items-center gap-2 font-medium text-[0.8125rem]">
        <PlayIcon aria-hidden className="size-3.5" />
        {t('ui.editor.start')}
      </span>
      {lines.map(({ name, kind, detail }) => (
        <span key={name} className="flex gap-1.5 truncate text-2xs text-white/85">
          {t(`ui.editor.trigger.${kind as 'manual'}`)}
          {detail && <span className="truncate font-mono">{detail}</span>}
        </span>
      ))}
      <Handle type="source" position={Position.Bottom} isConnectable={false} className="!opacity-0" />
    </div>
  );
});
