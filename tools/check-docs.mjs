// Links lead somewhere, READMEs say what a reader looks for, and code in documents is code that runs.
// `--write` copies the marked examples into the documents first.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkLinks } from './docs/links.mjs';
import { checkPackageMap, checkReferenceList } from './docs/package-map.mjs';
import { checkReadmeSections } from './docs/readme-sections.mjs';
import { checkSnippets, withSnippets } from './docs/snippets.mjs';
import { filesBelow, readText } from './tree/files.mjs';
import { report } from './tree/problem.mjs';
import { root } from './tree/root.mjs';

const documents = filesBelow(root).filter((file) => file.endsWith('.md'));

if (process.argv.includes('--write')) {
  for (const file of documents) {
    const text = readText(root, file);
    const fresh = withSnippets(root, text);
    if (fresh !== text) writeFileSync(join(root, file), fresh);
  }
}

const checks = [checkLinks, checkPackageMap, checkReferenceList, checkReadmeSections, checkSnippets];
report(
  'check-docs',
  checks.flatMap((check) => check(root)),
  `${documents.length} documents`,
);
