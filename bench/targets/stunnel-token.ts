import { startPeer } from './peer.ts';
import { stunnel, stunnelCommand, stunnelConfiguration } from './stunnel.ts';
import type { Deployment, Place, Target } from './target.ts';
import { type Module, makeToken, softhsm } from './token.ts';

/** Its key in SoftHSM, by OpenSSL's PKCS #11 engine (libp11). */
export const stunnelToken: Target = {
  ...stunnel,
  id: 'stunnel-token',
  title: 'stunnel, key in SoftHSM',
  standsFor: [],
  start: (place) => start(place, softhsm),
};

async function start(place: Place, module: Module): Promise<Deployment> {
  const { key, pin, environment } = await makeToken(place.directory, place.privateKey);
  const engine = [
    'engine = pkcs11',
    `engineCtrl = MODULE_PATH:${module.path}`,
    `engineCtrl = PIN:${pin}`,
  ];
  const service = ['engineId = pkcs11', `key = ${key}`];
  return startPeer(place, stunnelConfiguration(place, engine, service), stunnelCommand, {
    ...module.environment,
    ...environment,
  });
}
