/** How code looks, in the tokens of the application. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const colours = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--muted-foreground)', fontStyle: 'italic' },
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: 'var(--primary)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--success)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--warning)' },
  { tag: [tags.keyword, tags.operator], color: 'var(--info)' },
  { tag: tags.special(tags.variableName), color: 'var(--info)', fontWeight: '600' },
  { tag: tags.variableName, color: 'var(--foreground)' },
  { tag: tags.function(tags.variableName), color: 'var(--info)' },
]);

export const look = [
  syntaxHighlighting(colours),
  EditorView.theme({
    '&': { backgroundColor: 'transparent', color: 'var(--foreground)', height: '100%' },
    '&.cm-focused': { outline: 'none' },
    '.cm-scroller': {
      fontFamily: 'var(--font-mono)',
      fontSize: '0.75rem',
      lineHeight: '1.25rem',
      fontVariantLigatures: 'none',
    },
    '.cm-gutters': { backgroundColor: 'transparent', border: 'none', color: 'var(--muted-foreground)' },
    '.cm-activeLine, .cm-activeLineGutter': {
      backgroundColor: 'color-mix(in oklch, var(--accent) 55%, transparent)',
    },
    '.cm-cursor': { borderLeftColor: 'var(--foreground)' },
    '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
      backgroundColor: 'color-mix(in oklch, var(--ring) 28%, transparent)',
    },
    '.cm-tooltip': {
      backgroundColor: 'var(--popover)',
      color: 'var(--foreground)',
      border: '1px solid var(--border)',
      borderRadius: 'var(--radius)',
    },
    '.cm-tooltip-autocomplete > ul > li[aria-selected]': {
      backgroundColor: 'var(--accent)',
      color: 'var(--accent-foreground)',
    },
    '.cm-diagnostic': { padding: '6px 10px', fontFamily: 'var(--font-sans)' },
    '.cm-lintRange-error': {
      backgroundImage: 'none',
      textDecoration: 'underline wavy var(--destructive) 1px',
      textUnderlineOffset: '3px',
    },
  }),
];
