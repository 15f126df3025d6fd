/** The one client of the API, typed by `api/openapi.json`; every refusal is thrown as a [`Problem`]. */
import createClient, { type Middleware } from 'openapi-fetch';
import createQueries from 'openapi-react-query';
import { language } from '../i18n';
import { asProblem, problemOf } from './problem';
import type { paths } from './schema';

const problems: Middleware = {
  onRequest({ request }) {
    request.headers.set('accept-language', language());
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
    return response;
  },
  onError({ error }) {
    return asProblem(error);
  },
};

/** Calls the API: `await api.GET('/api/v1/runs/{id}', …)`. */
export const api = createClient<paths>({ baseUrl: window.location.origin });
api.use(problems);

/** The same calls as queries: `queries.useQuery('get', '/api/v1/runs/{id}', …)`. */
export const queries = createQueries(api);

/** The data of an answer that has one. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
