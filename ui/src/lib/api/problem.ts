/** What went wrong, as the server tells it (RFC 9457), or as the network left it. */
import { z } from 'zod/mini';

const body = z.object({
  code: z.string(),
  title: z.optional(z.string()),
  detail: z.optional(z.nullable(z.string())),
});

/** A refusal or a failure; its `code` is stable, its words are in the catalogue. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly code: string,
    readonly status: number,
    readonly detail?: string,
    readonly title?: string,
    /** The whole body: some problems carry more, such as the faults of a workflow. */
    readonly body?: unknown,
  ) {
    super(detail ?? title ?? code);
  }

  /** Nobody is signed in, or the session has ended. */
  get signedOut(): boolean {
    return this.status === 401;
  }

  /** Asking again may go better. */
  get passing(): boolean {
    return this.code === 'offline' || this.status === 429 || this.status >= 502;
  }
}

/** The problem that an answer tells. */
export async function problemOf(response: Response): Promise<Problem> {
  let json: unknown;
  try {
    json = await response.clone().json();
  } catch {
    json = undefined; // a proxy's page, or nothing
  }
  const read = body.safeParse(json);
  if (!read.success) return new Problem(`http_${response.status}`, response.status);
  const { code, title, detail } = read.data;
  return new Problem(code, response.status, detail ?? undefined, title, json);
}

/** Whatever was thrown, as a problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof TypeError) return new Problem('offline', 0);
  return new Problem('unexpected', 0, thrown instanceof Error ? thrown.message : String(thrown));
}
