import { expect, test } from 'vitest';
import { follow, Reader, type Told } from './stream';

test('an event is read wherever the network cut it', () => {
  const reader = new Reader();
  const text = ': alive\n\nid: 7\nevent: step\ndata: {"a":\ndata: 1}\n\n';
  const told = [...text].flatMap((letter) => reader.read(letter));
  expect(told).toEqual([{ id: '7', event: 'step', data: '{"a":\n1}' }]);
});

function answer(text: string): Response {
  return new Response(text, { status: 200, headers: { 'content-type': 'text/event-stream' } });
}

test('a stream that is cut resumes after the last event that was read', async () => {
  const leaving = new AbortController();
  const asked: (string | null)[] = [];
  const told: Told[] = [];
  const answers = [answer('id: 1\ndata: one\n\nid: 2\ndata: hal'), answer('id: 2\ndata: two\n\n')];
  await follow({
    url: '/events',
    signal: leaving.signal,
    onEvent: (event) => told.push(event),
    onState: () => {},
    fetch: async (_, init) => {
      asked.push(new Headers(init?.headers).get('last-event-id'));
      return answers.shift() ?? new Response(null, { status: 204 });
    },
    pause: async () => {},
  });
  expect(asked).toEqual([null, '1', '2']);
  expect(told.map((event) => event.data)).toEqual(['one', 'two']);
});

test('a refusal ends the stream; a server that is busy is asked again', async () => {
  const states: string[] = [];
  const statuses = [503, 404];
  await follow({
    url: '/events',
    signal: new AbortController().signal,
    onEvent: () => {},
    onState: (state) => states.push(state),
    fetch: async () => new Response('', { status: statuses.shift() ?? 500 }),
    pause: async () => {},
  });
  expect(states).toEqual(['cut', 'ended']);
  expect(statuses).toEqual([]);
});
