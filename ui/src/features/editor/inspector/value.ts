/** Values of the file as texts of a form, and back. */
import { parseDocument, stringify } from 'yaml';
import type { Schema } from '../nodes';

/** A value as it is shown in a field. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') {
    return stringify(value, { lineWidth: 0, singleQuote: true, flowCollectionPadding: true }).trimEnd();
  }
  return String(value);
}

const takes = (schema: Schema, type: string): boolean =>
  schema.type === undefined
    ? type === 'any'
    : Array.isArray(schema.type)
      ? schema.type.includes(type)
      : schema.type === type;

/** Whether a field holds more than one line of text. */
export function isLarge(schema: Schema): boolean {
  return takes(schema, 'object') || takes(schema, 'array');
}

/** What a field's text says; `undefined` takes the field out, `null` is no answer: the text is not sound. */
export function said(text: string, schema: Schema): { value: unknown } | null {
  if (text.trim() === '') return { value: undefined };
  if (isLarge(schema)) {
    if (/^\s*\$\{\{[\s\S]*\}\}\s*$/.test(text)) return { value: text.trim() };
    const doc = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
    if (doc.errors.length > 0) return null;
    const value: unknown = doc.toJS();
    const fits = Array.isArray(value)
      ? takes(schema, 'array')
      : typeof value === 'object' && takes(schema, 'object');
    return fits ? { value } : null;
  }
  if (text.includes('${{')) return { value: text };
  if (takes(schema, 'integer') || takes(schema, 'number')) {
    const number = Number(text);
    return Number.isFinite(number) && (!takes(schema, 'integer') || Number.isInteger(number))
      ? { value: number }
      : null;
  }
  if (takes(schema, 'any')) {
    if (/^-?\d+(\.\d+)?$/.test(text)) return { value: Number(text) };
    if (text === 'true' || text === 'false') return { value: text === 'true' };
  }
  return { value: text };
}
