import type { Logger } from '@lockstep/core';

/** Warnings and errors as plain lines. What was said before is not said again: a fault that hits many tasks is one. */
export function lineLogger(write: (line: string) => void): Logger {
  const said = new Set<string>();
  const ignore = (): void => {};
  const line = (_fields: object, message: string): void => {
    if (said.has(message)) return;
    said.add(message);
    write(`! ${message}`);
  };
  return { debug: ignore, info: ignore, warn: line, error: line };
}
