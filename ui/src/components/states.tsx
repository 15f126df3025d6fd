/** What a page shows before, instead of, or around its data. */
import type { UseQueryResult } from '@tanstack/react-query';
import { CloudOffIcon, type LucideIcon, RotateCwIcon, TriangleAlertIcon } from 'lucide-react';
import { type ReactNode, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { asProblem } from '@/lib/api/problem';
import { cn } from '@/lib/cn';
import { useProblemWords } from '@/lib/problem-words';
import { Button } from './ui/button';
import { Skeleton } from './ui/skeleton';

/** Nothing here yet: says what would be here, and what to do about it. */
export function Empty(props: { icon?: LucideIcon; title: string; children?: ReactNode; action?: ReactNode }) {
  const { icon: Icon, title, children, action } = props;
  return (
    <div className="flex flex-col items-center gap-2 px-6 py-14 text-center">
      {Icon && <Icon aria-hidden className="mb-1 size-7 text-muted-foreground/70" strokeWidth={1.5} />}
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-prose text-pretty text-muted-foreground text-sm">{children}</div>}
      {action && <div className="mt-2">{action}</div>}
    </div>
  );
}

/** Rows that are on their way. */
export function LoadingRows({ rows = 6, className }: { rows?: number; className?: string }) {
  const { t } = useTranslation();
  const widths = ['w-2/3', 'w-1/2', 'w-3/4', 'w-2/5', 'w-3/5', 'w-1/3'];
  return (
    <div role="status" className={cn('grid gap-3 p-4', className)}>
      <span className="sr-only">{t('ui.state.loading')}</span>
      {Array.from({ length: rows }, (_, row) => widths[row % widths.length]).map((width, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike
        <Skeleton key={row} className={cn('h-4', width)} />
      ))}
    </div>
  );
}

/** A problem: what happened, and what to do. */
export function ProblemView(props: { error: unknown; retry?: () => void; className?: string }) {
  const { t } = useTranslation();
  const problem = asProblem(props.error);
  const words = useProblemWords(problem);
  return (
    <div
      role="alert"
      className={cn('flex gap-3 rounded-lg border border-destructive/30 bg-card p-4', props.className)}
    >
      <TriangleAlertIcon aria-hidden className="mt-0.5 size-4 shrink-0 text-destructive" />
      <div className="grid min-w-0 gap-1">
        <p className="font-medium">{words.title}</p>
        {words.detail && <p className="break-words text-sm">{words.detail}</p>}
        <p className="text-muted-foreground text-sm">{words.fix}</p>
        <p className="font-mono text-2xs text-muted-foreground">{problem.code}</p>
        {props.retry && (
          <div className="mt-1">
            <Button variant="outline" size="sm" onClick={props.retry}>
              <RotateCwIcon /> {t('ui.act.try_again')}
            </Button>
          </div>
        )}
      </div>
    </div>
  );
}

/** The data of a query once it is there; its loading, its problem and its emptiness before. */
export function Loaded<T>(props: {
  query: UseQueryResult<T, unknown>;
  loading?: ReactNode;
  empty?: ReactNode;
  isEmpty?: (data: T) => boolean;
  children: (data: T) => ReactNode;
}) {
  const { query, loading = <LoadingRows />, empty, isEmpty, children } = props;
  if (query.data !== undefined) {
    return <>{empty !== undefined && isEmpty?.(query.data) ? empty : children(query.data)}</>;
  }
  if (query.error) {
    return (
      <div className="p-4">
        <ProblemView error={query.error} retry={() => void query.refetch()} />
      </div>
    );
  }
  return <>{loading}</>;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}

/** Says that the network is gone, while it is. */
export function OfflineBanner() {
  const { t } = useTranslation();
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  if (online) return null;
  return (
    <div
      role="status"
      className="flex items-center justify-center gap-2 bg-warning px-4 py-1.5 text-background text-sm"
    >
      <CloudOffIcon aria-hidden className="size-4" />
      {t('ui.state.offline')}
    </div>
  );
}
