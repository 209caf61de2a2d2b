import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientDialog, parseProtocol, serverDialog } from '../../../src/core/starttls/dialogs.ts';
import { simulate } from './simulation.ts';

test('a line whose command we could not make out, but perhaps the server, does not reach it', () => {
  for (const hidden of [
    ' PORT 192,0,2,9,0,99',
    '\tEPRT |1|192.0.2.9|99|',
    'NOOP\rPORT 1,2,3,4,5,6',
    'PO\xff\xf4RT 192,0,2,9,0,99',
    'PORT\xff\xf2 192,0,2,9,0,99',
    'PASV\0',
    'P@SW',
  ]) {
    const { told } = simulate(
      serverDialog(parseProtocol('ftps'), { optional: false }),
      { peer: {}, program: { greeting: '220 ready\r\n' } },
      { inside: { greeting: `PROT P\r\n${hidden}\r\nPWD\r\n` } },
    );
    assert.equal(told.program, 'PWD\r\n');
    assert.match(told.peer, /\r\n500 /);
  }
});

test('commands of Telnet before a command do not reach the program', () => {
  const { told } = simulate(
    serverDialog(parseProtocol('ftps'), { optional: false }),
    { peer: {}, program: { greeting: '220 ready\r\n' } },
    { inside: { greeting: '\xff\xf4\xff\xf2ABOR\r\n\xff\xfbXPORT 1,2,3,4,5,6\r\nXMD5 a b\r\n' } },
  );
  // A server that takes out Telnet's option together with the X would hear PORT.
  assert.equal(told.program, 'ABOR\r\nXPORT 1,2,3,4,5,6\r\nXMD5 a b\r\n');
});

test('it is told when the program is asked to listen, before it hears that, and when it has answered', () => {
  const answers: Readonly<Record<string, string>> = {
    'TYPE I\r\n': '200 fine\r\n',
    'PASV\r\n': '425 no port\r\n',
    'NOOP\r\n': '200 fine\r\n',
  };
  const { told, wishes } = simulate(
    serverDialog(parseProtocol('ftps'), { optional: false }),
    {
      peer: {},
      program: { greeting: '220 ready\r\n', answer: (_, more) => answers[more] },
    },
    { inside: { greeting: 'TYPE I\r\nPASV\r\nNOOP\r\n' }, goOn: ['data-asked', 'data-answered'] },
  );
  assert.equal(told.program, 'TYPE I\r\nPASV\r\nNOOP\r\n');
  assert.deepEqual(wishes.slice(-2), ['data-asked', 'data-answered']);
  assert.equal(wishes.filter((wish) => wish === 'data-asked').length, 1);
});

test('a client that says anything but where it listens has no listener for data', () => {
  const { wishes } = simulate(
    clientDialog(parseProtocol('ftp'), { ownName: 'client.example.com' }),
    {
      peer: {
        greeting: '220 ready\r\n',
        answer: (_, more) => (more.startsWith('AUTH') ? '234 go on\r\n' : undefined),
      },
      program: { greeting: 'USER john\r\n' },
    },
    {
      inside: { answer: (_, more) => (/^P(BSZ|ROT)/.test(more) ? '200 fine\r\n' : undefined) },
      goOn: ['data-answered'],
    },
  );
  assert.equal(wishes.at(-1), 'data-answered');
});

test('a client on IPv6 that asks for an address of IPv4 is told to ask otherwise', () => {
  const answers: Readonly<Record<string, string>> = {
    'PASV\r\n': '227 Entering Passive Mode (127,0,0,1,16,0)\r\n',
    'EPSV\r\n': '229 Entering Extended Passive Mode (|||4096|)\r\n',
  };
  for (const [asked, answer] of [
    ['PASV', '425 Use EPSV'],
    ['EPSV', '229 Entering Extended Passive Mode (|||4711|)'],
  ]) {
    const { told } = simulate(
      serverDialog(parseProtocol('ftps'), { optional: false }),
      { peer: {}, program: { greeting: '220 ready\r\n', answer: (_, more) => answers[more] } },
      {
        inside: { greeting: `${asked}\r\n` },
        data: { address: '2001:db8::1', port: 4711 },
        goOn: ['data-asked', 'data-answered'],
      },
    );
    assert.equal(told.peer, `220 ready\r\n${answer}\r\n`);
  }
});
