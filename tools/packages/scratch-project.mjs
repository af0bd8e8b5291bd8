import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from './command.mjs';

const consumer = fileURLToPath(new URL('consumer', import.meta.url));

/**
 * What a user has installed beside our packages.
 *
 * @typedef {{ ioredis: 5 | 6, mock: boolean }} Surroundings
 */

/** @type {Surroundings[]} */
export const allSurroundings = [
  { ioredis: 5, mock: true },
  { ioredis: 5, mock: false },
  { ioredis: 6, mock: true },
  { ioredis: 6, mock: false },
];

/** @param {Surroundings} surroundings */
export function nameOf({ ioredis, mock }) {
  return `ioredis ${ioredis}, ${mock ? 'with' : 'without'} ioredis-mock`;
}

/** ioredis-mock 8 still names ioredis 5 as its peer; under 6 npm refuses it unless the user says otherwise. */
const mockOnSix = { 'ioredis-mock': { ioredis: '$ioredis' }, '@types/ioredis-mock': { ioredis: '$ioredis' } };

/**
 * A project of a user: packages from tarballs, installed by npm, no condition, no workspace.
 *
 * @param {string} parent
 * @param {string[]} tarballs
 * @param {Surroundings} surroundings
 * @returns {string} Its folder.
 */
export function createProject(parent, tarballs, { ioredis, mock }) {
  const folder = join(parent, `ioredis-${ioredis}${mock ? '-mock' : ''}`);
  mkdirSync(folder);
  const dependencies = { ioredis: `^${ioredis}.0.0`, ...(mock ? { 'ioredis-mock': '^8.13.0' } : {}) };
  const overrides = mock && ioredis === 6 ? { overrides: mockOnSix } : {};
  const manifest = { name: 'scratch', private: true, type: 'module', dependencies, ...overrides };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  must('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs], folder);
  cpSync(consumer, folder, { recursive: true });
  return folder;
}
