/** Control characters, and those that make text run in another direction or not show at all. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]/gu;

/** As it may stand in a prompt: whoever chose the text cannot make it look like something else. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, '');
}

/** At most that many bytes of UTF-8, the middle being left out: both ends of names tell most. */
export function shorten(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const letters = [...text];
  const mark = '…';
  const room = bytes - Buffer.byteLength(mark);
  let head = '';
  let tail = '';
  let used = 0;
  for (let first = 0, last = letters.length - 1; first <= last; first += 1, last -= 1) {
    const [front = '', back = ''] = [letters[first], letters[last]];
    if (used + Buffer.byteLength(front) > room) break;
    head += front;
    used += Buffer.byteLength(front);
    if (used + Buffer.byteLength(back) > room) break;
    tail = back + tail;
    used += Buffer.byteLength(back);
  }
  return head + mark + tail;
}
