/**
 * Server-sent events over `fetch`: a stream that is cut resumes after the last
 * event that was read (`Last-Event-ID`), waiting longer each time.
 */
import { useEffect, useRef, useState } from 'react';
import { problemOf } from './problem';

/** One event as it came. */
export interface Told {
  event: string;
  data: string;
  id?: string;
}

/** Reads events from pieces of text, wherever they were cut. */
export class Reader {
  private rest = '';

  /** The events that this piece completes. */
  read(piece: string): Told[] {
    const text = this.rest + piece.replace(/\r\n?/g, '\n');
    const blocks = text.split('\n\n');
    this.rest = blocks.pop() ?? '';
    return blocks.map(understood).filter((told) => told !== undefined);
  }
}

function understood(block: string): Told | undefined {
  const told: Told = { event: 'message', data: '' };
  const lines: string[] = [];
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === 0) continue; // a comment keeps the line alive
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') told.event = value;
    else if (field === 'data') lines.push(value);
    else if (field === 'id') told.id = value;
  }
  if (lines.length === 0) return undefined;
  return { ...told, data: lines.join('\n') };
}

export type StreamState = 'connecting' | 'live' | 'cut' | 'ended';

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

interface Stream {
  url: string;
  signal: AbortSignal;
  onEvent: (told: Told) => void;
  onState: (state: StreamState) => void;
  /** Seams of the tests. */
  fetch?: typeof fetch;
  pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Follows a stream until `signal`, or until the server ends it or refuses for good. */
export async function follow(stream: Stream): Promise<void> {
  const { url, signal, onEvent, onState, fetch: ask = fetch, pause = waited } = stream;
  let last: string | undefined;
  let wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      const headers = new Headers({ accept: 'text/event-stream' });
      if (last !== undefined) headers.set('last-event-id', last);
      const response = await ask(url, { headers, signal, credentials: 'same-origin' });
      if (response.status === 204) return onState('ended');
      if (!response.ok || !response.body) {
        const problem = await problemOf(response);
        if (!problem.passing) return onState('ended');
        throw problem;
      }
      onState('live');
      const reader = new Reader();
      const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
        wait = FIRST_WAIT;
        for (const told of reader.read(piece.value)) {
          last = told.id ?? last;
          onEvent(told);
        }
      }
    } catch {
      if (signal.aborted) return; // whoever asked has left
    }
    onState('cut');
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const go = () => {
      clearTimeout(timer);
      window.removeEventListener('online', go);
      signal.removeEventListener('abort', go);
      done();
    };
    const timer = setTimeout(go, milliseconds);
    window.addEventListener('online', go);
    signal.addEventListener('abort', go);
  });
}

/** Follows a stream while the component is shown and `url` is given. */
export function useStream(url: string | undefined, onEvent: (told: Told) => void): StreamState {
  const [state, setState] = useState<StreamState>('connecting');
  const latest = useRef(onEvent);
  useEffect(() => {
    latest.current = onEvent;
  });
  useEffect(() => {
    if (url === undefined) {
      setState('ended');
      return;
    }
    const leaving = new AbortController();
    setState('connecting');
    void follow({ url, signal: leaving.signal, onEvent: (told) => latest.current(told), onState: setState });
    return () => leaving.abort();
  }, [url]);
  return state;
}
