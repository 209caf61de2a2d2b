/** The program as users have it: built, and of the sources that are there. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isCompiled } from '../setup/compile.mjs';

/** The checkout that is tested. */
export const root = join(import.meta.dirname, '..');

/** What Node is to run. */
export const entry = join(root, 'bin/run.js');

assert.ok(isCompiled(), 'dist/ is of other sources, which would be tested: npm run build');
