/** Where background events go. A pino logger fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = (): void => {};

/** Silent below `warn`. */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
};

/** What a background failure was doing. */
export interface ErrorContext {
  /** Which object: `redis`, `queue emails`, `locks`. */
  readonly source: string;
  /** What it tried: `subscribe`, `renew`, `turn`. */
  readonly operation: string;
}

/** Receives failures that no caller awaits. If it throws or rejects, that is logged and dropped. */
export type ErrorHandler = (error: unknown, context: ErrorContext) => void;

/** An `onError` that always reaches the logger and never throws back into the loop that reports. */
export function errorReporter(logger: Logger, onError: ErrorHandler | undefined): ErrorHandler {
  const report = (error: unknown, context: ErrorContext, message: string): void => {
    try {
      logger.error({ err: error, ...context }, message);
    } catch {
      // A logger that throws leaves nobody to tell.
    }
  };
  return (error, context) => {
    if (!onError) return report(error, context, `${context.source}: ${context.operation} failed`);
    const failed = (thrown: unknown): void => report(thrown, context, 'the onError handler itself threw');
    try {
      // An async function passes for a handler; its rejection would otherwise be nobody's.
      const returned: unknown = onError(error, context);
      if (returned instanceof Promise) returned.catch(failed);
    } catch (thrown) {
      failed(thrown);
    }
  };
}
