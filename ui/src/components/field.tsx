import { type ReactNode, useId } from 'react';
import { cn } from '@/lib/cn';
import { Label } from './ui/label';

/** A label, its control, a hint, and what is wrong, tied together for every reader. */
export function Field(props: {
  label: string;
  hint?: ReactNode;
  error?: string;
  className?: string;
  children: (control: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}) {
  const id = useId();
  const about = `${id}-about`;
  const described = props.error ?? props.hint;
  return (
    <div className={cn('grid gap-1.5', props.className)}>
      <Label htmlFor={id}>{props.label}</Label>
      {props.children({
        id,
        'aria-describedby': described ? about : undefined,
        'aria-invalid': props.error ? true : undefined,
      })}
      {described && (
        <p id={about} className={cn('text-xs', props.error ? 'text-destructive' : 'text-muted-foreground')}>
          {described}
        </p>
      )}
    </div>
  );
}
