import { type Expression, type Letter, lettersOf } from '../expression.ts';
import { type Finding, fails, holds, unknown } from '../finding.ts';
import type { HandshakeFacts, RemoteQuestion } from '../remote-question.ts';

/** Predicates that look at no certificate. */
const ABOUT_SESSIONS = 'FfSsCcQAa';

/** Whether the other side could meet it by what it shows only. */
export function asksForCertificate({ term }: Expression): boolean {
  return lettersOf(term).some((letter) => !ABOUT_SESSIONS.includes(letter));
}

/** `F` `S` `s` `C` `c` `Q` `A` `a`: what the handshake is like; no certificate is needed to tell. */
export function sessionFact(letter: Letter, question: RemoteQuestion): Finding | undefined {
  const { remoteRole, handshake } = question;
  switch (letter) {
    case 's':
    case 'S':
      return ownRole('server', remoteRole === 'client', letter === 'S', handshake);
    case 'c':
    case 'C':
      return ownRole('client', remoteRole === 'server', letter === 'C', handshake);
    case 'f':
    case 'F':
      return handshake === undefined ? notThere : forwardSecrecy(handshake);
    case 'Q':
      return handshake === undefined ? notThere : postQuantum(handshake);
    case 'a':
    case 'A':
      return handshake === undefined ? notThere : hidden(handshake, letter === 'A');
    default:
      return undefined;
  }
}

const notThere = unknown('there is no handshake to look at');

function ownRole(
  role: 'server' | 'client',
  holdsRole: boolean,
  strict: boolean,
  handshake: HandshakeFacts | undefined,
): Finding {
  const other = role === 'server' ? 'client' : 'server';
  if (!holdsRole) return fails(`we are the ${other}`, 'access_denied');
  if (!strict) return holds(`we are the ${role}`);
  const roles = handshake?.ownRoles;
  if (roles === undefined) return unknown(`we are the ${role}; what we show is not decided yet`);
  if (roles.length === 0) return fails(`we are the ${role}, and show nothing`, 'access_denied');
  if (roles.every((own) => own === role)) {
    return holds(`we are the ${role}, and show what is good for that only`);
  }
  return fails(
    `we are the ${role}, and may show what is good for both roles`,
    'access_denied',
    `Make a credential for that role alone: tlspool identities create … --role ${role}`,
  );
}

/** ECDHE in TLS 1.2 too; RFC 8446 has nothing else. */
function forwardSecrecy({ version, cipher }: HandshakeFacts): Finding {
  const secret = version === 'TLSv1.3' || /^(?:ECDHE|DHE)-/.test(cipher);
  if (secret) return holds(`${version} with ${cipher} has forward secrecy`);
  return fails(`${cipher} has no forward secrecy`, 'handshake_failure');
}

function postQuantum({ group }: HandshakeFacts): Finding {
  if (group.includes('MLKEM')) return holds(`keys are exchanged by ${group}`);
  return fails(
    `keys are exchanged by ${group || 'nothing that quantum computers do not break'}`,
    'handshake_failure',
    'The other side needs X25519MLKEM768, as OpenSSL 3.5 has it.',
  );
}

function hidden({ version, serverName }: HandshakeFacts, strict: boolean): Finding {
  if (version !== 'TLSv1.3') {
    return fails(
      `${version} shows certificates to everybody on the wire`,
      'handshake_failure',
      'The other side needs TLS 1.3.',
    );
  }
  if (!strict) return holds('TLS 1.3 hides certificates');
  if (serverName === undefined) return holds('TLS 1.3, and no name was sent in clear');
  return fails(`the server name ${serverName} was sent in clear`, 'handshake_failure');
}
