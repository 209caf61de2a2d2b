/** Bytes. With a cookie of 32 it is smaller than any hello: nobody can be flooded with answers to what others send. */
const LENGTH_WITHOUT_COOKIE = 28;

const HANDSHAKE = 22;
const HELLO_VERIFY_REQUEST = 3;
/** DTLS 1.0, whatever is agreed on later (RFC 6347 section 4.2.1). */
const VERSION = 0xfeff;

/**
 * The datagram that asks a client for its hello once more, with this cookie (RFC 6347 section 4.2.1).
 * @param recordSequence of the hello's record, which the answer repeats. The message's own number is always 0
 * @param cookie up to 255 bytes
 */
export function helloVerifyRequest(recordSequence: Buffer, cookie: Buffer): Buffer {
  const answer = Buffer.alloc(LENGTH_WITHOUT_COOKIE + cookie.length);
  const body = 3 + cookie.length;
  answer[0] = HANDSHAKE;
  answer.writeUInt16BE(VERSION, 1);
  recordSequence.copy(answer, 5);
  answer.writeUInt16BE(12 + body, 11);
  answer[13] = HELLO_VERIFY_REQUEST;
  answer.writeUIntBE(body, 14, 3);
  answer.writeUIntBE(body, 22, 3);
  answer.writeUInt16BE(VERSION, 25);
  answer[27] = cookie.length;
  cookie.copy(answer, LENGTH_WITHOUT_COOKIE);
  return answer;
}
