import { startPeer } from './peer.ts';
import { stunnel, stunnelCommand, stunnelConfiguration } from './stunnel.ts';
import type { Deployment, Place, Target } from './target.ts';
import { importKey, type Module, makeToken, slowSofthsm, softhsm } from './token.ts';

/** Its key in SoftHSM, by OpenSSL's PKCS #11 engine (libp11). */
export const stunnelToken: Target = {
  ...stunnel,
  id: 'stunnel-token',
  title: 'stunnel, key in SoftHSM',
  standsFor: [],
  start: (place) => start(place, softhsm),
};

export const stunnelSlow: Target = {
  ...stunnelToken,
  id: 'stunnel-slow',
  title: 'stunnel, 20 ms a signature',
  start: (place) => start(place, slowSofthsm(place)),
};

async function start(place: Place, module: Module): Promise<Deployment> {
  const token = await makeToken(place.directory);
  const key = await importKey(token, place.privateKey);
  const engine = [
    'engine = pkcs11',
    `engineCtrl = MODULE_PATH:${module.path}`,
    `engineCtrl = PIN:${token.pin}`,
  ];
  const service = ['engineId = pkcs11', `key = ${key}`];
  return startPeer(place, stunnelConfiguration(place, engine, service), stunnelCommand, {
    ...module.environment,
    ...token.environment,
  });
}
