import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '../../../src/core/engine/engine.ts';
import { skip, withoutThreads } from '../../without-threads.ts';
import { Pki } from './fixture.ts';

test('without means for a thread the engine does not start, which is an error; paths are checked without one', {
  skip,
}, async () => {
  using pki = new Pki();
  const start = () => Engine.start({ threads: 2 });
  withoutThreads(() => assert.throws(start, /no thread of the engine .*temporarily unavailable/));
  const engine = start();
  try {
    const anchors = engine.createAnchors([pki.ca()]);
    const question = { anchors, chain: [pki.ca()] };
    assert.equal((await withoutThreads(() => engine.verifyPath(question))).ok, true);
    assert.equal((await engine.verifyPath(question)).ok, true);
  } finally {
    await engine.stop();
  }
});
