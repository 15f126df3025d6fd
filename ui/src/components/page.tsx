import type { ReactNode } from 'react';
import { cn } from '@/lib/cn';
import { useTitle } from '@/lib/title';

/** The frame of a page: its title, what can be done, its content. */
export function Page(props: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  /** Above the title: where this page belongs. */
  above?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}) {
  useTitle(props.title);
  return (
    <div
      className={cn(
        'mx-auto flex w-full flex-col gap-5 px-4 py-5 md:px-8 md:py-7',
        !props.wide && 'max-w-6xl',
      )}
    >
      <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="grid min-w-0 gap-1">
          {props.above && <div className="text-muted-foreground text-sm">{props.above}</div>}
          <h1 className="font-semibold text-2xl">{props.title}</h1>
          {props.lead && <div className="max-w-prose text-pretty text-muted-foreground">{props.lead}</div>}
        </div>
        {props.actions && (
          <div data-screen-only className="flex flex-wrap items-center gap-2">
            {props.actions}
          </div>
        )}
      </header>
      {props.children}
    </div>
  );
}
