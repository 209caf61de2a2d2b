import { formatDonai } from '../../identity/donai.ts';
import type { Exhibit } from '../exhibit.ts';
import { type Finding, fails, holds } from '../finding.ts';
import { fingerprintsOf } from '../fingerprints.ts';
import type { PinAnswer } from '../pins.ts';

/** `P` `p`: the key is the one that the remote is known by. `p`: or it is the first that it shows. */
export async function isPinned(
  { tools, remoteId, leaf }: Exhibit,
  lenient: boolean,
): Promise<Finding & { readonly answer?: PinAnswer }> {
  if (remoteId === undefined)
    return fails('nobody is named who could be pinned', 'bad_certificate');
  const { key } = fingerprintsOf(leaf);
  const name = formatDonai(remoteId);
  const answer = await tools.pins.ask(remoteId, key);
  const shown = `${key.slice(0, 16)}…`;
  switch (answer.is) {
    case 'match': {
      const looked = `${name} is pinned to this key, ${shown}`;
      return { ...holds(looked, seconds(answer.pin.expiresAt)), answer };
    }
    case 'roll-over':
      return {
        ...holds(
          `${name} has another key, ${shown}, as was expected`,
          seconds(answer.pin.expiresAt),
        ),
        answer,
      };
    case 'mismatch':
      return fails(
        `${name} is pinned to another key than ${shown}: ${answer.pin.key.slice(0, 16)}…`,
        'bad_certificate',
        `If the new key is known to be right: tlspool trust unpin ${name}, then tlspool trust pin ${name} ${key}`,
      );
    default:
      if (lenient) {
        const { firstUseLifetime } = tools.settings;
        const end = firstUseLifetime === 0 ? undefined : new Date(Date.now() + firstUseLifetime);
        const looked = `${name} is seen for the first time, with ${shown}`;
        return { ...holds(looked, seconds(end)), answer };
      }
      return fails(
        `${name} is not pinned to any key`,
        'bad_certificate',
        `Once the key is known to be right: tlspool trust pin ${name} ${key}`,
      );
  }
}

function seconds(moment: Date | undefined): number | undefined {
  return moment && Math.floor(moment.getTime() / 1000);
}
