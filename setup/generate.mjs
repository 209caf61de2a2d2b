// What is made from the commands and committed: the oclif manifest, manual pages, completions.

import { node } from './place.mjs';
import { run } from './step.mjs';

export function generate() {
  run('the manifest and what is made of it', node, ['setup/documents/write.ts']);
}
