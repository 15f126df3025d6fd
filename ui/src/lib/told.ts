import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { toast } from '@/lib/toast';
import { asProblem } from './api/problem';
import { problemWords } from './problem-words';

/** Tells a problem in passing: what happened, what to do. */
export function useTold(): (error: unknown) => void {
  const { t, i18n } = useTranslation();
  return useCallback(
    (error) => {
      const words = problemWords(asProblem(error), t, i18n);
      toast.error(words.title, { description: words.detail ?? words.fix });
    },
    [t, i18n],
  );
}
