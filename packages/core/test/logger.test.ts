import { afterEach, describe, expect, test, vi } from 'vitest';
import { consoleLogger, errorReporter, type Logger } from '@lockstep/core';

const context = { source: 'locks', operation: 'renew' };
const failure = new Error('no reply');

function recordingLogger() {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  return logger satisfies Logger;
}

describe('the default logger', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('is silent below warn', () => {
    const [debug, info, log] = (['debug', 'info', 'log'] as const).map((level) => vi.spyOn(console, level));
    consoleLogger.debug({}, 'a');
    consoleLogger.info({}, 'b');
    for (const spy of [debug, info, log]) expect(spy).not.toHaveBeenCalled();
  });

  test('writes warnings and errors with their fields', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const error = vi.spyOn(console, 'error').mockReturnValue();
    consoleLogger.warn({ a: 1 }, 'careful');
    consoleLogger.error({ b: 2 }, 'failed');
    expect(warn).toHaveBeenCalledWith('careful', { a: 1 });
    expect(error).toHaveBeenCalledWith('failed', { b: 2 });
  });
});

describe('a background failure', () => {
  test('goes to onError alone when there is one', () => {
    const logger = recordingLogger();
    const onError = vi.fn();
    errorReporter(logger, onError)(failure, context);
    expect(onError).toHaveBeenCalledWith(failure, context);
    expect(logger.error).not.toHaveBeenCalled();
  });

  test('is logged when nobody listens', () => {
    const logger = recordingLogger();
    errorReporter(logger, undefined)(failure, context);
    expect(logger.error).toHaveBeenCalledWith({ err: failure, ...context }, 'locks: renew failed');
  });

  test('a handler that throws is logged, and the loop that reports goes on', () => {
    const logger = recordingLogger();
    const thrown = new Error('handler');
    const report = errorReporter(logger, () => {
      throw thrown;
    });
    report(failure, context);
    expect(logger.error).toHaveBeenCalledWith(
      { err: thrown, ...context },
      'the onError handler itself threw',
    );
  });

  test('the rejection of an async handler is logged, not left unhandled', async () => {
    const logger = recordingLogger();
    const thrown = new Error('handler');
    const onError = (): void => Promise.reject(thrown) as unknown as void;
    errorReporter(logger, onError)(failure, context);
    await Promise.resolve();
    expect(logger.error).toHaveBeenCalledWith(
      { err: thrown, ...context },
      'the onError handler itself threw',
    );
  });

  test('a logger that throws does not reach the loop either', () => {
    const logger = recordingLogger();
    logger.error.mockImplementation(() => {
      throw new Error('disk full');
    });
    expect(() => errorReporter(logger, undefined)(failure, context)).not.toThrow();
  });
});
