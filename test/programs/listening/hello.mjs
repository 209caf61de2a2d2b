// A server of Node, whose event loop watches its listener.
import http from 'node:http';

http
  .createServer((request, response) => {
    const { remoteAddress, remotePort } = request.socket;
    response.end(`${remoteAddress}:${remotePort}\n`);
  })
  .listen(0, '127.0.0.1');
