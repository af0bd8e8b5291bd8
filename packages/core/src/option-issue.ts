import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** Where an option is wrong, and the rule it breaks in words that follow its path: `must be a number`. */
export interface OptionIssue {
  readonly steps: readonly PropertyKey[];
  readonly rule: string;
}

/** Turns what zod found into the sentence a `ConfigurationError` needs. */
export function explainIssue(issue: Issue): OptionIssue {
  if (issue.code === 'unrecognized_keys') {
    return { steps: [...issue.path, issue.keys[0]!], rule: 'is not an option' };
  }
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
    return { steps: issue.path, rule: `is not valid (${explainIssue(issue.issues[0]!).rule})` };
  }
  if (issue.code === 'invalid_union') return explainUnion(issue);
  return { steps: issue.path, rule: ruleOf(issue.message) };
}

/** The alternative that got furthest is the one that was meant; if none got anywhere, all are named. */
function explainUnion(union: z.core.$ZodIssueInvalidUnion): OptionIssue {
  const causes = union.errors.flatMap(([first]) => (first ? [explainIssue(first)] : []));
  const furthest = causes.reduce<OptionIssue | undefined>(
    (best, cause) => (cause.steps.length > (best?.steps.length ?? 0) ? cause : best),
    undefined,
  );
  if (furthest) return { steps: [...union.path, ...furthest.steps], rule: furthest.rule };
  const rules = new Set(causes.map(({ rule }) => rule));
  return { steps: union.path, rule: [...rules].join(' or ') || ruleOf(union.message) };
}

/** Our own messages continue the path already; zod's are a label and an expectation, with the type it received. */
function ruleOf(message: string): string {
  const [text = message] = message.split(', received');
  if (/^(must|is|needs|cannot)\b/.test(text)) return text;
  const expected = /[Ee]xpected (?:\w+ to )?(.+)$/.exec(text)?.[1] ?? /: must (.+)$/.exec(text)?.[1];
  if (expected === undefined) return `is not valid (${text.charAt(0).toLowerCase()}${text.slice(1)})`;
  return /^(be|have|match|start|end|include) /.test(expected) || text.includes(': must ')
    ? `must ${expected}`
    : `must be ${withArticle(expected)}`;
}

/** Only the names of types take one: `a number`, `an object`, but `one of "a"|"b"`. */
function withArticle(expected: string): string {
  if (!/^[A-Za-z]+$/.test(expected) || /^(never|null|undefined|true|false)$/.test(expected)) return expected;
  return `${/^[aeiou]/i.test(expected) ? 'an' : 'a'} ${expected}`;
}
