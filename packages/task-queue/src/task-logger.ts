import type { Logger } from '@lockstep/core';

/** A logger that adds fields to each line; a line's own fields win. */
export function taskLogger(logger: Logger, fields: object): Logger {
  const bind =
    (level: keyof Logger) =>
    (own: object, message: string): void =>
      logger[level]({ ...fields, ...own }, message);
  return { debug: bind('debug'), info: bind('info'), warn: bind('warn'), error: bind('error') };
}
