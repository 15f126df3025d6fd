import {
  BanIcon,
  CircleCheckIcon,
  CircleDashedIcon,
  CircleDotIcon,
  CircleXIcon,
  HourglassIcon,
  type LucideIcon,
  SkipForwardIcon,
  TimerOffIcon,
} from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { cn } from '@/lib/cn';

/** Where a run or a step stands. */
export type Status =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timed_out'
  | 'skipped';

const looks: Record<Status, [LucideIcon, string]> = {
  queued: [CircleDashedIcon, 'text-muted-foreground'],
  running: [CircleDotIcon, 'text-info'],
  waiting: [HourglassIcon, 'text-warning'],
  succeeded: [CircleCheckIcon, 'text-success'],
  failed: [CircleXIcon, 'text-destructive'],
  cancelled: [BanIcon, 'text-muted-foreground'],
  timed_out: [TimerOffIcon, 'text-destructive'],
  skipped: [SkipForwardIcon, 'text-muted-foreground'],
};

/** Said by a sign and a word, never by colour alone. */
export function StatusMark({ status, className }: { status: Status; className?: string }) {
  const { t } = useTranslation();
  const [Icon, colour] = looks[status];
  return (
    <span
      className={cn(
        'inline-flex items-center gap-1.5 whitespace-nowrap font-medium text-[0.8125rem]',
        colour,
        className,
      )}
    >
      <Icon aria-hidden className={cn('size-4', status === 'running' && 'animate-pulse')} />
      {t(`status.${status}`)}
    </span>
  );
}

/** The sign alone, named for those who do not see it. */
export function StatusSign({ status, className }: { status: Status; className?: string }) {
  const { t } = useTranslation();
  const [Icon, colour] = looks[status];
  return (
    <Icon
      role="img"
      aria-label={t(`status.${status}`)}
      className={cn('size-4 shrink-0', colour, className)}
    />
  );
}
