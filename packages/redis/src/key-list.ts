/** A bulk string, as https://redis.io/docs/latest/develop/reference/protocol-spec/ has it. */
export function bulkString(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

/**
 * The keys of calls that are made again and again: put in the order that their script has them, and encoded, once. Of a
 * call with dozens of keys that is half of the work. Made by {@link keyList}.
 */
export class KeyList {
  readonly script: string;
  readonly keys: readonly string[];
  #encoded: string | undefined;

  constructor(script: string, keys: readonly string[]) {
    this.script = script;
    this.keys = keys;
  }

  /** As they travel. */
  get encoded(): string {
    this.#encoded ??= this.keys.map(bulkString).join('');
    return this.#encoded;
  }
}

/** Binds the keys of a script, the variable ones behind the named ones. */
export function keyList<Key extends string>(
  script: { readonly name: string; readonly keys: readonly Key[] },
  keys: Readonly<Record<Key, string>>,
  restKeys: readonly string[] = [],
): KeyList {
  return new KeyList(script.name, [...script.keys.map((name) => keys[name]), ...restKeys]);
}
