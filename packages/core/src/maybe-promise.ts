/** A value, or a promise of it where the way to it is asynchronous. */
export type MaybePromise<T> = T | Promise<T>;

/** `use(value)`, at once when the value is there, so that a synchronous path costs no promise. */
export function whenReady<T, U>(value: MaybePromise<T>, use: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
