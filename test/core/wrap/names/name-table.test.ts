import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameTable } from '../../../../src/core/wrap/names/name-table.ts';

const address = '192.0.2.1';

function told(name: string, ...addresses: string[]) {
  return { names: [{ name, addresses }], services: [] };
}

test('a process is known by what it asked for itself, the latest question first', () => {
  const table = new NameTable();
  table.learn(10, told('old.example', address));
  table.learn(10, told('new.example', address));
  table.learn(11, told('other.example', address));
  assert.deepEqual(table.namesOf([10], address, 443), [
    'new.example',
    'old.example',
    'other.example',
  ]);
  table.learn(10, told('old.example', address));
  assert.equal(table.namesOf([10], address, 443)[0], 'old.example');
});

test('what an ancestor asked comes before what anybody else asked', () => {
  const table = new NameTable();
  table.learn(10, told('master.example', address));
  table.learn(99, told('stranger.example', address));
  assert.deepEqual(table.namesOf([12, 11, 10], address, 443), [
    'master.example',
    'stranger.example',
  ]);
});

test('what a helper process asked is known to all', () => {
  const table = new NameTable();
  table.learn(77, told('helped.example', address));
  assert.deepEqual(table.namesOf([10, 1], address, 443), ['helped.example']);
});

test('nobody asked for it: no name', () => {
  assert.deepEqual(new NameTable().namesOf([10], address, 443), []);
});

test("a service's port is the domain's, other ports are the host's own", () => {
  const table = new NameTable();
  table.learn(10, {
    names: [],
    services: [{ domain: 'example.com', host: 'xmpp.example.net', port: 5222 }],
  });
  table.learn(10, told('xmpp.example.net', address));
  assert.deepEqual(table.namesOf([10], address, 5222), ['example.com']);
  assert.deepEqual(table.namesOf([10], address, 443), ['xmpp.example.net']);
});

test('it is bounded, what was asked for longest ago going first', () => {
  const table = new NameTable({ processes: 2, addressesOfProcess: 2, addresses: 3 });
  for (const number of [1, 2, 3, 4]) {
    table.learn(10, told(`${number}.example`, `192.0.2.${number}`));
  }
  assert.deepEqual(table.namesOf([10], '192.0.2.1', 443), []);
  assert.deepEqual(table.namesOf([10], '192.0.2.2', 443), ['2.example']);
  assert.deepEqual(table.namesOf([10], '192.0.2.4', 443), ['4.example']);
  for (let number = 0; number < 1000; number++)
    table.learn(10, told(`n${number}.example`, address));
  assert.equal(table.namesOf([10], address, 443).length, 64);
});
