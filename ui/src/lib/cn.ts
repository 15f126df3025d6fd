import { type ClassValue, clsx } from 'clsx';
import { twMerge } from 'tailwind-merge';

/** Joins class names; the last one of a kind wins. */
export function cn(...classes: ClassValue[]): string {
  return twMerge(clsx(classes));
}
