import { QueryClient } from '@tanstack/react-query';
import { asProblem } from '@/lib/api/problem';

/** Asks again only what may go better; the network's return refreshes what is shown. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && asProblem(error).passing,
      throwOnError: false,
    },
  },
});
