import { ConfigurationError } from './errors.ts';
import { assertName } from './options.ts';

/**
 * A pattern ready to match. Segments are parted by `.`; `*` stands for one segment, `**`, as the last one, for one or
 * more; everything else stands for itself.
 */
export interface CompiledPattern {
  readonly pattern: string;
  /** Without wildcards: matches its own text alone. */
  readonly isExact: boolean;
  /** How many segments stand before the first wildcard. */
  readonly literalSegments: number;
  matches(name: string): boolean;
}

/**
 * Checks a pattern and makes it ready.
 *
 * @throws `ConfigurationError` naming `path`: not a name, an empty segment, `**` before the end, a wildcard inside a
 * segment.
 */
export function compilePattern(pattern: string, path = 'pattern'): CompiledPattern {
  assertName(pattern, path);
  const segments = pattern.split('.');
  segments.forEach((segment, index) => assertSegment(segment, index === segments.length - 1, pattern, path));
  const wildcard = segments.findIndex(isWildcard);
  if (wildcard === -1) {
    return { pattern, isExact: true, literalSegments: segments.length, matches: (name) => name === pattern };
  }
  const matches = (name: string): boolean => matchSegments(segments, name.split('.'));
  return { pattern, isExact: false, literalSegments: wildcard, matches };
}

/** Whether a name fits a pattern. Compiles it each time: where a pattern is used again, keep it compiled. */
export function matchPattern(pattern: string, name: string): boolean {
  return compilePattern(pattern).matches(name);
}

/**
 * The pattern that applies to a name: the exact one, else the one with the longest literal prefix, else undefined.
 *
 * @throws `ConfigurationError` when two are equally specific.
 */
export function mostSpecific<Pattern extends CompiledPattern>(
  patterns: readonly Pattern[],
  name: string,
): Pattern | undefined {
  let best: Pattern | undefined;
  let rival: Pattern | undefined;
  for (const pattern of patterns) {
    if (!pattern.matches(name)) continue;
    if (best === undefined || specificity(pattern) > specificity(best)) [best, rival] = [pattern, undefined];
    else if (specificity(pattern) === specificity(best)) rival = pattern;
  }
  if (best && rival) throw tie(best, rival, 'pattern', name);
  return best;
}

/**
 * Refuses patterns of which two would be equally specific for some name, so that a tie shows at construction.
 *
 * @throws `ConfigurationError` naming `path` and both patterns.
 */
export function assertUnambiguous(patterns: readonly CompiledPattern[], path = 'patterns'): void {
  patterns.forEach((one, index) => {
    for (const other of patterns.slice(index + 1)) {
      if (specificity(one) === specificity(other) && canMeet(one, other)) throw tie(one, other, path);
    }
  });
}

function tie(one: CompiledPattern, other: CompiledPattern, path: string, name?: string): ConfigurationError {
  const where = name === undefined ? '' : ` for ${JSON.stringify(name)}`;
  return new ConfigurationError(path, `must not be as specific as ${one.pattern}${where}`, other.pattern);
}

function assertSegment(segment: string, isLast: boolean, pattern: string, path: string): void {
  if (segment === '') throw new ConfigurationError(path, 'must not have an empty segment', pattern);
  if (segment === '**' && !isLast) {
    throw new ConfigurationError(path, 'must have ** as its last segment only', pattern);
  }
  if (segment.includes('*') && !isWildcard(segment)) {
    throw new ConfigurationError(path, 'must have a wildcard as a whole segment', pattern);
  }
}

function isWildcard(segment: string): boolean {
  return segment === '*' || segment === '**';
}

/** The type `FitsSegments` states the same rule; a test compares both on generated names. */
function matchSegments(segments: readonly string[], name: readonly string[]): boolean {
  const isOpen = segments.at(-1) === '**';
  if (isOpen ? name.length < segments.length : name.length !== segments.length) return false;
  return segments.every((segment, index) => isWildcard(segment) || segment === name[index]);
}

function specificity(pattern: CompiledPattern): number {
  return pattern.isExact ? Infinity : pattern.literalSegments;
}

/** Whether some name fits both. */
function canMeet(one: CompiledPattern, other: CompiledPattern): boolean {
  const [a, b] = [one.pattern.split('.'), other.pattern.split('.')];
  const [aOpen, bOpen] = [a.at(-1) === '**', b.at(-1) === '**'];
  if (!aOpen && a.length < b.length) return false;
  if (!bOpen && b.length < a.length) return false;
  return a.every((segment, index) => {
    const counterpart = b[index] ?? '**';
    return isWildcard(segment) || isWildcard(counterpart) || segment === counterpart;
  });
}

/**
 * The members of `Names` that fit a pattern: a union of names narrows to those a subscription receives. What is a plain
 * `string` to the compiler is left to the run time, which applies the same rule.
 */
export type Matching<Pattern extends string, Names extends string> = Pattern extends string
  ? string extends Pattern | Names
    ? Names
    : Fitting<Split<Pattern>, Names>
  : never;

type Fitting<Segments extends readonly string[], Name extends string> = Name extends string
  ? FitsSegments<Segments, Split<Name>> extends true
    ? Name
    : never
  : never;

/**
 * The pattern itself if it fits at least one of `Names`, else a message, so that a pattern that could never receive
 * anything does not compile: `subscribe<P extends string>(pattern: MatchingPattern<P, Names>)`.
 */
export type MatchingPattern<Pattern extends string, Names extends string> = Pattern extends string
  ? [Matching<Pattern, Names>] extends [never]
    ? `no name matches ${Pattern}`
    : Pattern
  : never;

type Split<Text extends string> = Text extends `${infer Head}.${infer Rest}`
  ? [Head, ...Split<Rest>]
  : [Text];

type FitsSegments<Pattern extends readonly string[], Name extends readonly string[]> = Pattern extends ['**']
  ? Name extends [string, ...string[]]
    ? true
    : false
  : Pattern extends [infer Segment, ...infer Segments extends string[]]
    ? Name extends [infer Part, ...infer Parts extends string[]]
      ? Segment extends '*' | Part
        ? FitsSegments<Segments, Parts>
        : false
      : false
    : Name extends []
      ? true
      : false;
