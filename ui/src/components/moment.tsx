import { ago, instant, instantInFull } from '@/lib/format';

/** An instant: how long ago, or when; whole in its tooltip. */
export function Moment({ at, relative = false }: { at: string | null | undefined; relative?: boolean }) {
  if (!at) return <span className="text-muted-foreground">—</span>;
  return (
    <time dateTime={at} title={instantInFull(at)} className="numeric whitespace-nowrap">
      {relative ? ago(at) : instant(at)}
    </time>
  );
}
