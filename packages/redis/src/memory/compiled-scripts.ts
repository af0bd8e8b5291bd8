import { createRequire } from 'node:module';

/** What is used of fengari, the Lua of ioredis-mock: functions of the Lua C API, under their names there. */
interface Fengari {
  readonly lua: {
    readonly LUA_MULTRET: number;
    lua_dump(state: unknown, write: Writer, data: null, strip: boolean): number;
    lua_pcall(state: unknown, args: number, results: number, handler: number): number;
  };
  readonly lauxlib: {
    luaL_dostring(state: unknown, source: Uint8Array): number;
    luaL_loadstring(state: unknown, source: Uint8Array): number;
    luaL_loadbuffer(state: unknown, bytes: Uint8Array, size: number, name: null): number;
  };
}

type Writer = (state: unknown, bytes: Uint8Array, size: number) => number;

/** More than a service has scripts; one that builds Lua from data must not fill the memory. */
const mostScripts = 200;

const done = new WeakSet<Fengari>();

/**
 * The mock makes a Lua state for every call and parses the script anew, which is half of the work. Here a script is
 * parsed once and kept as bytecode, with its lines, so that it behaves and fails as before. Does nothing where the mock
 * brings no fengari.
 */
export function keepCompiledScripts(mockPath: string): void {
  let fengari: Fengari;
  try {
    fengari = createRequire(mockPath)('fengari') as Fengari;
  } catch {
    return;
  }
  if (done.has(fengari)) return;
  done.add(fengari);
  const { lua, lauxlib } = fengari;
  const compiled = new Map<string, Uint8Array>();
  lauxlib.luaL_dostring = (state, source) => {
    const text = Buffer.from(source).toString('latin1');
    const bytecode = compiled.get(text);
    const failure =
      bytecode === undefined
        ? lauxlib.luaL_loadstring(state, source)
        : lauxlib.luaL_loadbuffer(state, bytecode, bytecode.length, null);
    if (failure !== 0) return failure;
    if (bytecode === undefined) {
      if (compiled.size >= mostScripts) compiled.clear();
      compiled.set(text, dump(fengari, state));
    }
    return lua.lua_pcall(state, 0, lua.LUA_MULTRET, 0);
  };
}

/** The bytecode of the function on top of the stack. */
function dump({ lua }: Fengari, state: unknown): Uint8Array {
  const parts: Uint8Array[] = [];
  const write: Writer = (_, bytes, size) => {
    parts.push(bytes.slice(0, size));
    return 0;
  };
  lua.lua_dump(state, write, null, false);
  return Buffer.concat(parts);
}
