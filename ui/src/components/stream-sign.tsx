import { useTranslation } from 'react-i18next';
import type { StreamState } from '@/lib/api/stream';
import { cn } from '@/lib/cn';

/** Whether what is shown follows what happens. */
export function StreamSign({ state }: { state: StreamState }) {
  const { t } = useTranslation();
  if (state === 'ended' || state === 'connecting') return null;
  const live = state === 'live';
  return (
    <span role="status" className="inline-flex items-center gap-1.5 text-muted-foreground text-xs">
      <span
        aria-hidden
        className={cn('size-1.5 rounded-full', live ? 'animate-pulse bg-success' : 'bg-warning')}
      />
      {live ? t('ui.state.live') : t('ui.state.cut')}
    </span>
  );
}
