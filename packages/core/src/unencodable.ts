import type { PayloadIssue } from './errors.ts';
import { joinPath } from './path.ts';

const emptiedByJson = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Promise', 'RegExp', 'Error']);
const droppedKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** The way to the place is put together on the way back from it, so that a search that finds nothing builds no paths. */
interface Finding {
  readonly steps: PropertyKey[];
  readonly message: string;
}

/**
 * The first place where JSON would fail on a value or change it silently. Runs only after the encoder saw a sign of
 * one, so it costs nothing on the plain path.
 */
export function findUnencodable(value: unknown): PayloadIssue | undefined {
  try {
    const finding = search(jsonForm(value), []);
    return finding && { path: joinPath('', finding.steps), message: finding.message };
  } catch {
    return { path: '', message: 'cannot be read: it is nested too deeply, or a getter or toJSON threw' };
  }
}

function search(form: unknown, ancestors: object[]): Finding | undefined {
  const problem = problemOf(form, ancestors);
  if (problem !== undefined) return { steps: [], message: problem };
  if (typeof form !== 'object' || form === null) return undefined;
  ancestors.push(form);
  const finding = Array.isArray(form) ? searchArray(form, ancestors) : searchObject(form, ancestors);
  ancestors.pop();
  return finding;
}

function searchArray(items: readonly unknown[], ancestors: object[]): Finding | undefined {
  for (let index = 0; index < items.length; index++) {
    const finding = search(jsonForm(items[index]), ancestors);
    if (finding) return below(index, finding);
  }
  return undefined;
}

function searchObject(object: object, ancestors: object[]): Finding | undefined {
  for (const key of Object.keys(object)) {
    const form = jsonForm((object as Record<string, unknown>)[key]);
    if (isLeftOut(form)) continue;
    if (droppedKeys.has(key)) return { steps: [key], message: 'is a key that is never delivered' };
    const finding = search(form, ancestors);
    if (finding) return below(key, finding);
  }
  return undefined;
}

function below(step: PropertyKey, { steps, message }: Finding): Finding {
  return { steps: [step, ...steps], message };
}

function problemOf(form: unknown, ancestors: readonly object[]): string | undefined {
  if (typeof form === 'string') return undefined;
  if (typeof form === 'number') return Number.isFinite(form) ? undefined : `${form} has no JSON form`;
  if (typeof form === 'bigint' || isLeftOut(form)) return `${typeof form} has no JSON form`;
  if (typeof form !== 'object' || form === null) return undefined;
  if (ancestors.includes(form)) return 'refers back to an object that contains it';
  const kind = Object.prototype.toString.call(form).slice('[object '.length, -1);
  return emptiedByJson.has(kind) ? `${kind} has no JSON form` : undefined;
}

/** What JSON.stringify goes on with: the result of `toJSON`, which even a bigint may have been given. */
function jsonForm(value: unknown): unknown {
  if (typeof value !== 'bigint' && (typeof value !== 'object' || value === null)) return value;
  // An invalid date writes itself as null; its time shows what is wrong.
  if (value instanceof Date && Number.isNaN(value.getTime())) return NaN;
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? toJSON.call(value) : value;
}

/** JSON leaves these out of an object, which is how an optional property is absent, and makes them null in an array. */
function isLeftOut(form: unknown): boolean {
  return form === undefined || typeof form === 'function' || typeof form === 'symbol';
}
