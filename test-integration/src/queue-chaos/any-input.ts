import type { StandardSchemaV1 } from '@lockstep/core';

/** A schema that lets everything pass: these tests are about delivery, not about validation. */
export function anyInput<T>(): StandardSchemaV1<T, T> {
  return schema((value) => ({ value: value as T }));
}

/** A schema that refuses everything, as one does that was changed since a task was enqueued. */
export function noInput<T>(message: string): StandardSchemaV1<T, T> {
  return schema(() => ({ issues: [{ message }] }));
}

type Validate<T> = StandardSchemaV1<T, T>['~standard']['validate'];

function schema<T>(validate: Validate<T>): StandardSchemaV1<T, T> {
  return { '~standard': { version: 1, vendor: 'lockstep-test', validate } };
}
