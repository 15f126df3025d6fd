const names: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\/|Chromium\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
];

/** A browser by what it calls itself: `Firefox, macOS`. */
export function browserOf(agent: string): { name?: string; phone: boolean } {
  const find = (among: [RegExp, string][]) => among.find(([sign]) => sign.test(agent))?.[1];
  const parts = [find(names), find(systems)].filter((part) => part !== undefined);
  return {
    name: parts.length > 0 ? parts.join(', ') : undefined,
    phone: /Mobile|iPhone|Android/.test(agent),
  };
}
