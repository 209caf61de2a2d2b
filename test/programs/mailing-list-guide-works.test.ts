import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GuideRun } from './stage/guide-run.ts';

const mailServer = `
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/spool/smtpd
chown mail /var/mail
touch smtpd.conf
mount --bind smtpd.conf /etc/smtpd.conf
mkdir bin
cat > bin/smtpd <<'END'
#!/bin/sh
exec /usr/sbin/smtpd -T smtp "$@"
END
chmod 755 bin/smtpd
PATH="$PWD/bin:$PATH"
trap 'cp -r /var/mail/list list 2>/dev/null || true' EXIT
`;

test('the guide to a mailing list for members only works as it is written', {
  skip: process.getuid?.() === 0 ? false : 'it takes root to have port 25',
  timeout: 300_000,
}, async () => {
  using guide = await GuideRun.take('mailing-list.md', mailServer);
  // Two members' mails, and nothing of anybody else.
  assert.equal(readdirSync(join(guide.folder, 'list/new')).length, 2);
  const log = guide.printed('tlspool wrap');
  assert.equal(log.match(/smtp envelope/g)?.length, 2);
  assert.doesNotMatch(log, /failed-command/);
  assert.deepEqual(heard(log), [...mailOf('mary@example.com'), ...mailOf('john@example.com')]);
});

/** What smtpd heard, but for the EHLO by which wrap asks what it can, and John's NOOP, which may come too late. */
function heard(log: string): string[] {
  return [...log.matchAll(/^smtp: \S+: <<< (.*)$/gm)]
    .map(([, command = '']) => command)
    .filter((command) => command !== 'EHLO lists.example.org' && command !== 'NOOP')
    .map((command) => command.replace(/^EHLO .*/, 'EHLO'));
}

function mailOf(from: string): string[] {
  return ['EHLO', `MAIL FROM:<${from}>`, 'RCPT TO:<list@lists.example.org>', 'DATA', 'QUIT'];
}
