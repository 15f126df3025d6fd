import { CircleXIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Button } from '@/components/ui/button';
import type { Run } from './model';

/** Why a run did not succeed, and where. */
export function Failure(props: { failure: NonNullable<Run['error']>; onStep: (path: string) => void }) {
  const { t } = useTranslation();
  const { code, message, step } = props.failure;
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-3 rounded-lg border border-destructive/30 bg-card p-4"
    >
      <CircleXIcon aria-hidden className="size-5 shrink-0 text-destructive" />
      <div className="min-w-0 flex-1">
        <p className="break-words font-medium">{message}</p>
        <p className="font-mono text-muted-foreground text-xs">{code}</p>
      </div>
      {step && (
        <Button variant="outline" size="sm" onClick={() => props.onStep(step)}>
          {t('ui.run.see_step', { step })}
        </Button>
      )}
    </div>
  );
}
