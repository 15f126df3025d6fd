/** Rhai inside of `${{ … }}`, in YAML. */
import { yamlLanguage } from '@codemirror/lang-yaml';
import { LanguageSupport, StreamLanguage, type StreamParser } from '@codemirror/language';
import { parseMixed } from '@lezer/common';

const WORDS = new Set(
  'if else switch in let const for while loop return true false fn do until throw'.split(' '),
);
const ROOTS = new Set('inputs steps item index event trigger run attempt tenant now error'.split(' '));

const stream: StreamParser<{ text: boolean }> = {
  name: 'rhai',
  startState: () => ({ text: false }),
  token(input, state) {
    if (input.eatSpace()) return null;
    if (input.match('//')) {
      input.skipToEnd();
      return 'comment';
    }
    if (input.match(/^"(?:\\.|[^"\\])*"?/) || input.match(/^`[^`]*`?/)) return 'string';
    if (input.match(/^\d+(?:\.\d+)?/)) return 'number';
    if (input.match(/^(?:\?\.|\?\?|[!=<>]=|&&|\|\||#\{|[-+*/%<>=!|&?])/)) {
      state.text = false;
      return 'operator';
    }
    if (input.match(/^[A-Za-z_]\w*/)) {
      const word = input.current();
      if (state.text) {
        state.text = false;
        return 'propertyName';
      }
      if (WORDS.has(word)) return 'keyword';
      if (ROOTS.has(word)) return 'variableName.special';
      return input.match(/^\s*\(/, false) ? 'variableName.function' : 'variableName';
    }
    state.text = input.next() === '.';
    return null;
  },
};

export const rhai = StreamLanguage.define(stream);

/** Where the expressions of a text are. */
export function expressionsIn(text: string): { from: number; to: number }[] {
  return [...text.matchAll(/(?<!\$)\$\{\{([\s\S]*?)(?:\}\}(?!\})|$)/g)].map((match) => ({
    from: match.index + 3,
    to: match.index + 3 + (match[1]?.length ?? 0),
  }));
}

const leaves = new Set(['QuotedLiteral', 'Literal', 'BlockLiteralContent']);

const mixed = yamlLanguage.configure({
  wrap: parseMixed((node, input) => {
    if (!leaves.has(node.name)) return null;
    const found = expressionsIn(input.read(node.from, node.to));
    if (found.length === 0) return null;
    return {
      parser: rhai.parser,
      overlay: found.map(({ from, to }) => ({ from: node.from + from, to: node.from + to })),
    };
  }),
});

/** YAML whose expressions are Rhai. */
export const workflowLanguage = () => new LanguageSupport(mixed);
