/** Says something in passing; what shows it is fetched when there is something to say. */
type Say = (title: string, more?: { description?: string }) => void;

const say =
  (kind: 'success' | 'error'): Say =>
  (title, more) =>
    void import('sonner').then(({ toast }) => toast[kind](title, more));

export const toast = { success: say('success'), error: say('error') };
