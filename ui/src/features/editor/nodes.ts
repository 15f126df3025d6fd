/** What a step can be: the nodes and the words of the language, from its published schema. */

import language from '@api/workflow.schema.json';
import { z } from 'zod/mini';

export interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema | boolean>;
  patternProperties?: Record<string, Schema | boolean>;
  additionalProperties?: Schema | boolean;
  items?: Schema | boolean;
  required?: string[];
  minimum?: number;
  maximum?: number;
}

const whole = language as unknown as Schema & { $defs: Record<string, Schema> };

/** What a `$ref` of the schema leads to. */
export function resolved(schema: Schema | boolean | undefined): Schema {
  if (typeof schema !== 'object') return {};
  if (!schema.$ref) return schema;
  let at: unknown = whole;
  for (const part of schema.$ref.replace(/^#\//, '').split('/')) {
    at = (at as Record<string, unknown> | undefined)?.[part.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return { ...resolved(at as Schema), ...(schema.description ? { description: schema.description } : {}) };
}

const isExpression = (schema: Schema) => schema.$ref === '#/$defs/expression';
const isNull = (schema: Schema) => schema.type === 'null';

/** What a value is when it is not an expression. */
export function plain(schema: Schema | boolean | undefined): Schema {
  const found = resolved(schema);
  const either = found.anyOf?.filter((each) => !isExpression(each) && !isNull(each));
  const [only] = either ?? [];
  if (either?.length === 1 && only) {
    const inner = plain(only);
    return { ...inner, description: inner.description ?? found.description };
  }
  return found;
}

/** One field of a form. */
export interface FieldSpec {
  name: string;
  schema: Schema;
  required: boolean;
}

/** A node of the catalogue. */
export interface NodeKind {
  /** What `uses` says. */
  uses: string;
  /** `http.request` is `http_request` in the catalogue of words. */
  word: string;
  subject: string;
  fields: FieldSpec[];
  /** Takes any field. */
  open: boolean;
}

function fieldsOf(schema: Schema): FieldSpec[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {})
    .map(([name, each]) => ({ name, schema: plain(each), required: required.has(name) }))
    .sort((one, other) => Number(other.required) - Number(one.required));
}

/** Every node, by name. */
export const kinds: NodeKind[] = Object.entries(whole.$defs)
  .filter(([name]) => name.startsWith('with.'))
  .map(([name, schema]) => {
    const [, node = '', version = '1'] = /^with\.(.+)\.(\d+)$/.exec(name) ?? [];
    return {
      uses: version === '1' ? node : `${node}@${version}`,
      word: node.replace(/\./g, '_'),
      subject: node.includes('.') ? (node.split('.')[0] ?? '') : 'flow',
      fields: fieldsOf(schema),
      open: schema.additionalProperties === true,
    };
  });

const byName = new Map(kinds.map((kind) => [kind.uses, kind]));

/** The node that `uses` names. */
export function kindOf(uses: string | undefined): NodeKind | undefined {
  return uses === undefined ? undefined : byName.get(uses.replace(/@1$/, ''));
}

/** The words that may stand in a place of the file. */
export const words = {
  workflow: Object.keys(whole.properties ?? {}),
  step: Object.keys(whole.$defs.step?.properties ?? {}),
  trigger: Object.keys(
    resolved(Object.values(resolved(whole.properties?.triggers).patternProperties ?? {})[0]).properties ?? {},
  ),
};

/** What a new step of this kind says until its author has spoken. */
export function blank(kind: NodeKind): Record<string, unknown> {
  const start: Record<string, unknown> = {};
  for (const { name, schema, required } of kind.fields) {
    if (!required) continue;
    const options = optionsOf(schema);
    if (schema.default !== undefined) start[name] = schema.default;
    else if (options.length > 0) start[name] = options[0];
    else if (schema.type === 'integer' || schema.type === 'number') start[name] = schema.minimum ?? 0;
    else if (schema.type === 'boolean') start[name] = false;
    else if (schema.type === 'array') start[name] = [];
    else if (schema.type === 'object') start[name] = name === 'cases' ? { yes: 'true' } : {};
    else start[name] = '';
  }
  return start;
}

/** The values of a closed choice. */
export function optionsOf(schema: Schema): string[] {
  const either = (schema.oneOf ?? schema.anyOf)?.filter((each) => !isExpression(each) && !isNull(each));
  const found = schema.enum ?? either?.flatMap((each) => each.enum ?? [each.const]) ?? [];
  return z.array(z.string()).safeParse(found).data ?? [];
}
