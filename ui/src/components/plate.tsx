import { cn } from '@/lib/cn';

/** The mark: a street plate, as every *copropriété* has one on its wall. */
export function Plate({ className, text = 'Le copropriétaire' }: { className?: string; text?: string }) {
  return (
    <span
      className={cn(
        'inline-flex items-center rounded-[5px] border-2 border-plate-rim bg-plate px-2.5 py-1 font-semibold text-[0.8125rem] text-white tracking-wide shadow-[inset_0_0_0_1px_rgb(255_255_255/0.85)]',
        className,
      )}
    >
      {text}
    </span>
  );
}
