import type { StandardResult, StandardSchemaV1 } from '@lockstep/core';

/** What is used of a zod schema besides the Standard Schema interface. */
interface ZodSchema extends StandardSchemaV1 {
  safeParseAsync(value: unknown): Promise<ZodResult>;
  /** Zod's door for other libraries: runs the checks without first trying whether they are synchronous. */
  readonly _zod?: { run(payload: Run, context: { readonly async: true }): Run | Promise<Run> } | undefined;
}

type ZodResult =
  | { readonly success: true; readonly data: unknown }
  | {
      readonly success: false;
      readonly error: Extract<StandardResult<unknown>, { issues: readonly unknown[] }>;
    };

interface Run {
  readonly value: unknown;
  readonly issues: readonly unknown[];
}

/**
 * The schema, or a stand-in where it is one of zod with asynchronous checks. Zod tries every value synchronously first
 * and drops the promises of that try: a check that rejects would then end a Node process, however well the second try
 * is handled. Here a schema is asked once whether it promises, and is not tried again where it does.
 */
export function withoutStrayPromises(schema: StandardSchemaV1): StandardSchemaV1 {
  if (!isZod(schema)) return schema;
  const { vendor, version, validate } = schema['~standard'];
  let synchronous: boolean | undefined;
  const check = (value: unknown): ReturnType<typeof validate> => {
    synchronous ??= isSynchronous(schema, value);
    if (synchronous !== true) return validateAsync(schema, value);
    const result = validate(value);
    // Only now and then, such as in one branch of a union: from here on nothing is tried any more.
    if (result instanceof Promise) synchronous = false;
    return result;
  };
  return { '~standard': { vendor, version, validate: check } };
}

function isZod(schema: StandardSchemaV1): schema is ZodSchema {
  return (
    schema['~standard'].vendor === 'zod' &&
    typeof (schema as Partial<ZodSchema>).safeParseAsync === 'function'
  );
}

/** `undefined` when this value does not tell: it was refused, perhaps before a check that promises. */
function isSynchronous({ _zod: zod }: ZodSchema, value: unknown): boolean | undefined {
  try {
    const run = zod?.run({ value, issues: [] }, { async: true });
    if (!(run instanceof Promise)) return run?.issues.length === 0 ? true : undefined;
    // What comes of the value is asked again; this was about the promise alone.
    run.catch(() => undefined);
    return false;
  } catch {
    return undefined;
  }
}

async function validateAsync(schema: ZodSchema, value: unknown): Promise<StandardResult<unknown>> {
  const result = await schema.safeParseAsync(value);
  return result.success ? { value: result.data } : { issues: result.error.issues };
}
