/** ELK in its worker, fetched when something is first laid out. */
import type { ELK } from 'elkjs/lib/elk-api.js';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';

let started: Promise<ELK> | undefined;

export function elk(): Promise<ELK> {
  started ??= import('elkjs/lib/elk-api.js').then(({ default: Elk }) => new Elk({ workerUrl }));
  return started;
}
